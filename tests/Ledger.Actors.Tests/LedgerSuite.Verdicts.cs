using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <content>Operators' verdicts on what is in doubt (R20).</content>
public abstract partial class LedgerSuite
{
    private const string Operator = "anna@bank";
    private const string Why = "row 1 of bad is damaged, see ticket 7";

    [Fact]
    public async Task An_operator_frees_what_an_unreadable_last_agent_keeps_in_doubt()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        var mend = await OpenBesideDamagedAsync();
        var paid = Transfer(hot, bad, 1);
        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
            await Should.ThrowAsync<LedgerException>(
                () => host.Ledger.PostTransferAsync(paid, TimeSpan.FromMilliseconds(300)));
            (await Should.ThrowAsync<LedgerException>(() => host.Ledger.GetAccountAsync(hot)))
                .Reason.ShouldBe(LedgerErrorReason.AccountInDoubt);

            var ended = await host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, paid.Id, Operator, Why));
            ended.ShouldBe(
                new InDoubtResolution(
                    false, InDoubtDecision.Operator, hot, bad, new RowPosition(bad, 2), IsBooked: true));

            // The money is free, the answer firm, and the transfer over for good.
            var view = (await host.Ledger.GetAccountAsync(hot)).ShouldNotBeNull();
            (view.Doubt, view.Balances.DebitsPosted, view.Balances.DebitsInDoubt)
                .ShouldBe((null, Amount.Zero, Amount.Zero));
            (await host.Ledger.PostTransferAsync(Transfer(hot, good, 100))).Status.ShouldBe(TransferStatus.Created);
            var again = await host.Ledger.PostTransferAsync(paid);
            (again.Status, again.Replayed).ShouldBe((TransferStatus.AbortedByOperator, true));

            // There is nothing left to decide; and the damaged account is as unreadable as it was.
            (await Should.ThrowAsync<LedgerException>(
                () => host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, paid.Id, Operator, Why))))
                .Reason.ShouldBe(LedgerErrorReason.NotInDoubt);
            await Should.ThrowAsync<LedgerException>(
                () => host.Ledger.GetAccountAsync(bad, TimeSpan.FromMilliseconds(500)));
        }

        var row = storage.Rows().Single(one => one.Stream == AccountActor.PersistenceIdOf(bad) && one.SequenceNr == 2);
        var batch = JournalCodec.Decode(row.Row, bad, 2, out _);
        (batch.IsVerdict, batch.IsBehindUnread).ShouldBe((true, true));
        var refused = batch.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>();
        refused.Verdict.ShouldBe(new OperatorVerdict(Operator, Why));
        (refused.Branch.Id, refused.Reason).ShouldBe((paid.Id, TransferStatus.AbortedByOperator));

        // Once its row is fixed the account goes on behind the verdict, and stands by it.
        mend();
        await using (var host = await StartAsync())
        {
            (await host.Ledger.GetAccountAsync(bad)).ShouldNotBeNull().Balances.CreditsPosted.ShouldBe(Amount.Zero);
            (await host.Ledger.PostTransferAsync(paid)).Status.ShouldBe(TransferStatus.AbortedByOperator);
            for (var i = 0; i < 3; i++)
            {
                (await host.Ledger.PostTransferAsync(Transfer(good, bad, 5))).Status.ShouldBe(TransferStatus.Created);
            }

            var statement = (await host.Ledger.ListStatementAsync(new StatementQuery(bad))).ShouldNotBeNull();
            statement.Entries.Select(static entry => entry.CreditsPosted)
                .ShouldBe([Amount.Of(5), Amount.Of(10), Amount.Of(15)]);
        }

        // And so when it wakes from all of it once more.
        await using (var host = await StartAsync())
        {
            (await host.Ledger.GetAccountAsync(bad)).ShouldNotBeNull().Balances.CreditsPosted.ShouldBe(Amount.Of(15));
        }
    }

    [Fact]
    public async Task A_verdict_does_not_contradict_what_the_last_agent_has_journaled()
    {
        var (hot, bad) = (Address("hot"), Address("bad"));
        var paid = await CommitBesideDamagedAsync();
        await using var host = await StartAsync();
        var ended = await host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, paid.Id, Operator, Why));
        ended.ShouldBe(
            new InDoubtResolution(true, InDoubtDecision.Journal, hot, bad, new RowPosition(bad, 2), IsBooked: true));
        (await host.Ledger.GetAccountAsync(hot)).ShouldNotBeNull().Balances.DebitsPosted.ShouldBe(Amount.Of(1));
        (await host.Ledger.PostTransferAsync(paid)).Status.ShouldBe(TransferStatus.Exists);
        RowsOf(bad).ShouldBe(2);
    }

    [Fact]
    public async Task There_is_no_verdict_where_a_row_that_may_hold_the_decision_can_not_be_read()
    {
        var (hot, bad) = (Address("hot"), Address("bad"));
        var paid = await CommitBesideDamagedAsync();
        Damage(bad, 2);
        await using var host = await StartAsync();
        var refused = await Should.ThrowAsync<LedgerException>(
            () => host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, paid.Id, Operator, Why)));
        refused.Reason.ShouldBe(LedgerErrorReason.VerdictRefused);
        refused.Message.ShouldContain("Row 2 of bad");
        RowsOf(bad).ShouldBe(2);
        (await Should.ThrowAsync<LedgerException>(() => host.Ledger.GetAccountAsync(hot)))
            .Reason.ShouldBe(LedgerErrorReason.AccountInDoubt);
    }

    [Fact]
    public async Task A_last_agent_that_answers_is_not_overruled()
    {
        // Its participant can't be read; the last agent can, and refuses.
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        await OpenBesideDamagedAsync();
        await using var host = await StartAsync();
        (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
        var split = new Transaction(
            TransferId.FromGuid(Guid.CreateVersion7()),
            [
                TransactionLeg.Of(Transfer(hot, bad, 1) with { Asset = Usd }),
                TransactionLeg.Of(Transfer(hot, good, 2) with { Asset = Usd }),
            ]);
        await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.PostTransactionAsync(split, TimeSpan.FromSeconds(1)));
        await Should.ThrowAsync<LedgerException>(() => host.Ledger.GetAccountAsync(hot));

        var ended = await host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, split.Id, Operator, Why));
        (ended.IsCommitted, ended.Decision).ShouldBe((false, InDoubtDecision.LastAgent));
        (await host.Ledger.PostTransactionAsync(split)).Status.ShouldBe(TransferStatus.AbortedByOperator);
        (await host.Ledger.GetAccountAsync(hot)).ShouldNotBeNull().Balances.DebitsPosted.ShouldBe(Amount.Zero);
        storage.Rows().Where(static row => row.Stream == AccountActor.PersistenceIdOf(Address("good")))
            .SelectMany(row => JournalCodec.Decode(row.Row, good, row.SequenceNr, out _).Events)
            .OfType<LastAgentRefused>()
            .ShouldHaveSingleItem().Verdict.ShouldBe(new OperatorVerdict(Operator, Why));
    }

    [Fact]
    public async Task What_is_committed_is_not_said_to_be_booked_while_a_participant_can_not_be_read()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        var mend = await OpenBesideDamagedAsync();
        mend();
        var split = new Transaction(
            TransferId.FromGuid(Guid.CreateVersion7()),
            [
                TransactionLeg.Of(Transfer(hot, bad, 1) with { Asset = Usd }),
                TransactionLeg.Of(Transfer(hot, good, 2) with { Asset = Usd }),
            ]);
        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransactionAsync(split)).Status.ShouldBe(TransferStatus.Created);
        }

        // As if the participant had been damaged after its vote: it has prepared, and nobody has booked but the last
        // agent.
        foreach (var account in new[] { hot, bad })
        {
            storage.Execute(
                $"DELETE FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(account)}'"
                    + $" AND sequence_number = {RowsOf(account)}");
        }

        Damage(bad, 1);
        await using (var host = await StartAsync())
        {
            for (var i = 0; i < 2; i++)
            {
                var ended = await host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, split.Id, Operator, Why));
                (ended.IsCommitted, ended.Decision, ended.Coordinator, ended.IsBooked)
                    .ShouldBe((true, InDoubtDecision.LastAgent, hot, false));
                var unbooked = ended.Unbooked.ShouldHaveSingleItem();
                unbooked.Account.ShouldBe(bad);
                unbooked.Why.ShouldStartWith("It can't be read: ");
            }

            (await Should.ThrowAsync<LedgerException>(() => host.Ledger.GetAccountAsync(hot)))
                .Reason.ShouldBe(LedgerErrorReason.AccountInDoubt);

            // Once its row is fixed, the ledger finishes by itself.
            mend();
            await Until.TrueAsync(async () =>
            {
                try
                {
                    return (await host.Ledger.GetAccountAsync(hot)).ShouldNotBeNull().Balances.DebitsPosted == Amount
                        .Of(3);
                }
                catch (LedgerException)
                {
                    return false;
                }
            });
            (await host.Ledger.GetAccountAsync(bad)).ShouldNotBeNull().Balances.CreditsPosted.ShouldBe(Amount.Of(1));
            (await Should.ThrowAsync<LedgerException>(
                () => host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, split.Id, Operator, Why))))
                .Reason.ShouldBe(LedgerErrorReason.NotInDoubt);
        }
    }

    [Fact]
    public async Task A_last_agent_that_decides_while_the_verdict_is_written_is_fenced_and_stands_by_it()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        var mend = await OpenBesideDamagedAsync();
        mend();
        using var goesOn = new ManualResetEventSlim();
        var hangs = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = int.MaxValue;
        await using var host = await StartAsync(options => options.Deciding = () =>
        {
            // Of the payment: first its coordinator decides, and then its last agent.
            if (Interlocked.Decrement(ref left) == 0)
            {
                hangs.SetResult();
                goesOn.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();
            }
        });
        (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
        var paid = Transfer(hot, bad, 1);
        left = 2;
        var posted = host.Ledger.PostTransferAsync(paid);
        await hangs.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var ended = await host.Admin.ResolveInDoubtAsync(new InDoubtVerdict(hot, paid.Id, Operator, Why));
        ended.ShouldBe(
            new InDoubtResolution(false, InDoubtDecision.Operator, hot, bad, new RowPosition(bad, 2), IsBooked: true));
        (await posted).Status.ShouldBe(TransferStatus.AbortedByOperator);

        // It takes it for new and commits: under a number that is taken. Who has asked it meanwhile learns nothing.
        // Then it knows.
        goesOn.Set();
        await Until.TrueAsync(async () =>
        {
            try
            {
                return (await host.Ledger.GetAccountAsync(bad)).ShouldNotBeNull().Balances.CreditsPosted == Amount.Zero;
            }
            catch (LedgerException e) when (e.Reason == LedgerErrorReason.JournalUnavailable)
            {
                return false;
            }
        });
        (await host.Ledger.PostTransferAsync(paid)).Status.ShouldBe(TransferStatus.AbortedByOperator);
        (await host.Ledger.PostTransferAsync(Transfer(hot, bad, 2))).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(hot)).ShouldNotBeNull().Balances.DebitsPosted.ShouldBe(Amount.Of(2));
        (await host.Ledger.GetAccountAsync(bad)).ShouldNotBeNull().Balances.CreditsPosted.ShouldBe(Amount.Of(2));
        storage.Rows().Where(static row => row.Stream == AccountActor.PersistenceIdOf(Address("bad")))
            .SelectMany(row => JournalCodec.Decode(row.Row, bad, row.SequenceNr, out _).Events)
            .Select(static happened => happened.GetType()).ShouldBe(
                [typeof(AccountOpened), typeof(LastAgentRefused), typeof(LastAgentCommitted)]);
    }

    [Theory]
    [InlineData("", Operator, Why, "address")]
    [InlineData("hot", "", Why, "principal")]
    [InlineData("hot", "ledger:expiry", Why, "principal")]
    [InlineData("hot", Operator, " ", "reason")]
    public async Task A_verdict_names_who_and_why(string account, string by, string reason, string field)
    {
        await using var host = await StartAsync();
        var address = account.Length == 0 ? default : Address(account);
        var refused = await Should.ThrowAsync<LedgerException>(() => host.Admin.ResolveInDoubtAsync(
            new InDoubtVerdict(address, TransferId.FromGuid(Guid.CreateVersion7()), by, reason)));
        (refused.Reason, refused.Field).ShouldBe((LedgerErrorReason.InvalidArgument, field));
    }

    // hot has paid bad, whose journal holds the commit; the record of it at hot is lost, and the row that opened bad is
    // damaged.
    private async Task<Transfer> CommitBesideDamagedAsync()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        var mend = await OpenBesideDamagedAsync();
        mend();
        var paid = Transfer(hot, bad, 1);
        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransferAsync(paid)).Status.ShouldBe(TransferStatus.Created);
        }

        storage.Execute(
            $"DELETE FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(hot)}' AND sequence_number = "
                + $"{RowsOf(hot)}");
        Damage(bad, 1);
        return paid;
    }

    private long RowsOf(AccountAddress account) => storage.Count(
        $"SELECT count(*) FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(account)}'");

    private void Damage(AccountAddress account, long row) => storage.Execute(
        $"UPDATE journal SET message = substr(message, 1, 20) WHERE persistence_id = "
            + $"'{AccountActor.PersistenceIdOf(account)}' AND sequence_number = {row}");
}
