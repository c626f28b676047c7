using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>The tests of several nodes: one cluster at a time, beside tests of one node.</summary>
[CollectionDefinition(Name)]
public sealed class ClusterCollection : ICollectionFixture<PostgresCollection.Lifetime>
{
    /// <summary>The name for <c>[Collection(ClusterCollection.Name)]</c>.</summary>
    public const string Name = "clusters";
}
