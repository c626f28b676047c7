using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: R20, an operator's verdict. The ordinary way comes first; only what the last agent's journal holds ends what
/// is prepared; and who finds a verdict in its journal stands by it. Method: one account in each role, and the course
/// of a verdict by itself.
/// </summary>
public sealed class VerdictTests
{
    private static readonly OperatorVerdict s_verdict = new("anna", "ticket 7");
    private readonly OneAccount account = new();

    [Fact]
    public void A_coordinator_asks_the_last_agent_to_refuse_and_goes_by_what_it_answers()
    {
        var part = Prepare();
        var answer = Resolve();
        (answer.State, answer.Coordinator, answer.LastAgent, answer.PreparedRow).ShouldBe((InDoubtState.Undecided, A, B, 2));
        answer.Part.ShouldBe(part);
        var cancel = account.Sent<CloseRequest>().Last();
        (cancel.Cancel, cancel.Verdict).ShouldBe((true, s_verdict));

        // It is asked again as ever.
        account.Pass(3);
        account.Sent<CloseRequest>().Last().Verdict.ShouldBe(s_verdict);
        account.Take(new CloseAnswer(part.Key, part.Digest, Committed: true, account.Now, null));
        account.LastAnswer<TransferAnswer>().Result.Status.ShouldBe(TransferStatus.Created);
        Resolve(part.Digest).State.ShouldBe(InDoubtState.Committed);
        Resolve().State.ShouldBe(InDoubtState.NotInDoubt);
    }

    [Fact]
    public void A_coordinator_that_is_told_of_a_verdict_aborts_for_good()
    {
        var part = Prepare();
        Resolve();
        account.Take(Call(part.Digest) with { Found = Refused(part) });

        account.LastAnswer<ResolveInDoubtAnswer>().State.ShouldBe(InDoubtState.Aborted);
        account.Answers.OfType<TransferAnswer>().Last().Result.Status.ShouldBe(TransferStatus.AbortedByOperator);
        account.State.Balances.ShouldBe(default);
        account.Runtime.IsBusy.ShouldBeFalse();
        Resolve(part.Digest).State.ShouldBe(InDoubtState.Aborted);
        var again = account.Post(Plain(1, A, B, Amount.Of(5)));
        (again.Status, again.Replayed).ShouldBe((TransferStatus.AbortedByOperator, true));
        account.Restart();
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.AbortedByOperator);
    }

    [Fact]
    public void What_is_found_about_another_attempt_ends_nothing()
    {
        var part = Prepare();
        account.Take(Call(default) with { Found = Refused(part) with { Digest = part.Digest + 1 } });
        account.LastAnswer<ResolveInDoubtAnswer>().State.ShouldBe(InDoubtState.Undecided);
        account.State.InDoubtCount.ShouldBe(1);
    }

    [Fact]
    public void A_participant_names_the_coordinator_and_does_nothing()
    {
        var part = Part(
            2, B, new PartLeg(0, Plain(3, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) },
            new PartLeg(1, Plain(4, A, C, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new PrepareRequest(part));
        account.Take(new ResolveInDoubtCall(part.Id, s_verdict, account.NextCaller(), account.In(60)));
        account.LastAnswer<ResolveInDoubtAnswer>().ShouldBe(new ResolveInDoubtAnswer(InDoubtState.Undecided, B));
        account.State.InDoubtCount.ShouldBe(1);
    }

    [Fact]
    public void What_waits_for_a_participant_ends_with_the_last_agents_refusal()
    {
        account.WritesAtOnce = true;
        account.Take(new PostTransactionCall(
            new Transaction(Id(2), [TransactionLeg.Of(Plain(3, A, B, Amount.Of(5))), TransactionLeg.Of(Plain(4, A, C, Amount.Of(6)))]),
            account.NextCaller(), account.In(60)));
        account.Sent<PrepareRequest>().ShouldHaveSingleItem();
        account.Take(new ResolveInDoubtCall(Id(2), s_verdict, account.NextCaller(), account.In(60)));
        account.LastAnswer<ResolveInDoubtAnswer>().LastAgent.ShouldBe(C);
        var cancel = account.Sent<CloseRequest>().ShouldHaveSingleItem();
        account.Take(Refused(cancel.Part));

        // The client is answered although the participant does not acknowledge.
        account.Pass(1);
        account.LastAnswer<TransactionAnswer>().Result.Status.ShouldBe(TransferStatus.AbortedByOperator);
        account.State.InDoubtCount.ShouldBe(0);
    }

    [Fact]
    public void A_last_agent_refuses_in_the_operators_name_whatever_the_legs_come_to()
    {
        var last = new OneAccount(options: new AccountRuntimeOptions { Deciding = static () => throw new OverflowException() });
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        last.Take(new CloseRequest(part, Cancel: true) { Verdict = s_verdict });

        last.Failures.ShouldBeEmpty();
        last.Sent<CloseAnswer>().ShouldHaveSingleItem().Refusal!.Reason.ShouldBe(TransferStatus.AbortedByOperator);
        last.Rows[^1].Events.OfType<CloserRefused>().ShouldHaveSingleItem().Verdict.ShouldBe(s_verdict);
        last.Rows[^1].IsVerdict.ShouldBeFalse();
    }

    [Fact]
    public void A_last_agent_that_wakes_behind_a_verdict_stands_by_it()
    {
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        var abort = new OperatorAbort(A, part, s_verdict);
        abort.TakeRows([], 1, account.Rows[0], account.In(1));
        abort.Step.ShouldBe(OperatorAbortStep.Append);
        account.Rows.Add(abort.Row!);
        abort.Appended();
        account.Restart();
        account.Take(new CloseRequest(part));

        var answer = account.Sent<CloseAnswer>().ShouldHaveSingleItem();
        answer.ShouldBe(abort.Answer! with { Refusal = answer.Refusal });
        answer.Refusal!.Reason.ShouldBe(TransferStatus.AbortedByOperator);
        account.State.Balances.CreditsPosted.ShouldBe(Amount.Zero);
        account.Rows.Count.ShouldBe(2);
        account.Post(Plain(9, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
        account.Restart();
    }

    [Fact]
    public void A_verdict_leaves_the_id_to_another_transaction_that_the_last_agent_coordinates()
    {
        // Two coordinators use one id: this account has prepared its own, and is the last agent of the other's.
        account.Take(new PostTransferCall(Plain(1, A, C, Amount.Of(7)), account.NextCaller(), account.In(60)));
        var own = account.Sent<CloseRequest>().ShouldHaveSingleItem().Part;
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CloseRequest(part, Cancel: true) { Verdict = s_verdict });
        account.Sent<CloseAnswer>().ShouldHaveSingleItem().Refusal!.Reason.ShouldBe(TransferStatus.AbortedByOperator);
        account.Take(new CloseAnswer(own.Key, own.Digest, Committed: true, account.Now, null));
        account.LastAnswer<TransferAnswer>().Result.Status.ShouldBe(TransferStatus.Created);
        account.Runtime.Flush();
        account.Write();

        // Both are known for what they are, also to the next process, and to the journal alone.
        account.Restart(new AccountRuntimeOptions { RememberedIdsMax = 1 });
        account.Take(new CloseRequest(part));
        account.Sent<CloseAnswer>().Last().Committed.ShouldBeFalse();
        account.Post(Plain(1, A, C, Amount.Of(7))).Status.ShouldBe(TransferStatus.Exists);
    }

    [Fact]
    public void A_verdict_on_what_is_committed_stops_the_account()
    {
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CloseRequest(part));
        var abort = new OperatorAbort(A, part, s_verdict);
        abort.TakeRows([], 2, account.Rows[1], account.Now);
        account.Rows.Add(abort.Row!);
        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("R20");
    }

    [Fact]
    public void A_row_that_says_no_counters_is_a_verdict_and_nothing_else()
    {
        account.Rows.Add(new EventBatch(2, 0, default)
        {
            IsVerdict = true, Events = { new TransactionDisowned(Id(1), 2, account.Now) },
        });
        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("R20");
    }

    [Fact]
    public void A_decision_that_is_in_the_stream_stands()
    {
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CloseRequest(part));
        var abort = new OperatorAbort(A, part, s_verdict);
        abort.IsDecidedBy(account.Rows[0]).ShouldBeFalse();
        abort.IsDecidedBy(account.Rows[1]).ShouldBeTrue();
        abort.TakeRows([account.Rows[1]], 2, account.Rows[1], account.Now);
        (abort.Step, abort.WasDecided, abort.DecidedRow).ShouldBe((OperatorAbortStep.Tell, true, 2));
        abort.Answer.ShouldBe(new CloseAnswer(part.Key, part.Digest, true, account.Now, null) { Row = 2 });

        // Of another content under the same id it is none.
        var six = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(6)), null) { Amount = Amount.Of(6) });
        var other = new OperatorAbort(A, six, s_verdict);
        other.TakeRows([account.Rows[1]], 2, account.Rows[1], account.Now);
        (other.WasDecided, other.Step).ShouldBe((false, OperatorAbortStep.Append));
    }

    [Fact]
    public void A_verdict_whose_number_is_taken_reads_again_and_gives_up_in_the_end()
    {
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        var abort = new OperatorAbort(A, part, s_verdict);
        for (var i = 0; i <= OperatorAbort.ConflictsMax; i++)
        {
            abort.Step.ShouldBe(OperatorAbortStep.Read);
            abort.TakeRows([], i, i == 0 ? null : account.Rows[0], account.Now);
            abort.Row!.SequenceNr.ShouldBe(i + 1);
            abort.NotAppended();
        }

        abort.Step.ShouldBe(OperatorAbortStep.GivenUp);
        abort.Answer.ShouldBeNull();
    }

    [Fact]
    public void A_verdict_is_no_earlier_than_the_row_before_and_hides_nothing_that_is_undecided()
    {
        var part = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new PostTransferCall(Plain(8, A, C, Amount.Of(1)), account.NextCaller(), account.In(60)));
        var preparing = account.Rows[^1];
        var abort = new OperatorAbort(A, part, s_verdict);
        abort.TakeRows([], 2, preparing, new LedgerTime(5));
        abort.Row!.Events[0].At.ShouldBe(preparing.Events[^1].At);
        abort.Row.OldestPrepared.ShouldBe(preparing.Events[0].At);
        abort.Row.IsBehindUnread.ShouldBeFalse();

        // Of a row that can't be read nothing is known: the time may be earlier, and something may be undecided since
        // long ago.
        abort.NotAppended();
        abort.TakeRows([], 2, null, new LedgerTime(5));
        abort.Row.IsBehindUnread.ShouldBeTrue();
        abort.Row.OldestPrepared.ShouldNotBeNull().ShouldBeLessThan(preparing.Events[0].At);
        account.Rows.Add(abort.Row);
        account.Restart();
        account.State.LastTime.ShouldBe(preparing.Events[^1].At);

        // The entry of its id says that older ones may be missing.
        abort.Row.IndexedIds.ShouldNotBeNull().ShouldContain(part.Key);
        abort.Row.PreviousIndexed.ShouldBe(new IndexedId(part.Key, 2));
    }

    private ResolveInDoubtAnswer Resolve(UInt128 digest = default)
    {
        account.Take(Call(digest));
        return account.LastAnswer<ResolveInDoubtAnswer>();
    }

    private ResolveInDoubtCall Call(UInt128 digest) => new(Id(1), s_verdict, account.NextCaller(), account.In(60)) { Digest = digest };

    private TransactionPart Prepare()
    {
        account.Take(new PostTransferCall(Plain(1, A, B, Amount.Of(5)), account.NextCaller(), account.In(60)));
        return account.Sent<CloseRequest>().ShouldHaveSingleItem().Part;
    }

    private static CloseAnswer Refused(TransactionPart part) => new(
        part.Key, part.Digest, Committed: false, new LedgerTime(1_000_000_001),
        new Refusal(part.Legs[0].Index, TransferStatus.AbortedByOperator, default, null));
}
