namespace Ledger.EndToEnd.Tests.Support;

/// <summary>On a file.</summary>
public sealed class SqliteRimNode() : RimNode(Database.Sqlite);
