using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: a node starts, refuses to start, and stops as an operator expects. Method: real processes; what they
/// print and their exit codes.</summary>
public sealed class LifecycleTests : IClassFixture<PostgresCollection.Lifetime>
{
    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task Stop_under_load_exits_0_and_loses_nothing_that_was_answered(Database database)
    {
        using var store = new Store(database);
        var answered = new List<Guid>();
        await using (var node = await NodeProcess.StartAsync(store))
        {
            using var client = node.Connect();
            await OpenAsync(client);
            using var stop = new CancellationTokenSource();
            var posting = Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var transfer = NewTransfer();
                    try
                    {
                        (await client.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
                        lock (answered)
                        {
                            answered.Add(transfer.Id);
                        }
                    }
                    catch (LedgerClientException)
                    {
                        return;
                    }
                }
            }));
            await Until.TrueAsync("100 answers", () =>
            {
                lock (answered)
                {
                    return answered.Count >= 100;
                }
            });

            await node.StopAsync();
            await stop.CancelAsync();
            await posting.WaitAsync(Until.Patience);
        }

        await using var again = await NodeProcess.StartAsync(store);
        using var reader = again.Connect();
        var booked = await reader.ListStatementAsync("life:a").Select(entry => entry.Transfer.Id).ToHashSetAsync();
        answered.ShouldAllBe(id => booked.Contains(id));
    }

    [Theory]
    [InlineData(NodeProcess.SignalTerminate)]
    [InlineData(NodeProcess.SignalHangUp)]
    public async Task Stop_with_an_open_stream_answers_what_was_sent_and_exits_0(int signal)
    {
        using var store = new Store(Database.Sqlite);
        await using var node = await NodeProcess.StartAsync(store);
        using var client = node.Connect();
        await OpenAsync(client);
        await using var stream = client.OpenTransferStream();
        (await stream.PostAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);

        // The stream is idle and open: the node must not wait for the client to close it.
        (await node.StopAsync(signal)).ShouldBeLessThan(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task Stop_leaves_nothing_to_be_written_by_the_next_node(Database database)
    {
        using var store = new Store(database);
        await using (var node = await NodeProcess.StartAsync(store, "--Ledger:CommitRecordDelay", "00:00:10"))
        {
            using var client = node.Connect();
            await OpenAsync(client);
            (await client.PostTransferAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
            await node.StopAsync();
        }

        var rows = await store.CountJournalRowsAsync();
        await using var next = await NodeProcess.StartAsync(store, "--Ledger:CommitRecordDelay", "00:00:00");
        using var reader = next.Connect();
        (await reader.GetAccountAsync("life:a"))!.EntryCount.ShouldBe(1UL);
        (await reader.GetAccountAsync("life:b"))!.EntryCount.ShouldBe(1UL);
        await next.StopAsync();
        (await store.CountJournalRowsAsync()).ShouldBe(rows);
    }

    [Theory]
    [InlineData("ledger.db")]
    [InlineData("symbolic.db")]
    [InlineData("hard.db")]
    public async Task A_second_node_on_the_same_file_refuses_in_one_line_by_whatever_name(string name)
    {
        using var store = new Store(Database.Sqlite);
        await using var first = await NodeProcess.StartAsync(store);
        var path = Path.Combine(store.Root, name);
        if (name != "ledger.db")
        {
            var link = await Programs.RunAsync(
                Programs.OnPath("ln")!, store.Root,
                [.. name == "hard.db" ? (string[])[] : ["-s"], store.SqliteFile, path]);
            link.ExitCode.ShouldBe(0, link.All);
        }

        var second = await StartAndFailAsync(store, "--Ledger:Sqlite:Path", path);

        OneLine(second).ShouldContain("in use by another process");
        using var client = first.Connect();
        await OpenAsync(client);
    }

    /// <summary>As the shell of SQLite restores it into the open file: its name and its inode stay.</summary>
    [Fact]
    public async Task A_backup_that_is_restored_under_a_node_halts_it_until_an_operator_begins_an_epoch()
    {
        using var store = new Store(Database.Sqlite);
        string token;
        await using (var node = await NodeProcess.StartAsync(store))
        {
            await using var client = node.Connect();
            using var http = new HttpClient { BaseAddress = node.Json };
            await OpenAsync(client);
            (await client.PostTransferAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
            await store.ExecuteAsync($"VACUUM INTO '{store.SqliteFile}.older'");
            (await client.PostTransferAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
            var page = JsonNode.Parse(await http.GetStringAsync("/v1/accounts/life:a/statement?pageSize=1"))!;
            token = (string)page["nextPageToken"]!;
            token.ShouldNotBeEmpty();

            store.RestoreSqlite(store.SqliteFile + ".older");

            // A first row has no predecessor that could be missing.
            await Should.ThrowAsync<LedgerClientException>(
                () => client.OpenAccountsAsync([new AccountSpec { Address = "life:new", Asset = "USD/2", Code = 1 }]));
            (await node.EndedAsync()).ShouldBe(1, node.Output);
            node.Output.ShouldContain("HALTED");
            node.Output.ShouldContain("was acknowledged");
        }

        var refused = await StartAndFailAsync(store);
        OneLine(refused).ShouldContain("HALTED");
        OneLine(refused).ShouldContain("epoch begin");
        var begun = await Programs.RunAsync(
            Programs.Node, store.Root,
            ["epoch", "begin", "--by", "Ada Lovelace", "--reason", "the backup lacks a payment", .. store.Settings]);
        begun.ExitCode.ShouldBe(0, begun.All);
        foreach (var snapshots in Directory.EnumerateFiles(store.Root, "ledger.snapshots.db*"))
        {
            File.Delete(snapshots);
        }

        await using var next = await NodeProcess.StartAsync(store);
        await using var other = next.Connect();
        (await other.PostTransferAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
        (await other.GetAccountAsync("life:a"))!.EntryCount.ShouldBe(2ul);

        // What was read of the books before may be no more.
        using var json = new HttpClient { BaseAddress = next.Json };
        using var answer = await json.GetAsync($"/v1/accounts/life:a/statement?pageSize=1&pageToken={token}");
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var told = await answer.Content.ReadAsStringAsync();
        told.ShouldContain("PAGE_TOKEN_OF_ANOTHER_EPOCH");
        told.ShouldContain("Begin again");
    }

    [Fact]
    public async Task A_port_in_use_is_told_in_one_line()
    {
        using var store = new Store(Database.Sqlite);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var url = $"http://{taken.LocalEndpoint}";

        var refused = await StartAndFailAsync(store, "--Ledger:Grpc:Url", url);

        OneLine(refused).ShouldContain(url);
        OneLine(refused).ShouldContain("address already in use");

        // Nothing is left behind that would keep the next node away.
        await using var node = await NodeProcess.StartAsync(store);
    }

    [Fact]
    public async Task An_unreachable_PostgreSQL_is_told_in_one_line()
    {
        using var store = new Store(Database.Sqlite);
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();

        var refused = await StartAndFailAsync(
            store, "--ConnectionStrings:Ledger", $"Host=127.0.0.1;Port={port};Username=nobody;Password=s3cret");

        OneLine(refused).ShouldContain("PostgreSQL");
        OneLine(refused).ShouldContain($"127.0.0.1:{port}");
        (refused.Out + refused.Error).ShouldNotContain("s3cret");
    }

    [Theory]
    [InlineData("--Ledger:Sqlite:Pfad", "x.db", "Ledger:Sqlite:Pfad")]
    [InlineData("--Ledger:CallTimeout", "fast", "CallTimeout")]
    [InlineData("--Ledger:CallTimeout", "1.00:00:00", "CallTimeout")]
    [InlineData("--Ledger:Mode", "Clustered", "PostgreSQL")]
    [InlineData("--Ledger:Grpc:Url", "nonsense", "nonsense")]
    public async Task A_bad_setting_is_told_in_one_line(string setting, string value, string told)
    {
        using var store = new Store(Database.Sqlite);

        var refused = await StartAndFailAsync(store, setting, value);

        OneLine(refused).ShouldContain(told);
    }

    private static async Task<Ended> StartAndFailAsync(Store store, params string[] settings)
    {
        string[] free = ["--Ledger:Grpc:Url", "http://127.0.0.1:0", "--Ledger:Http:Url", "http://127.0.0.1:0"];
        var ended = await Programs.RunAsync(Programs.Node, store.Root, [.. store.Settings, .. free, .. settings]);
        ended.ExitCode.ShouldBe(1, ended.All);
        return ended;
    }

    private static string OneLine(Ended refused)
    {
        var lines = refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(1, refused.All);
        lines[0].ShouldStartWith("ledger: ");
        refused.Out.ShouldNotContain("   at ", Case.Sensitive, refused.All);
        refused.Out.ShouldNotContain("Exception", Case.Sensitive, refused.All);
        return lines[0];
    }

    private static async Task OpenAsync(LedgerClient client)
    {
        var outcomes = await client.OpenAccountsAsync(
        [
            new AccountSpec { Address = "life:a", Asset = "USD/2", Code = 1 },
            new AccountSpec { Address = "life:b", Asset = "USD/2", Code = 1 },
        ]);
        outcomes.ShouldAllBe(outcome => outcome.IsOpen);
    }

    private static Transfer NewTransfer() => new()
    {
        Id = TransferIds.New(), DebitAccount = "life:a", CreditAccount = "life:b", Amount = 1, Code = 1,
    };
}
