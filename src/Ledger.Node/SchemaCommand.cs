using Ledger.PostgreSql;
using Ledger.Sqlite;

namespace Ledger.Node;

/// <summary>Prints the SQL that makes the tables of a ledger: in PostgreSQL for an administrator where the ledger's own
/// role may create none, with the rights that this role needs; in SQLite file by file.</summary>
internal static class SchemaCommand
{
    public const string Name = "schema";

    private const string RoleOption = "--role";
    private const string SqliteOption = "--sqlite";
    private const string ExampleRole = "ledger";

    /// <summary>Runs the command.</summary>
    /// <param name="args">What stands behind the command's name.</param>
    /// <param name="output">Where to print.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SettingsException">The command is not understood.</exception>
    public static int Run(string[] args, TextWriter output)
    {
        if (args is [SqliteOption])
        {
            PrintSqlite(output);
            return 0;
        }

        var role = args switch
        {
            [] => null,
            [RoleOption, var name] => name,
            [var option] when option.StartsWith(RoleOption + "=", StringComparison.Ordinal) =>
                option[(RoleOption.Length + 1)..],
            _ =>
                throw new SettingsException(
                    $"{Name} [{RoleOption} NAME], or {Name} {SqliteOption}: it takes nothing else"),
        };
        output.WriteLine(
            $"-- The tables of a ledger, Ledger.Node {NodeUsage.Version}. Run by their owner; again without harm.");
        output.WriteLine(PostgreSqlSchema.Script.Trim());
        output.WriteLine();
        output.WriteLine(role is null
            ? $"-- What the role of the nodes needs, and no more; with {RoleOption} NAME as statements:"
            : "-- What the role of the nodes needs, and no more:");
        foreach (var grant in Grants(role ?? ExampleRole))
        {
            output.WriteLine(role is null ? "-- " + grant : grant);
        }

        output.WriteLine("-- Whoever begins an epoch (Ledger.Node epoch begin) also needs INSERT on ledger_identity.");
        return 0;
    }

    private static void PrintSqlite(TextWriter output)
    {
        output.WriteLine(
            $"-- The tables of a ledger in SQLite, Ledger.Node {NodeUsage.Version}: four files, which a node makes at "
                + "its start,");
        output.WriteLine(
            "-- readable by its user alone. Each part again without harm. With Ledger:Sqlite:Path=ledger.db:");
        foreach (var (file, what, script) in new[]
        {
            ("ledger.db", "the journal, and what is kept with it", SqliteScripts.Journal),
            ("ledger.snapshots.db", "snapshots, which can be made again", SqliteScripts.Snapshots),
            ("ledger.work.db", "the hold index, which can be made again", SqliteScripts.Work),
            ("ledger.index.db", "the index of transfers and accounts, which can be made again", SqliteScripts.Index),
        })
        {
            output.WriteLine();
            output.WriteLine($"-- File {file}: {what}.");
            output.WriteLine(script.Trim());
        }
    }

    private static string[] Grants(string role)
    {
        var to = $"TO \"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\";";
        return
        [
            "GRANT SELECT, INSERT ON journal, tags, ledger_loss " + to,
            "GRANT SELECT ON ledger_identity " + to,
            "GRANT SELECT, INSERT, UPDATE, DELETE ON snapshot, ledger_id, ledger_hold, ledger_unfinished,"
            + " ledger_work_checkpoint, ledger_block, ledger_lease, ledger_shard, ledger_index " + to,
            "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ledger_transfer, ledger_transfer_metadata, "
            + "ledger_account, ledger_account_metadata, ledger_index_prepared " + to,
        ];
    }
}
