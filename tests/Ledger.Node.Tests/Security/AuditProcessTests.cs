using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Client;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.Node.Tests.Security;

/// <summary>What a real node puts on record, and what becomes of the record when it is killed, attacked, or has no room
/// left.</summary>
public sealed class AuditProcessTests(ITestOutputHelper output) : IDisposable
{
    private static readonly Client.AccountFreeze s_all = new() { Debits = true, Credits = true };

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-audit-node-");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) ops = ApiKey.Create("ops1");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) teller = ApiKey
        .Create("teller1");

    private string PolicyPath => Path.Combine(directory.FullName, "policy.json");

    private string AuditPath => Path.Combine(directory.FullName, "data", "audit");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public async Task Failures_denials_changes_operators_and_policies_are_on_record()
    {
        using (var node = Start())
        {
            var grpc = await node.GrpcListeningAsync();
            using var operators = Connect(grpc, ops.Key);
            await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
            await operators.PostTransferAsync(Pay("bank", "users:1"));
            await operators.FreezeAccountAsync("users:1", s_all);
            await operators.UnfreezeAccountAsync("users:1");
            (await operators.FreezeAccountAsync("nobody", s_all)).Status.ShouldBe(Client.AccountStatus.NotFound);
            await foreach (var _ in operators.ListInDoubtAsync())
            {
                throw new InvalidOperationException("Nothing is in doubt.");
            }

            using var denied = Connect(grpc, teller.Key);
            (await DeniedAsync(() => denied.GetAccountAsync("bank"))).ShouldBe("PERMISSION_DENIED");
            (await DeniedAsync(() => denied.FreezeAccountAsync("bank", s_all))).ShouldBe("PERMISSION_DENIED");
            using var wrong = Connect(grpc, ApiKey.Create("ops1").Key);
            for (var i = 0; i < 10; i++)
            {
                (await DeniedAsync(() => wrong.GetAccountAsync("bank"))).ShouldBe("UNAUTHENTICATED");
            }

            using (var nothing = Connect(grpc, null))
            {
                (await DeniedAsync(() => nothing.GetAccountAsync("bank"))).ShouldBe("UNAUTHENTICATED");
            }

            await File.WriteAllTextAsync(PolicyPath, Policy("users:2"));
            await Until.TrueAsync(() => node.Output.Contains("is in force", StringComparison.Ordinal));
            await File.WriteAllTextAsync(PolicyPath, "{}");
            await Until.TrueAsync(() => node.Output.Contains("is not used", StringComparison.Ordinal));
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
            node.Output.ShouldContain("The newest record of the audit log has the head ");
        }

        var records = Read();
        foreach (var record in records)
        {
            output.WriteLine($"{record.Number} {record.Event}");
        }

        Of(AuditKind.Opened, AuditKind.Closed).Select(static one => one.Kind)
            .ShouldBe([AuditKind.Opened, AuditKind.Closed]);
        var changes = Of(AuditKind.Change);
        changes.Select(static one => (one.Method, one.Target, one.Outcome)).ShouldBe(
        [
            ("ledger.v1.AccountService/FreezeAccount", "users:1", "ACCOUNT_STATUS_CHANGED"),
            ("ledger.v1.AccountService/UnfreezeAccount", "users:1", "ACCOUNT_STATUS_CHANGED"),
            ("ledger.v1.AccountService/FreezeAccount", "nobody", "ACCOUNT_STATUS_NOT_FOUND"),
        ]);
        changes.ShouldAllBe(
            static one => one.Principal == "ops" && one.Credential == "key:ops1" && one.Address == "127.0.0.1"
            && one.Correlation != null);
        Of(AuditKind.AdminCall).Single().Method.ShouldBe("ledger.v1.AdminService/ListInDoubt");
        Of(AuditKind.Denied).Select(static one => (one.Principal, one.Method))
            .ShouldContain(("teller", "ledger.v1.AccountService/GetAccount"));
        Sum(AuditKind.Denied).ShouldBe(2);
        Of(AuditKind.AuthenticationFailed).ShouldContain(static one => one.Credential == "key:ops1"
            && one.Detail == "The key is not in the policy, or has expired.");
        Of(AuditKind.AuthenticationFailed).ShouldContain(static one => one.Credential == null && one.Detail == null);
        Sum(AuditKind.AuthenticationFailed).ShouldBe(11);
        Of(AuditKind.KeyLocked).Single().ShouldSatisfyAllConditions(
            static one => one.Credential.ShouldBe("key:ops1"), static one => one.Detail.ShouldBe("for 00:01:00"));
        var loaded = Of(AuditKind.PolicyLoaded);
        loaded.Length.ShouldBe(2);
        loaded[1].Detail.ShouldBe(
            $"sha256 "
                + Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Policy("users:2")))));
        Of(AuditKind.PolicyRefused).Single().Detail.ShouldNotBeNull().ShouldContain("can't be read");

        // Ordinary writes stand in the journal with their principals, and amounts and keys nowhere here.
        var text = string.Concat(AuditFolder.FilesIn(AuditPath).Select(File.ReadAllText));
        text.ShouldNotContain("PostTransfer");
        text.ShouldNotContain(ops.Key);
        text.ShouldNotContain(teller.Key);

        AuditEvent[] Of(params AuditKind[] kinds) =>
            [.. records.Where(record => kinds.Contains(record.Event.Kind)).Select(static record => record.Event)];

        long Sum(AuditKind kind) =>
            records.Where(record => record.Event.Kind == kind).Sum(static one => one.Count == 0 ? 1 : one.Count);
    }

    [Fact]
    public async Task A_node_that_is_killed_under_load_leaves_a_chain_that_goes_on()
    {
        // A12. Whoever changed what stands in the journal too; what the log may lack is what was answered last.
        var answered = new ConcurrentQueue<(string Account, long At)>();
        long killed;
        using (var node = Start("--Ledger:Audit:FileBytesMax=65536"))
        {
            var grpc = await node.GrpcListeningAsync();
            using var operators = Connect(grpc, ops.Key);
            string[] accounts = [.. Enumerable.Range(0, 400).Select(static i => $"users:{i}")];
            await operators.OpenAccountsAsync([.. accounts.Select(Account)]);
            var load = Enumerable.Range(0, 8).Select(async number =>
            {
                try
                {
                    for (var i = number; i < accounts.Length; i += 8)
                    {
                        await operators.FreezeAccountAsync(accounts[i], s_all);
                        answered.Enqueue((accounts[i], Stopwatch.GetTimestamp()));
                    }
                }
                catch (LedgerClientException)
                {
                    // It was killed.
                }
            }).ToArray();
            await Until.TrueAsync(() => answered.Count > 200);
            killed = Stopwatch.GetTimestamp();
            Process.GetProcessById(node.Id).Kill();
            await node.ExitAsync();
            await Task.WhenAll(load);
        }

        using (var next = Start("--Ledger:Audit:FileBytesMax=65536"))
        {
            await next.ListeningAsync();
            using var http = Http(ops.Key);
            (await http.GetStringAsync(new Uri(await next.ListeningAsync(), "/health")))
                .ShouldContain("\"ledger-audit\":{\"status\":\"Healthy\"");
            next.Terminate();
            (await next.ExitAsync()).ShouldBe(0, next.Output);
        }

        var records = Read();
        records.Count(static one => one.Event.Kind == AuditKind.Opened).ShouldBeGreaterThanOrEqualTo(2);
        var onRecord = records.Where(static one => one.Event.Kind == AuditKind.Change)
            .Select(static one => one.Event.Target!).ToHashSet();
        var missing = answered.Where(one => !onRecord.Contains(one.Account)).ToArray();
        output.WriteLine(
            $"{answered.Count} changes were answered, {missing.Length} of the last moment are not on record,"
            + $" {AuditFolder.FilesIn(AuditPath).Length} files");
        missing.ShouldAllBe(one => Stopwatch.GetElapsedTime(one.At, killed) < TimeSpan.FromSeconds(5));
        onRecord.Count.ShouldBeGreaterThan(100);
    }

    [Fact]
    public async Task An_attack_of_failures_makes_few_records_and_no_call_waits_for_them()
    {
        using (var node = Start())
        {
            var json = await node.ListeningAsync();
            var refused = 0;
            var began = Stopwatch.GetTimestamp();
            await Parallel.ForEachAsync(Enumerable.Range(0, 16), async (thread, cancellation) =>
            {
                using var http = new HttpClient();
                for (var i = 0; i < 600; i++)
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(json, "/v1/accounts/bank"));
                    request.Headers.Authorization = new AuthenticationHeaderValue(
                        "Bearer", ApiKey.Create($"k{thread}x{i}").Key);
                    using var response = await http.SendAsync(request, cancellation);
                    response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
                    Interlocked.Increment(ref refused);
                }
            });
            var took = Stopwatch.GetElapsedTime(began);
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
            output.WriteLine(
                $"{refused} failures in {took.TotalSeconds:0.0} s; {Size()} bytes of audit log, {node.Output.Length} "
                    + "of the other");
            node.Output.Length.ShouldBeLessThan(100_000);
        }

        Size().ShouldBeLessThan(1_000_000);
        Read().Where(static one => one.Event.Kind == AuditKind.AuthenticationFailed)
            .Sum(static one => one.Count == 0 ? 1 : one.Count)
            .ShouldBe(16 * 600);
        long Size() => AuditFolder.FilesIn(AuditPath).Sum(static file => new FileInfo(file).Length);
    }

    [Fact]
    public async Task Two_nodes_on_one_directory_are_refused_in_a_line()
    {
        using var first = Start();
        await first.ListeningAsync();
        using var second = Start("--Ledger:Sqlite:Path=other.db");
        (await second.ExitAsync()).ShouldBe(1, second.Output);
        second.Output.ShouldContain("ledger: Ledger:Audit:Path: The audit log in ");
        second.Output.ShouldContain("is in use by another process");
    }

    [Fact]
    public async Task Where_the_log_has_no_room_the_node_serves_and_refuses_changes_only_where_it_is_asked_to()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            output.WriteLine("Left out: to mount, one must be root on Linux.");
            return;
        }

        // A disk of its own, of 256 KiB, which is filled.
        var disk = directory.CreateSubdirectory("disk").FullName;
        WritePolicy();
        using var node = new NodeProcess(
            directory.FullName,
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=256k tmpfs \"$1\" && shift && exec \"$@\"", "sh",
                disk],
            new Dictionary<string, string>(),
            [.. Settings, $"--Ledger:Audit:Path={disk}", "--Ledger:Audit:Require=true"]);
        var grpc = await node.GrpcListeningAsync();
        using var operators = Connect(grpc, ops.Key);
        await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
        (await operators.FreezeAccountAsync("users:1", s_all)).Status.ShouldBe(Client.AccountStatus.Changed);
        var filler = $"/proc/{node.Id}/root{disk}/filler";
        try
        {
            await using var file = File.Create(filler);
            await file.WriteAsync(new byte[1024 * 1024]);
        }
        catch (IOException)
        {
            // Full, as it should be.
        }

        // What was let in before it was noticed is done; from then on nothing is.
        var refused = "";
        await Until.TrueAsync(async () =>
        {
            try
            {
                await operators.UnfreezeAccountAsync(
                    "users:1", request: new RequestOptions { Timeout = TimeSpan.FromSeconds(1) });
                await operators.FreezeAccountAsync(
                    "users:1", s_all, request: new RequestOptions { Timeout = TimeSpan.FromSeconds(1) });
            }
            catch (LedgerClientException e)
            {
                refused = e.Reason;
            }

            return refused.Length > 0;
        });
        refused.ShouldBe("OVERLOADED");
        (await operators.GetAccountAsync("bank")).ShouldNotBeNull("Whatever needs no record goes on.");
        (await operators.PostTransferAsync(Pay("bank", "users:2"))).Status
            .ShouldBe(Client.TransferStatus.CreditAccountNotFound);
        await Until.TrueAsync(() => node.Output.Contains("can't be written", StringComparison.Ordinal));

        File.Delete(filler);
        await Until.TrueAsync(async () =>
        {
            try
            {
                return (
                    await operators.UnfreezeAccountAsync(
                        "users:1", request: new RequestOptions { Timeout = TimeSpan.FromSeconds(1) }))
                    .Status is Client.AccountStatus.Changed or Client.AccountStatus.Unchanged;
            }
            catch (LedgerClientException)
            {
                return false;
            }
        });
        var reader = new AuditReader($"/proc/{node.Id}/root{disk}");
        await Until.TrueAsync(() =>
        {
            reader = new AuditReader($"/proc/{node.Id}/root{disk}");
            return reader.Read()
                .Any(static one => one.Event.Kind == AuditKind.Change && one.Event.Method!.Contains("Unfreeze"));
        });
        reader.Findings.Where(static one => one.IsFault).ShouldBeEmpty();
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    private static Client.AccountSpec Account(string address) => new() { Address = address, Asset = "USD/2", Code = 1 };

    private static Client.Transfer Pay(string debit, string credit) => new()
    {
        Id = Guid.CreateVersion7(), DebitAccount = debit, CreditAccount = credit, Amount = 1, Code = 1, Asset = "USD/2",
    };

    private static async Task<string> DeniedAsync(Func<Task> call) =>
        (await Should.ThrowAsync<LedgerClientException>(call)).Reason;

    private static HttpClient Http(string key)
    {
        var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return http;
    }

    private static LedgerClient Connect(Uri grpc, string? key) => new(new LedgerClientOptions
    {
        Addresses = [grpc], MaxAttempts = 1, WriteTimeout = TimeSpan.FromSeconds(50), ReadTimeout = TimeSpan
            .FromSeconds(50),
        Token = key is null ? null : _ => ValueTask.FromResult(key),
    });

    private string[] Settings => ["--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={PolicyPath}"];

    private NodeProcess Start(params string[] more)
    {
        WritePolicy();
        return new NodeProcess(directory.FullName, [.. Settings, .. more]);
    }

    private void WritePolicy() => File.WriteAllText(PolicyPath, Policy("users:1"));

    private List<AuditRecord> Read()
    {
        var reader = new AuditReader(AuditPath);
        List<AuditRecord> records = [.. reader.Read()];
        reader.Findings.ShouldBeEmpty();
        return records;
    }

    private string Policy(string readable)
    {
        object Key(string principal, System.Collections.Immutable.ImmutableArray<byte> hash) =>
            new { principal, sha256 = Convert.ToHexString(hash.AsSpan()), expireTime = "2099-01-01T00:00:00Z" };

        return JsonSerializer.Serialize(new
        {
            principals = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["ops"] = new
                {
                    grants = new object[]
                    {
                        new { @do = new[] { "admin" } },
                        new { @do = new[] { "read", "open", "list", "change", "limits" }, accounts = new[] { "**" } },
                        new { @do = new[] { "transfer" }, debit = new[] { "**" }, credit = new[] { "**" } },
                    },
                },
                ["teller"] =
                    new { grants = new object[] { new { @do = new[] { "read" }, accounts = new[] { readable } } } },
            },
            keys = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["ops1"] = Key("ops", ops.Hash), ["teller1"] = Key("teller", teller.Hash),
            },
        });
    }
}
