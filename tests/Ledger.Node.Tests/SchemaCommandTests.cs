using System.Net.Http.Json;
using Ledger.Tests.Shared;
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
                accounts = new[] { new { address = "a", asset = "USD/2", code = 1 }, new { address = "b", asset = "USD/2", code = 1 } },
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
            Execute(owner, $"GRANT UPDATE ON journal, ledger_identity TO {Quoted}; GRANT DELETE ON journal TO {Quoted};");
            using var more = new NodeProcess(
                directory.FullName, $"--ConnectionStrings:Ledger={role}", "--Ledger:PostgreSql:AutoInitialize=false");
            await more.ListeningAsync();
            await Until.TrueAsync(() => more.Output.Contains(
                "UPDATE on journal, DELETE on journal, UPDATE on ledger_identity", StringComparison.Ordinal));
            more.Terminate();
            (await more.ExitAsync()).ShouldBe(0, more.Output);
        }
        finally
        {
            Execute(owner, $"DROP OWNED BY {Quoted}; DROP ROLE {Quoted};");
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
