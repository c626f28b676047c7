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
        var branch = Prepare();
        var answer = Resolve();
        (answer.State, answer.Coordinator, answer.LastAgent, answer.PreparedRow)
            .ShouldBe((InDoubtState.Undecided, A, B, 2));
        answer.Branch.ShouldBe(branch);
        var cancel = account.Sent<CommitRequest>().Last();
        (cancel.Cancel, cancel.Verdict).ShouldBe((true, s_verdict));

        // It is asked again as ever.
        account.Pass(3);
        account.Sent<CommitRequest>().Last().Verdict.ShouldBe(s_verdict);
        account.Take(new CommitResponse(branch.Key, branch.Digest, Committed: true, account.Now, null));
        account.LastAnswer<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.Created);
        Resolve(branch.Digest).State.ShouldBe(InDoubtState.Committed);
        Resolve().State.ShouldBe(InDoubtState.NotInDoubt);
    }

    [Fact]
    public void A_coordinator_that_is_told_of_a_verdict_aborts_for_good()
    {
        var branch = Prepare();
        Resolve();
        account.Take(Call(branch.Digest) with { Found = Refused(branch) });

        account.LastAnswer<ResolveInDoubtResponse>().State.ShouldBe(InDoubtState.Aborted);
        account.Answers.OfType<PostTransferResponse>().Last().Result.Status.ShouldBe(TransferStatus.AbortedByOperator);
        account.State.Balances.ShouldBe(default);
        account.Runtime.IsBusy.ShouldBeFalse();
        Resolve(branch.Digest).State.ShouldBe(InDoubtState.Aborted);
        var again = account.Post(Plain(1, A, B, Amount.Of(5)));
        (again.Status, again.Replayed).ShouldBe((TransferStatus.AbortedByOperator, true));
        account.Restart();
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.AbortedByOperator);
    }

    [Fact]
    public void What_is_found_about_another_attempt_ends_nothing()
    {
        var branch = Prepare();
        account.Take(Call(default) with { Found = Refused(branch) with { Digest = branch.Digest + 1 } });
        account.LastAnswer<ResolveInDoubtResponse>().State.ShouldBe(InDoubtState.Undecided);
        account.State.InDoubtCount.ShouldBe(1);
    }

    [Fact]
    public void A_participant_names_the_coordinator_and_does_nothing()
    {
        var branch = Branch(
            2, B, new ResolvedLeg(0, Plain(3, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) },
            new ResolvedLeg(1, Plain(4, A, C, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new PrepareRequest(branch));
        account.Take(new ResolveInDoubtRequest(branch.Id, s_verdict, account.NextCaller(), account.In(60)));
        account.LastAnswer<ResolveInDoubtResponse>().ShouldBe(new ResolveInDoubtResponse(InDoubtState.Undecided, B));
        account.State.InDoubtCount.ShouldBe(1);
    }

    [Fact]
    public void What_waits_for_a_participant_ends_with_the_last_agents_refusal()
    {
        account.WritesAtOnce = true;
        account.Take(new PostTransactionRequest(
            new Transaction(
                Id(2),
                [TransactionLeg.Of(Plain(3, A, B, Amount.Of(5))), TransactionLeg.Of(Plain(4, A, C, Amount.Of(6)))]),
            account.NextCaller(), account.In(60)));
        account.Sent<PrepareRequest>().ShouldHaveSingleItem();
        account.Take(new ResolveInDoubtRequest(Id(2), s_verdict, account.NextCaller(), account.In(60)));
        account.LastAnswer<ResolveInDoubtResponse>().LastAgent.ShouldBe(C);
        var cancel = account.Sent<CommitRequest>().ShouldHaveSingleItem();
        account.Take(Refused(cancel.Branch));

        // The client is answered although the participant does not acknowledge.
        account.Pass(1);
        account.LastAnswer<PostTransactionResponse>().Result.Status.ShouldBe(TransferStatus.AbortedByOperator);
        account.State.InDoubtCount.ShouldBe(0);
    }

    [Fact]
    public void A_last_agent_refuses_in_the_operators_name_whatever_the_legs_come_to()
    {
        var last = new OneAccount(
            options: new AccountMachineOptions { Deciding = static () => throw new OverflowException() });
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        last.Take(new CommitRequest(branch, Cancel: true) { Verdict = s_verdict });

        last.Failures.ShouldBeEmpty();
        last.Sent<CommitResponse>().ShouldHaveSingleItem().Refusal!.Reason.ShouldBe(TransferStatus.AbortedByOperator);
        last.Rows[^1].Events.OfType<LastAgentRefused>().ShouldHaveSingleItem().Verdict.ShouldBe(s_verdict);
        last.Rows[^1].IsVerdict.ShouldBeFalse();
    }

    [Fact]
    public void A_last_agent_that_wakes_behind_a_verdict_stands_by_it()
    {
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        var abort = new OperatorAbort(A, branch, s_verdict);
        abort.TakeRows([], 1, account.Rows[0], account.In(1));
        abort.Step.ShouldBe(OperatorAbortStep.Append);
        account.Rows.Add(abort.Row!);
        abort.Appended();
        account.Restart();
        account.Take(new CommitRequest(branch));

        var answer = account.Sent<CommitResponse>().ShouldHaveSingleItem();
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
        account.Take(new PostTransferRequest(Plain(1, A, C, Amount.Of(7)), account.NextCaller(), account.In(60)));
        var own = account.Sent<CommitRequest>().ShouldHaveSingleItem().Branch;
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CommitRequest(branch, Cancel: true) { Verdict = s_verdict });
        account.Sent<CommitResponse>().ShouldHaveSingleItem().Refusal!.Reason
            .ShouldBe(TransferStatus.AbortedByOperator);
        account.Take(new CommitResponse(own.Key, own.Digest, Committed: true, account.Now, null));
        account.LastAnswer<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.Created);
        account.Runtime.Flush();
        account.Write();

        // Both are known for what they are, also to the next process, and to the journal alone.
        account.Restart(new AccountMachineOptions { IdempotencyWindowMax = 1 });
        account.Take(new CommitRequest(branch));
        account.Sent<CommitResponse>().Last().Committed.ShouldBeFalse();
        account.Post(Plain(1, A, C, Amount.Of(7))).Status.ShouldBe(TransferStatus.Exists);
    }

    [Fact]
    public void A_verdict_on_what_is_committed_stops_the_account()
    {
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CommitRequest(branch));
        var abort = new OperatorAbort(A, branch, s_verdict);
        abort.TakeRows([], 2, account.Rows[1], account.Now);
        account.Rows.Add(abort.Row!);
        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("R20");
    }

    [Fact]
    public void A_row_that_says_no_counters_is_a_verdict_and_nothing_else()
    {
        account.Rows.Add(new EventBatch(2, 0, default)
        {
            IsVerdict = true, Events = { new AbortRecorded(Id(1), 2, account.Now) },
        });
        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("R20");
    }

    [Fact]
    public void A_decision_that_is_in_the_stream_stands()
    {
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CommitRequest(branch));
        var abort = new OperatorAbort(A, branch, s_verdict);
        abort.IsDecidedBy(account.Rows[0]).ShouldBeFalse();
        abort.IsDecidedBy(account.Rows[1]).ShouldBeTrue();
        abort.TakeRows([account.Rows[1]], 2, account.Rows[1], account.Now);
        (abort.Step, abort.WasDecided, abort.DecidedRow).ShouldBe((OperatorAbortStep.Tell, true, 2));
        abort.Answer.ShouldBe(new CommitResponse(branch.Key, branch.Digest, true, account.Now, null) { Row = 2 });

        // Of another content under the same id it is none.
        var six = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(6)), null) { Amount = Amount.Of(6) });
        var other = new OperatorAbort(A, six, s_verdict);
        other.TakeRows([account.Rows[1]], 2, account.Rows[1], account.Now);
        (other.WasDecided, other.Step).ShouldBe((false, OperatorAbortStep.Append));
    }

    [Fact]
    public void A_verdict_whose_number_is_taken_reads_again_and_gives_up_in_the_end()
    {
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        var abort = new OperatorAbort(A, branch, s_verdict);
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
        var branch = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new PostTransferRequest(Plain(8, A, C, Amount.Of(1)), account.NextCaller(), account.In(60)));
        var preparing = account.Rows[^1];
        var abort = new OperatorAbort(A, branch, s_verdict);
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
        abort.Row.IndexedIds.ShouldNotBeNull().ShouldContain(branch.Key);
        abort.Row.PreviousIndexed.ShouldBe(new IndexedId(branch.Key, 2));
    }

    private ResolveInDoubtResponse Resolve(UInt128 digest = default)
    {
        account.Take(Call(digest));
        return account.LastAnswer<ResolveInDoubtResponse>();
    }

    private ResolveInDoubtRequest Call(UInt128 digest) =>
        new(Id(1), s_verdict, account.NextCaller(), account.In(60)) { Digest = digest };

    private TransactionBranch Prepare()
    {
        account.Take(new PostTransferRequest(Plain(1, A, B, Amount.Of(5)), account.NextCaller(), account.In(60)));
        return account.Sent<CommitRequest>().ShouldHaveSingleItem().Branch;
    }

    private static CommitResponse Refused(TransactionBranch branch) => new(
        branch.Key, branch.Digest, Committed: false, new LedgerTime(1_000_000_001),
        new Refusal(branch.Legs[0].Index, TransferStatus.AbortedByOperator, default, null));
}
