using System.Diagnostics;
using System.Text.Json;
using Grpc.Core;
using Ledger.Access;
using Ledger.Client;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.Node.Tests.Security;

/// <summary>Who is blocked is refused by all nodes within two seconds, open streams too, and nobody locks himself
/// out.</summary>
[Collection(PostgresCollection.Name)]
public sealed class BlockProcessTests : IDisposable
{
    private readonly ITestOutputHelper output;
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-block-");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) ops = ApiKey.Create("ops1");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) payer = ApiKey
        .Create("payer1");

    public BlockProcessTests(ITestOutputHelper output)
    {
        this.output = output;
        object Key(string principal, System.Collections.Immutable.ImmutableArray<byte> hash) =>
            new { principal, sha256 = Convert.ToHexString(hash.AsSpan()), expireTime = "2099-01-01T00:00:00Z" };

        File.WriteAllText(PolicyPath, JsonSerializer.Serialize(new
        {
            principals = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["ops"] = new
                {
                    grants = new object[]
                    {
                        new { @do = new[] { "admin" } },
                        new { @do = new[] { "read", "open" }, accounts = new[] { "**" } },
                    },
                },
                ["payer"] = new
                {
                    grants = new object[]
                    {
                        new { @do = new[] { "read" }, accounts = new[] { "users:**" } },
                        new { @do = new[] { "transfer" }, debit = new[] { "bank" }, credit = new[] { "users:*" } },
                    },
                },
            },
            keys = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["ops1"] = Key("ops", ops.Hash), ["payer1"] = Key("payer", payer.Hash),
            },
        }));
    }

    private string PolicyPath => Path.Combine(directory.FullName, "policy.json");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public async Task A_block_on_one_node_holds_on_the_other_in_two_seconds_and_ends_its_streams()
    {
        var database = PostgresServer.Shared.CreateDatabase();
        int[] ports = [LoopbackPort.Next(), LoopbackPort.Next()];
        using var first = StartMember(database, 0, ports);
        using var second = StartMember(database, 1, ports);
        using var operators = Connect(await first.GrpcListeningAsync(), ops.Key);
        using var elsewhere = Connect(await second.GrpcListeningAsync(), payer.Key);
        await Until.TrueAsync(async () =>
        {
            try
            {
                await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
                return (await elsewhere.GetAccountAsync("users:1")) is not null;
            }
            catch (LedgerClientException e) when (e.Code is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                return false; // The cluster is being founded.
            }
        });
        await using var stream = elsewhere.OpenTransferStream();
        (await stream.PostAsync(Pay())).Status.ShouldBe(Client.TransferStatus.Created);

        foreach (var (kind, subject) in new[]
        {
            (Client.CallerBlockKind.Principal, "payer"), (Client.CallerBlockKind.Key, "payer1"),
        })
        {
            var began = Stopwatch.GetTimestamp();
            var block = await operators.BlockCallerAsync(kind, subject, TimeSpan.FromHours(1), "ignored", "ticket 7");
            (block.Kind, block.Subject, block.Principal).ShouldBe((kind, subject, "ops"));
            await UntilAsync(elsewhere, "CALLER_BLOCKED");
            var took = Stopwatch.GetElapsedTime(began);
            output.WriteLine($"{kind}: refused by the other node after {took.TotalMilliseconds:0} ms");
            (await operators.ListBlocksAsync()).Single().Subject.ShouldBe(subject);
            (await operators.UnblockCallerAsync(kind, subject)).ShouldBeTrue();
            (await operators.UnblockCallerAsync(kind, subject)).ShouldBeFalse();
            await UntilAsync(elsewhere, null);
        }

        // A stream that was open before. Its next transfer, or the session, is told.
        await using var other = elsewhere.OpenTransferStream();
        (await other.PostAsync(Pay())).Status.ShouldBe(Client.TransferStatus.Created);
        var at = Stopwatch.GetTimestamp();
        await operators.BlockCallerAsync(
            Client.CallerBlockKind.Principal, "payer", TimeSpan.FromHours(1), "ignored", "ticket 8");
        var reason = "";
        while (reason.Length == 0 && Stopwatch.GetElapsedTime(at) < TimeSpan.FromSeconds(20))
        {
            try
            {
                (await other.PostAsync(Pay())).Status.ShouldBe(Client.TransferStatus.Created);
            }
            catch (LedgerClientException e)
            {
                reason = e.Reason;
            }
        }

        var ended = Stopwatch.GetElapsedTime(at);
        output.WriteLine($"an open stream on the other node ended after {ended.TotalMilliseconds:0} ms with {reason}");
        reason.ShouldBe("CALLER_BLOCKED");
        foreach (var node in new[] { second, first })
        {
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }
    }

    [Fact]
    public async Task A_pattern_of_denials_is_blocked_on_all_nodes_within_five_seconds_of_the_first()
    {
        var database = PostgresServer.Shared.CreateDatabase();
        int[] ports = [LoopbackPort.Next(), LoopbackPort.Next()];
        using var first = StartMember(database, 0, ports, "--Ledger:Security:AutoBlock:DenialsPerMinuteMax=50");
        using var second = StartMember(database, 1, ports, "--Ledger:Security:AutoBlock:DenialsPerMinuteMax=50");
        using var here = Connect(await first.GrpcListeningAsync(), payer.Key);
        using var elsewhere = Connect(await second.GrpcListeningAsync(), payer.Key);
        foreach (var one in new[] { here, elsewhere })
        {
            await Until.TrueAsync(async () => await one.GetAccountAsync("bank").RefusedAsync() == "PERMISSION_DENIED");
        }

        var began = Stopwatch.GetTimestamp();
        var denials = 0;
        while (await here.GetAccountAsync("bank").RefusedAsync() == "PERMISSION_DENIED")
        {
            denials++.ShouldBeLessThan(5_000);
        }

        await Until.TrueAsync(async () => await elsewhere.GetAccountAsync("bank").RefusedAsync() == "CALLER_BLOCKED");
        var took = Stopwatch.GetElapsedTime(began);
        output.WriteLine(
            $"{denials} denials, and the other node refuses {took.TotalMilliseconds:0} ms after the first");
        using var operators = Connect(await second.GrpcListeningAsync(), ops.Key);
        var block = (await operators.ListBlocksAsync()).Single();
        (block.Kind, block.Subject, block.Principal)
            .ShouldBe((Client.CallerBlockKind.Key, "payer1", "ledger:automatic"));
        block.Reason.ShouldStartWith("50 denials within");
        (block.ExpireTime - block.CreateTime).ShouldBe(TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1));
        foreach (var node in new[] { second, first })
        {
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }
    }

    [Fact]
    public async Task Whoever_blocks_himself_ends_it_from_the_nodes_own_machine()
    {
        using (var node = new NodeProcess(directory.FullName, Settings()))
        {
            using var operators = Connect(await node.GrpcListeningAsync(), ops.Key);
            foreach (var (kind, subject) in new[]
            {
                (Client.CallerBlockKind.Address, "127.0.0.0/8"), (Client.CallerBlockKind.Key, "ops1"),
                (Client.CallerBlockKind.Principal, "ops"),
            })
            {
                await operators.BlockCallerAsync(kind, subject, TimeSpan.FromHours(1), "", "a mistake");
                (await operators.GetAccountAsync("bank").RefusedAsync()).ShouldBe("CALLER_BLOCKED");
                (await operators.BlockCallerAsync(kind, subject, TimeSpan.FromHours(1), "", "x").RefusedAsync())
                    .ShouldBe("CALLER_BLOCKED");
                (await operators.ListBlocksAsync()).Single().Reason.ShouldBe("a mistake");
                (await operators.UnblockCallerAsync(kind, subject)).ShouldBeTrue();
                (await operators.GetAccountAsync("bank")).ShouldBeNull("He is let through, and there is none.");
            }

            foreach (var (kind, subject, length, reason) in new[]
            {
                (Client.CallerBlockKind.Unspecified, "a", 1, "x"), (Client.CallerBlockKind.Address, "host", 1, "x"),
                (Client.CallerBlockKind.Key, "a-b", 1, "x"),
                (Client.CallerBlockKind.Principal, "a", 0, "x"), (Client.CallerBlockKind.Principal, "a", 367 * 24, "x"),
                (Client.CallerBlockKind.Principal, "a", 1, ""),
            })
            {
                (await operators.BlockCallerAsync(kind, subject, TimeSpan.FromHours(length), "", reason).RefusedAsync())
                    .ShouldBe("INVALID_ARGUMENT", subject);
            }

            await operators.BlockCallerAsync(Client.CallerBlockKind.Key, "payer1", TimeSpan.FromHours(1), "", "stays");
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }

        // It is in the database: a restart unblocks nobody. And it is over when its time is.
        using var next = new NodeProcess(directory.FullName, Settings());
        var grpc = await next.GrpcListeningAsync();
        using var again = Connect(grpc, ops.Key);
        using var blocked = Connect(grpc, payer.Key);
        (await blocked.GetAccountAsync("users:1").RefusedAsync()).ShouldBe("CALLER_BLOCKED");
        await again.BlockCallerAsync(Client.CallerBlockKind.Key, "payer1", TimeSpan.FromSeconds(1), "", "for a second");
        await UntilAsync(blocked, null);
        next.Terminate();
        (await next.ExitAsync()).ShouldBe(0, next.Output);
        next.Output.ShouldNotContain("fail:");
    }

    private static Client.AccountSpec Account(string address) => new() { Address = address, Asset = "USD/2", Code = 1 };

    private static Client.Transfer Pay() => new()
    {
        Id = Guid.CreateVersion7(),
        DebitAccount = "bank", CreditAccount = "users:1", Amount = 1, Code = 1,
        Asset = "USD/2",
    };

    private static LedgerClient Connect(Uri grpc, string key) => new(new LedgerClientOptions
    {
        Addresses = [grpc], MaxAttempts = 1, WriteTimeout = TimeSpan.FromSeconds(50), ReadTimeout = TimeSpan
            .FromSeconds(50),
        Token = _ => ValueTask.FromResult(key),
    });

    private static Task UntilAsync(LedgerClient client, string? reason) =>
        Until.TrueAsync(async () => await client.GetAccountAsync("users:1").RefusedAsync() == reason);

    private string[] Settings(string audit = "audit") =>
    [
        "--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={PolicyPath}",
        $"--Ledger:Audit:Path={Path.Combine(directory.FullName, audit)}",
    ];

    private NodeProcess StartMember(string database, int number, int[] ports, params string[] more) => new(
        directory.FullName,
        [
            .. Settings($"audit-{number}"), "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={database}",
            "--Ledger:Cluster:Port=0", "--Ledger:Cluster:Tls:Enabled=false",
            $"--Ledger:Http:Url=http://127.0.0.1:{ports[number]}",
            .. ports.Select(static (port, i) => $"--Ledger:Cluster:ContactPoints:{i}=127.0.0.1:{port}"), .. more,
        ]);
}
