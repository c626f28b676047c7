using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>The tests in which nothing else may take the processors: they say that no call fails in its time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection : ICollectionFixture<PostgresCollection.Lifetime>
{
    /// <summary>The name for <c>[Collection(AloneCollection.Name)]</c>.</summary>
    public const string Name = "alone";
}
