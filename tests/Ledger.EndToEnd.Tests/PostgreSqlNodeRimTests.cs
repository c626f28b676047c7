using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>On PostgreSQL.</summary>
public sealed class PostgreSqlNodeRimTests(PostgreSqlRimNode node)
    : NodeRimTests(node), IClassFixture<PostgreSqlRimNode>;
