using System.Diagnostics;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <content>An account that can't be read, and those that deal with it (R20).</content>
public abstract partial class LedgerSuite
{
    // A call whose first sending was not answered in time is unknown up to its deadline: a short one.
    private static readonly TimeSpan FirmWithin = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task One_unreadable_account_makes_nobody_else_unreadable()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        await OpenBesideDamagedAsync();
        var paid = Transfer(hot, bad, 1);
        for (var round = 0; round < 2; round++)
        {
            // What the transfer left behind is as bounded after a restart.
            await using var host = await StartAsync();
            if (round == 0)
            {
                (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
                await Should.ThrowAsync<LedgerException>(
                    () => host.Ledger.PostTransferAsync(paid, TimeSpan.FromMilliseconds(300)));
            }

            var clock = Stopwatch.StartNew();
            var failure = await Should.ThrowAsync<LedgerException>(() => host.Ledger.GetAccountAsync(hot));
            failure.Reason.ShouldBe(LedgerErrorReason.AccountInDoubt);
            failure.OutcomeUnknown.ShouldBeFalse();
            clock.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(8));

            var view = await host.Ledger.GetAccountAsync(new AccountQuery(hot) { AllowInDoubt = true });
            var doubt = view!.Doubt.ShouldNotBeNull();
            (doubt.Least.DebitsPosted, doubt.Greatest.DebitsPosted).ShouldBe(
                (view.Balances.DebitsPosted, view.Balances.DebitsPosted + Amount.Of(1)));
            var one = doubt.Transactions.ShouldHaveSingleItem();
            (one.Id, one.Coordinator).ShouldBe((paid.Id, hot));
            one.With.ShouldBe([bad]);

            var statement = await host.Ledger.ListStatementAsync(new StatementQuery(hot));
            statement!.Entries.Count.ShouldBe(1 + round);
            statement.CompleteUpTo.ShouldNotBeNull().ShouldBe(doubt.CompleteUpTo);

            // Its other business goes on: 99 less what went to the good one is there whatever becomes of the doubt.
            (await host.Ledger.PostTransferAsync(Transfer(hot, good, 1))).Status.ShouldBe(TransferStatus.Created);
            var never = Transfer(hot, good, 101);
            (await host.Ledger.PostTransferAsync(never)).Status.ShouldBe(TransferStatus.ExceedsCredits);
            (await host.Ledger.PostTransferAsync(never)).Replayed.ShouldBeTrue();
            var perhaps = Transfer(hot, good, 99 - (ulong)round);
            // Young doubt is as good as spent.
            await Until.TrueAsync(
                () => DateTimeOffset.UtcNow - one.Since.ToDateTimeOffset() > TimeSpan.FromSeconds(2.2));
            (await FirmFailureAsync(() => host.Ledger.PostTransferAsync(perhaps, FirmWithin))).Reason
                .ShouldBe(LedgerErrorReason.AccountInDoubt);
            (await host.Ledger.GetTransferAsync(hot, perhaps.Id)).ShouldBeNull();
            (await host.Ledger.ListAccountsAsync(good.Text, 5)).Accounts.ShouldHaveSingleItem()
                .Doubt.ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task What_one_account_leaves_unanswered_is_not_added_to_without_end()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        await OpenBesideDamagedAsync();
        await using var host = await StartAsync();
        (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100_000))).Status.ShouldBe(TransferStatus.Created);
        await Until.TrueAsync(async () =>
        {
            // On a busy machine some come too late to be prepared.
            await PayBadAsync(128);
            return PreparedBy(hot) >= 256;
        });

        // One a second is let through to probe, so that one after the other would never be refused.
        await Until.TrueAsync(async () =>
            (await PayBadAsync(4)).Contains(LedgerErrorReason.CounterpartyUnavailable));

        var before = PreparedBy(hot);
        var clock = Stopwatch.StartNew();
        (await PayBadAsync(300)).ShouldContain(LedgerErrorReason.CounterpartyUnavailable);
        (PreparedBy(hot) - before).ShouldBeLessThanOrEqualTo((int)clock.Elapsed.TotalSeconds + 2);
        (await host.Ledger.PostTransferAsync(Transfer(hot, good, 1))).Status.ShouldBe(TransferStatus.Created);

        Task<LedgerErrorReason[]> PayBadAsync(int count) =>
            Task.WhenAll(Enumerable.Range(0, count).Select(_ => ReasonOfAsync(Transfer(hot, bad, 1))));

        async Task<LedgerErrorReason> ReasonOfAsync(Transfer transfer) =>
            (await Should.ThrowAsync<LedgerException>(
                () => host.Ledger.PostTransferAsync(transfer, TimeSpan.FromSeconds(1)))).Reason;
    }

    // What a call fails with at last. On a busy machine an attempt is not answered in time, and whoever asks again
    // can't say that the first one has come to nothing: unknown, which the same call answers.
    private static async Task<LedgerException> FirmFailureAsync(Func<Task> call)
    {
        LedgerException? failure = null;
        try
        {
            await Until.TrueAsync(
                async () => !(failure = await Should.ThrowAsync<LedgerException>(call)).OutcomeUnknown);
        }
        catch (TimeoutException waited)
        {
            throw new TimeoutException(
                $"{waited.Message} The last failure was {failure?.Reason}: {failure?.Message}", waited);
        }

        return failure!;
    }

    private int PreparedBy(AccountAddress account) => storage.Rows()
        .Where(row => row.Stream == AccountActor.PersistenceIdOf(account))
        .Sum(
            row =>
                JournalCodec.Decode(row.Row, account, row.SequenceNr, out _).Events
                    .Count(static one => one is TransactionPrepared));

    // hot, which must not be overdrawn, good, and bad, whose only row is damaged, until it is fixed by what this
    // returns.
    private async Task<Action> OpenBesideDamagedAsync()
    {
        await using (var host = await StartAsync())
        {
            await host.Ledger.OpenAccountsAsync(
            [
                new AccountSpec(Address("hot"), Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero },
                new AccountSpec(Address("good"), Usd, 1), new AccountSpec(Address("bad"), Usd, 1),
            ]);
        }

        var bad = Address("bad");
        var row = storage.Rows().Single(one => one.Stream == AccountActor.PersistenceIdOf(bad)).Row;
        Damage(bad, 1);
        return () => storage.Replace(bad, 1, row);
    }
}
