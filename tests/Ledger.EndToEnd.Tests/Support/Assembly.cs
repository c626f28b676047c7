// Half of a class's time is waiting: for a dead node's leases, for a cluster, for a pause that a test makes. Meanwhile
// another one computes. What says that no call fails in its time has the nodes to itself (AloneCollection).
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
[assembly: TestCollectionOrderer("Ledger.EndToEnd.Tests.Support.LongestFirst", "Ledger.EndToEnd.Tests")]
