using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace Ledger.Access.Tests;

/// <summary>Generated policies and requests: the ledger of a caller allows what <see cref="PolicyModel"/> does, alone,
/// in a batch and in a transaction alike. <c>LEDGER_POLICY_CASES</c> has it try more of them.</summary>
public sealed class PolicyModelTests(ITestOutputHelper output)
{
    private const int CasesByDefault = 20_000;
    private const int RequestsOfPolicy = 20;

    private static readonly string[] s_names = ["a", "b", "a:a", "a:b", "b:a", "a:a:b", "b:b:b"];
    private static readonly string[] s_patterns = [
        "**", "*", "a", "b", "a:*", "*:a", "a:**", "*:*:b", "b:**", "a:a:b", "*:b"];
    private static readonly string[] s_sides = ["transfer", "hold", "close-by-transfer", "reverse"];
    private static readonly string[] s_accounts = ["read", "statement", "list", "open", "change", "limits"];
    private static readonly string[] s_assets = ["USD/2", "EUR/2", "X/0"];

    [Fact]
    public async Task Each_way_to_the_ledger_allows_what_the_policy_means()
    {
        var cases = int.Parse(
            Environment.GetEnvironmentVariable("LEDGER_POLICY_CASES")
            ?? CasesByDefault.ToString(CultureInfo.InvariantCulture),
            CultureInfo.InvariantCulture);
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}, {cases} cases");
        var random = new Random(seed);
        var (allowed, denied) = (0, 0);
        for (var done = 0; done < cases; done += RequestsOfPolicy)
        {
            var grants = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Grant(random)).ToList();
            var model = new PolicyModel(grants);
            var json = Write(grants);
            var policies = new Policies(json);
            for (var i = 0; i < RequestsOfPolicy; i++)
            {
                var holds = new Dictionary<TransferId, Transfer>();
                var transfer = Make(random, holds);
                var expected = model.Allows(transfer, holds.GetValueOrDefault(transfer.HoldId));
                var what = $"seed {seed}, case {done + i}: {json} {transfer} {string.Join(' ', holds.Values)}";
                (await PassesAsync(policies, holds, (ledger, _) => ledger.PostTransferAsync(transfer)))
                    .ShouldBe(expected, what);
                (await PassesAsync(policies, holds, (ledger, _) => ledger.PostTransfersAsync([transfer])))
                    .ShouldBe(expected, what);
                (await PassesAsync(
                    policies, holds,
                    (ledger, _) => ledger.SubmitBatchAsync([new BatchItem(TransactionLeg.Of(transfer))])))
                        .ShouldBe(expected, what);
                (await PassesAsync(policies, holds, (ledger, _) => ledger.PostTransactionAsync(
                    Transaction.Of(NewId(random), transfer)))).ShouldBe(expected, what);
                var account = Address(random);
                var asset = Read(s_assets[random.Next(s_assets.Length)]);
                (await PassesAsync(
                    policies, holds, (ledger, _) => ledger.OpenAccountsAsync([new AccountSpec(account, asset, 1)])))
                    .ShouldBe(model.AllowsOpening(account, asset), what);
                (await PassesAsync(
                    policies, holds, (ledger, _) => ledger.ChangeAccountAsync(account, new CloseAccount("x"))))
                    .ShouldBe(model.Allows("change", account), what);
                (await PassesAsync(
                    policies, holds, (ledger, _) =>
                        ledger.ChangeAccountAsync(account, new SetAccountLimits(null, null))))
                    .ShouldBe(model.Allows("limits", account), what);
                (await PassesAsync(
                    policies, holds, (ledger, inner) =>
                        ledger.ListStatementAsync(new StatementQuery(account)), isRead: true))
                    .ShouldBe(model.Allows("statement", account), what);
                (await PassesAsync(policies, holds, (ledger, inner) => ledger.GetAccountAsync(account), isRead: true))
                    .ShouldBe(model.Allows("read", account), what);
                (allowed, denied) = expected ? (allowed + 1, denied) : (allowed, denied + 1);
            }
        }

        // Otherwise the cases would show nothing.
        allowed.ShouldBeGreaterThan(cases / 20);
        denied.ShouldBeGreaterThan(cases / 20);
    }

    private static async Task<bool> PassesAsync(
        Policies policies, Dictionary<TransferId, Transfer> holds, Func<ILedger, RecordingLedger, Task> call,
        bool isRead = false)
    {
        var inner = new RecordingLedger(holds);
        try
        {
            await call(new AuthorizedLedger(inner, new Caller("p"), policies, TimeProvider.System), inner);
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.PermissionDenied)
        {
            inner.Writes.ShouldBe(0, "What is denied does not reach the ledger.");
            return false;
        }

        inner.Caller.ShouldBe("p");

        // A hold that is not there passes as such, without reaching the ledger.
        return isRead || inner.Writes == 1;
    }

    private static Transfer Make(Random random, Dictionary<TransferId, Transfer> holds)
    {
        var plain = new Transfer(
            NewId(random), Address(random), Address(random), Amount.Of((ulong)random.Next(0, 12)), 1)
        {
            Asset = Read(s_assets[random.Next(s_assets.Length)]),
        };
        var transfer = random.Next(8) switch
        {
            0 or 1 => plain with { Kind = TransferKind.Hold },
            2 => plain with { ClosingDebit = true },
            3 => plain with { OpenAccounts = true },
            4 => plain with { Kind = TransferKind.Hold, ClosingCredit = true },
            _ => plain,
        };
        switch (random.Next(4))
        {
            case 0:
                return plain with { Reverses = NewId(random), Reason = "x" };
            case 1:
                var hold = plain with { Kind = TransferKind.Hold };
                holds.Add(hold.Id, hold);
                return new Transfer(
                    NewId(random), random.Next(3) == 0 ? hold.DebitAccount : default, default,
                    random.Next(2) == 0 ? Amount.MaxValue : Amount.Of((ulong)random.Next(0, 12)), 0)
                {
                    HoldId = hold.Id, Kind = random.Next(2) == 0 ? TransferKind.PostHold : TransferKind.VoidHold,
                };
            default:
                return transfer;
        }
    }

    private static PolicyModel.Grant Grant(Random random)
    {
        var rights = Some(random, [.. s_sides, .. s_accounts, "resolve"], 1, 5);
        var hasSides = rights.Any(s_sides.Contains);
        var moves = hasSides || rights.Contains("resolve");
        return new PolicyModel.Grant(
            rights,
            rights.Any(s_accounts.Contains) ? Some(random, s_patterns, 1, 3) : [],
            moves ? Some(random, s_patterns, 1, 3) : [],
            hasSides ? Some(random, s_patterns, 1, 3) : [],
            (moves || rights.Contains("open")) && random.Next(3) == 0 ? Some(random, s_assets, 1, 2) : null,
            moves && random.Next(3) == 0 ? (UInt128)random.Next(0, 10) : null);
    }

    private static string Write(IEnumerable<PolicyModel.Grant> grants) => JsonSerializer.Serialize(new
    {
        principals = new
        {
            p = new
            {
                grants = grants.Select(static grant =>
                {
                    var one = new Dictionary<string, object>(StringComparer.Ordinal) { ["do"] = grant.Do };
                    foreach (var (name, patterns)
                        in new[] { ("accounts", grant.Accounts), ("debit", grant.Debit), ("credit", grant.Credit) })
                    {
                        if (patterns.Length > 0)
                        {
                            one[name] = patterns;
                        }
                    }

                    if (grant.Assets is { } assets)
                    {
                        one["assets"] = assets;
                    }

                    if (grant.AmountMax is { } most)
                    {
                        one["amountMax"] = most.ToString(CultureInfo.InvariantCulture);
                    }

                    return one;
                }),
            },
        },
    });

    private static string[] Some(Random random, string[] all, int least, int most)
    {
        var shuffled = all.ToArray();
        random.Shuffle(shuffled);
        return shuffled[..random.Next(least, most + 1)];
    }

    private static TransferId NewId(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return TransferId.FromBytes(bytes);
    }

    private static AccountAddress Address(Random random) => AccountAddress.Parse(s_names[random.Next(s_names.Length)]);

    private static Asset Read(string text) => Asset.TryParse(text, out var asset) ? asset : default;
}
