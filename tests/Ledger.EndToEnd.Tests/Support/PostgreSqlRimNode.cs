namespace Ledger.EndToEnd.Tests.Support;

/// <summary>On a server.</summary>
public sealed class PostgreSqlRimNode() : RimNode(Database.PostgreSql);
