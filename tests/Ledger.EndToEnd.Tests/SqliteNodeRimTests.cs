using Ledger.EndToEnd.Tests.Support;

namespace Ledger.EndToEnd.Tests;

/// <summary>On a SQLite file.</summary>
public sealed class SqliteNodeRimTests(SqliteRimNode node) : NodeRimTests(node), IClassFixture<SqliteRimNode>;
