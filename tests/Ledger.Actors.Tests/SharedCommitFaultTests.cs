using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Hosting;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.Actors.Tests;

/// <summary>Goal: with shared commits the books are right whatever becomes of single rows and groups (R8'). Method:
/// callers pay on a journal of which rows are refused, groups fail and answers are lost; each asks again under the same
/// id until he knows; then all is well, and each account must show what was told and no more. The ledger is
/// started again in between.</summary>
public sealed class SharedCommitFaultTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private static readonly Asset s_money = Asset.Parse("USD/2");

    private readonly SqliteTestStorage storage = new() { SharesCommits = true };
    private readonly AppendFaults faults = new();

    public void Dispose() => storage.Dispose();

    [Theory]
    [InlineData(AppendMishap.Refused, "a")]
    [InlineData(AppendMishap.Refused, "b")]
    [InlineData(AppendMishap.NotStored, "a")]
    [InlineData(AppendMishap.AnswerLost, "a")]
    public async Task A_transfer_whose_group_fails_is_unknown_and_its_id_gives_the_true_answer(
        AppendMishap mishap, string failing)
    {
        await using var host = await StartAsync();
        var (a, b) = (AccountAddress.Parse("a"), AccountAddress.Parse("b"));
        await OpenAsync(host, a, b);
        await PostAsync(host, Pay(a, b));

        faults.Once($"ledger-account-{failing}", mishap);
        var transfer = Pay(a, b);
        if (failing == "a")
        {
            await Should.ThrowAsync<LedgerException>(host.Ledger.PostTransferAsync(transfer));
        }

        // Where only the last agent's row fails, the coordinator asks again by itself.
        (await PostAsync(host, transfer)).ShouldBeTrue();
        faults.Count.ShouldBeGreaterThan(0);
        (await ReadAsync(host, a)).DebitsPosted.ShouldBe(Amount.Of(2));
        (await ReadAsync(host, b)).CreditsPosted.ShouldBe(Amount.Of(2));
    }

    /// <summary>Whoever was told of a row learns that it is not durable, also where the writer never saw it
    /// (G5).</summary>
    [Theory]
    [InlineData("refused")]
    [InlineData("not stored")]
    [InlineData("breaker open")]
    [InlineData("account stopped")]
    public async Task However_a_row_ends_that_is_not_stored_its_ticket_fails(string end)
    {
        var breaker = end == "breaker open" ? ", circuit-breaker { max-failures = 1, reset-timeout = 1m }" : "";
        await using var host = await StartAsync($"{StorageHocon.JournalPlugin} {{ followers-wait-max = 1m{breaker} }}");
        var (a, b, c) = (AccountAddress.Parse("a"), AccountAddress.Parse("b"), AccountAddress.Parse("c"));
        await OpenAsync(host, a, b, c);
        var awake = LedgerExtension.Of(host.System).Context.Awake.ShouldNotBeNull();
        if (end == "breaker open")
        {
            faults.Once("ledger-account-c", AppendMishap.NotStored);
            await Should.ThrowAsync<LedgerException>(host.Ledger.PostTransferAsync(Pay(c, b)));
        }
        else if (end != "account stopped")
        {
            faults.Once("ledger-account-a", end == "refused" ? AppendMishap.Refused : AppendMishap.NotStored);
        }

        var mishaps = faults.Count;
        var asked = new TaskCompletionSource<AheadRequest>(TaskCreationOptions.RunContinuationsAsynchronously);
        awake.Add(b, host.System.ActorOf(Props.Create(() => new ListeningActor(asked))));
        var posting = host.Ledger.PostTransferAsync(Pay(a, b));
        var request = await asked.Task.WaitAsync(s_patience);
        var decided = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        request.Ticket.WhenDecided(decided.SetResult);
        if (end == "account stopped")
        {
            // Its row waits for what was asked.
            request.Ticket.Outcome.ShouldBe(WriteOutcome.Pending);
            host.System.Stop(awake.Find(a)!);
        }
        else
        {
            request.Follower.End();
        }

        await decided.Task.WaitAsync(s_patience);
        request.Ticket.Outcome.ShouldBe(WriteOutcome.Failed);
        request.Follower.End();
        faults.Count.ShouldBe(end is "refused" ? mishaps + 1 : end is "not stored" ? mishaps + 1 : mishaps);
        _ = posting.ContinueWith(static one => one.Exception, TaskScheduler.Default);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_books_are_right_whatever_fails(int seed)
    {
        output.WriteLine($"seed {seed}");
        AccountAddress[] accounts = [.. Enumerable.Range(0, 8).Select(static i => AccountAddress.Parse($"acc:{i}"))];
        var committed = new ConcurrentBag<Transfer>();
        await using (var first = await StartAsync())
        {
            await OpenAsync(first, accounts);
            faults.Start(seed);
            await WorkAsync(first, accounts, committed, seed);
        }

        await using var host = await StartAsync();
        await WorkAsync(host, accounts, committed, seed + 100);
        faults.Stop();
        output.WriteLine($"{committed.Count} transfers, {faults.Count} mishaps");
        faults.Count.ShouldBeGreaterThan(0);
        foreach (var account in accounts)
        {
            var balances = await ReadAsync(host, account);
            balances.DebitsPosted.ShouldBe(Sum(committed.Where(one => one.DebitAccount == account)), account.Text);
            balances.CreditsPosted.ShouldBe(Sum(committed.Where(one => one.CreditAccount == account)), account.Text);
            (balances.DebitsPending, balances.CreditsPending).ShouldBe((Amount.Zero, Amount.Zero), account.Text);
        }
    }

    private static Amount Sum(IEnumerable<Transfer> transfers) =>
        Amount.Of(transfers.Aggregate(0UL, static (sum, one) => sum + (ulong)one.Amount.Value));

    private static Task WorkAsync(
        LedgerHost host, AccountAddress[] accounts, ConcurrentBag<Transfer> committed, int seed) =>
        Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + i);
            for (var n = 0; n < 12; n++)
            {
                var debit = random.Next(accounts.Length);
                var credit = (debit + random.Next(1, accounts.Length)) % accounts.Length;
                var transfer =
                    Pay(accounts[debit], accounts[credit]) with { Amount = Amount.Of((ulong)random.Next(1, 100)) };
                if (await PostAsync(host, transfer))
                {
                    committed.Add(transfer);
                }
            }
        }))).WaitAsync(s_patience);

    // As a caller does it: under the same id until the answer is known.
    private static async Task<bool> PostAsync(LedgerHost host, Transfer transfer)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return (await host.Ledger.PostTransferAsync(transfer)).IsCommitted;
            }
            catch (LedgerException e) when (tries < 200 && e.Reason is LedgerErrorReason.JournalUnavailable
                or LedgerErrorReason.Overloaded or LedgerErrorReason.DeadlineExceeded)
            {
                await Task.Delay(20);
            }
        }
    }

    private static async Task<Balances> ReadAsync(LedgerHost host, AccountAddress account)
    {
        Account? view = null;
        await Until.TrueAsync(async () =>
        {
            try
            {
                view = await host.Ledger.GetAccountAsync(account);
                return view is { Doubt: null };
            }
            catch (LedgerException e) when (e.Reason is LedgerErrorReason.AccountInDoubt
                or LedgerErrorReason.JournalUnavailable)
            {
                // It has just started again.
                return false;
            }
        });
        return view!.Balances;
    }

    private static Transfer Pay(AccountAddress from, AccountAddress to) =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), from, to, Amount.Of(1), 1) { Asset = s_money };

    private static async Task OpenAsync(LedgerHost host, params AccountAddress[] accounts) =>
        (await host.Ledger.OpenAccountsAsync([.. accounts.Select(static one => new AccountSpec(one, s_money, 1))]))
            .ShouldAllBe(static one => one.Status == AccountStatus.Created);

    private Task<LedgerHost> StartAsync(string hocon = "") => LedgerHost.StartAsync(
        storage,
        static options =>
        {
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(50);
            options.CallTimeout = TimeSpan.FromSeconds(5);
        },
        akka => akka.AddSetup(faults).AddHocon($"{FaultyJournal.Hocon}\n{hocon}", HoconAddMode.Prepend));

    private sealed class ListeningActor(TaskCompletionSource<AheadRequest> asked) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is AheadRequest request)
            {
                asked.TrySetResult(request);
            }
        }
    }
}
