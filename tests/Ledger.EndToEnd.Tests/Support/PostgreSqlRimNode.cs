using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>On a server.</summary>
public sealed class PostgreSqlRimNode() : RimNode(Database.PostgreSql)
{
    private readonly PostgresCollection.Lifetime server = new();

    /// <inheritdoc/>
    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        server.Dispose();
    }
}
