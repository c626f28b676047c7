// Half of a class's time is waiting: for a dead node's leases, for a cluster, for a pause that a test makes. Meanwhile
// others compute. What says that no call fails in its time has the machine to itself (AloneCollection).
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
[assembly: TestCollectionOrderer("Ledger.EndToEnd.Tests.Support.LongestFirst", "Ledger.EndToEnd.Tests")]
