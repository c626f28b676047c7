using System.Net.Http.Json;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.Node.Tests;

/// <summary>Goal: an administrator can make the tables and a role that may do no more than it must, with what a node
/// prints. Method: what it prints is run on an empty database, and a node with that role and no right to create tables
/// takes a transfer.</summary>
[Collection(PostgresCollection.Name)]
public sealed class SchemaCommandTests : IDisposable
{
    private const string Role = "ledger \"least\" role";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-schema-");
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(30) };

    [Fact]
    public async Task What_is_printed_makes_the_tables_and_the_rights_of_the_role()
    {
        var owner = PostgresServer.Shared.CreateDatabase();
        Execute(owner, $"CREATE ROLE {Quoted} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;");
        try
        {
            var role = new NpgsqlConnectionStringBuilder(owner) { Username = Role }.ToString();

            // The way out is named where it is needed.
            using (var refused = new NodeProcess(directory.FullName, $"--ConnectionStrings:Ledger={role}"))
            {
                (await refused.ExitAsync()).ShouldBe(1, refused.Output);
                refused.Output.ShouldContain("Ledger.Node schema --role NAME");
            }

            var printed = new StringWriter();
            SchemaCommand.Run(["--role", Role], printed).ShouldBe(0);
            Execute(owner, printed.ToString());
            Execute(owner, printed.ToString());
            using var node = new NodeProcess(
                directory.FullName, $"--ConnectionStrings:Ledger={role}", "--Ledger:PostgreSql:AutoInitialize=false");
            var url = await node.ListeningAsync();
            await PostAsync(url, "/v1/accounts", new
            {
                accounts =
                    new[] { new { address = "a", asset = "USD/2", code = 1 },
                        new { address = "b", asset = "USD/2", code = 1 } },
            });
            (await PostAsync(url, "/v1/transfers", new
            {
                id = Guid.CreateVersion7(), debitAccount = "a", creditAccount = "b", amount = "1", code = 1,
            })).ShouldContain("TRANSFER_STATUS_CREATED");
            node.Output.ShouldContain("Ready: the node serves calls");
            node.Output.ShouldStartWith("Ledger.Node ");
            node.Output.ShouldNotContain("could be changed");
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);

            // A role that somebody has given more than that.
            Execute(
                owner, $"GRANT UPDATE ON journal, ledger_identity TO {Quoted}; GRANT DELETE ON journal TO {Quoted};");
            using var more = new NodeProcess(
                directory.FullName, $"--ConnectionStrings:Ledger={role}", "--Ledger:PostgreSql:AutoInitialize=false");
            await more.ListeningAsync();
            await Until.TrueAsync(() => more.Output.Contains(
                "UPDATE on journal, DELETE on journal, UPDATE on ledger_identity", StringComparison.Ordinal));
            more.Output.ShouldContain(
                "REVOKE UPDATE, DELETE, TRUNCATE ON journal, tags, ledger_loss, ledger_identity FROM");
            more.Terminate();
            (await more.ExitAsync()).ShouldBe(0, more.Output);

            // Where it is asked for, nothing less than the least will do; and what is printed takes the rest away.
            string[] strict = [
                "--Ledger:PostgreSql:AutoInitialize=false", "--Ledger:PostgreSql:RefuseExcessRights=true"];
            using (var refused = new NodeProcess(directory.FullName, [$"--ConnectionStrings:Ledger={role}", .. strict]))
            {
                (await refused.ExitAsync()).ShouldBe(1, refused.Output);
                refused.Output.ShouldContain("the journal could be changed: the role '");
            }

            using (var super = new NodeProcess(directory.FullName, [$"--ConnectionStrings:Ledger={owner}", .. strict]))
            {
                (await super.ExitAsync()).ShouldBe(1, super.Output);
                super.Output.ShouldContain("It is a superuser: give the nodes a role of their own.");
            }

            Execute(
                owner,
                $"REVOKE UPDATE, DELETE, TRUNCATE ON journal, tags, ledger_loss, ledger_identity FROM {Quoted};");
            using var least = new NodeProcess(directory.FullName, [$"--ConnectionStrings:Ledger={role}", .. strict]);
            await least.ListeningAsync();
            least.Terminate();
            (await least.ExitAsync()).ShouldBe(0, least.Output);
        }
        finally
        {
            Execute(owner, $"DROP OWNED BY {Quoted}; DROP ROLE {Quoted};");
        }
    }

    [Fact]
    public async Task What_is_printed_for_SQLite_are_the_tables_that_a_node_makes()
    {
        var printed = new StringWriter();
        SchemaCommand.Run(["--sqlite"], printed).ShouldBe(0);
        using (var node = new NodeProcess(directory.FullName, "--Ledger:Sqlite:Path=made/ledger.db"))
        {
            await node.ListeningAsync();
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }

        var parts = printed.ToString().Split("-- File ")[1..];
        parts.Length.ShouldBe(4);
        foreach (var part in parts)
        {
            var name = part.Split(':')[0];
            var script = part[(part.IndexOf('\n', StringComparison.Ordinal) + 1)..];
            var own = Path.Combine(directory.FullName, name);
            Apply(own, script);
            Apply(own, script);
            var tables = Tables(own);
            tables.Length.ShouldBeGreaterThan(0);
            tables.ShouldBe(Tables(Path.Combine(directory.FullName, "made", name)), name);
        }

        // A node goes on with what was made so.
        using var next = new NodeProcess(directory.FullName, "--Ledger:Sqlite:Path=ledger.db");
        await next.ListeningAsync();
        next.Terminate();
        (await next.ExitAsync()).ShouldBe(0, next.Output);

        static void Apply(string file, string script)
        {
            using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = script;
            command.ExecuteNonQuery();
        }

        static string[] Tables(string file)
        {
            using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText =
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name";
            using var reader = command.ExecuteReader();
            var found = new List<string>();
            while (reader.Read())
            {
                found.Add(reader.GetString(0));
            }

            return [.. found];
        }
    }

    [Theory]
    [InlineData("--rolle", "x")]
    [InlineData("more")]
    public void What_it_does_not_know_is_refused(params string[] args) =>
        Should.Throw<SettingsException>(() => SchemaCommand.Run(args, TextWriter.Null));

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    private static string Quoted => "\"" + Role.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static void Execute(string database, string sql)
    {
        using var connection = new NpgsqlConnection(database);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private async Task<string> PostAsync(Uri url, string path, object body)
    {
        var response = await http.PostAsJsonAsync(new Uri(url, path), body);
        var text = await response.Content.ReadAsStringAsync();
        response.IsSuccessStatusCode.ShouldBeTrue(text);
        return text;
    }
}
