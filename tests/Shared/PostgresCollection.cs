using Xunit;

namespace Ledger.Tests.Shared;

/// <summary>The collection of all test classes that use <see cref="PostgresServer.Shared"/>: they run one after the
/// other, and the server goes when the last one has ended.</summary>
/// <remarks>Where nothing stops the server, the classes need no order, and take <see cref="Lifetime"/> as a fixture
/// instead.</remarks>
[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresCollection.Lifetime>
{
    /// <summary>The name for <c>[Collection(PostgresCollection.Name)]</c>.</summary>
    public const string Name = "PostgreSQL";

    /// <summary>Stops the server when the last that uses it has ended. When the process exits it is too late: a test
    /// host is not given the time.</summary>
    public sealed class Lifetime : IDisposable
    {
        /// <summary>One more uses the server.</summary>
        public Lifetime() => PostgresServer.UseShared();

        /// <inheritdoc/>
        public void Dispose() => PostgresServer.LeaveShared();
    }
}
