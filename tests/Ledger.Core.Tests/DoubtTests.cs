using Ledger.Core;

namespace Ledger.Core.Tests;

/// <summary>What an account does while other accounts leave it without an answer (R20).</summary>
public sealed class DoubtTests : IAccountHost
{
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly AccountAddress C = AccountAddress.Parse("c");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private static readonly AccountMachineOptions Options = new();

    private readonly List<(long Correlation, AccountResponse Answer)> answers = [];
    private readonly List<(AccountAddress To, AccountMessage Message)> sent = [];
    private readonly List<EventBatch> rows = [];
    private readonly Queue<IdLookup> lookups = [];
    private AccountMachine runtime;
    private EventBatch? writing;
    private long lastCorrelation;
    private ulong lastId;

    public DoubtTests()
    {
        runtime = new AccountMachine(A, Options, this);
        runtime.RecoveryCompleted(At(0));
    }

    // ---------------------------------------------------------------- reads

    [Fact]
    public void A_read_waits_a_second_and_then_says_what_is_in_doubt()
    {
        Open(null);
        Earn(100);
        var transfer = Pay(B, 30, 1);
        var read = Call(static (caller, deadline) => new GetAccountRequest(caller, deadline), 1.5);
        runtime.Tick(At(2.4));
        AnswerOf(read).ShouldBeNull();
        runtime.Tick(At(2.5));

        var view = AnswerOf(read).ShouldBeOfType<GetAccountResponse>().View.ShouldNotBeNull();
        var doubt = view.Doubt.ShouldNotBeNull();
        view.Balances.DebitsPosted.ShouldBe(Amount.Zero);
        (doubt.Least.DebitsPosted, doubt.Greatest.DebitsPosted).ShouldBe((Amount.Zero, Amount.Of(30)));
        (doubt.Least.CreditsPosted, doubt.Greatest.CreditsPosted).ShouldBe((Amount.Of(100), Amount.Of(100)));
        doubt.CompleteUpTo.ShouldBe(new LedgerTime(At(1).UnixMicroseconds - 1));
        var one = doubt.Transactions.ShouldHaveSingleItem();
        (one.Id, one.Key, one.Since, one.Coordinator).ShouldBe((transfer.Id, transfer.Id, At(1), A));
        one.With.ShouldBe([B]);
        one.Changes.DebitsPosted.ToString().ShouldBe("30");
    }

    [Fact]
    public void A_read_with_less_time_is_answered_before_its_deadline()
    {
        Open(null);
        Pay(B, 30, 1);
        var read = Call(static (caller, _) => new GetAccountRequest(caller, At(1.4)), 1);
        runtime.Tick(At(1.2));
        AnswerOf(read).ShouldBeOfType<GetAccountResponse>().View!.Doubt.ShouldNotBeNull();
    }

    [Fact]
    public void A_read_is_firm_when_what_it_waits_for_is_decided()
    {
        Open(null);
        var transfer = Pay(B, 30, 1);
        var read = Call(static (caller, deadline) => new GetAccountRequest(caller, deadline), 1.5);

        // What is prepared after it came is none of its business.
        Pay(C, 1, 1.6);
        Answer(transfer, 2.0, isCommitted: true);
        var view = AnswerOf(read).ShouldBeOfType<GetAccountResponse>().View.ShouldNotBeNull();
        view.Doubt.ShouldBeNull();
        view.Balances.DebitsPosted.ShouldBe(Amount.Of(30));
    }

    [Fact]
    public void A_read_of_a_transfer_in_doubt_waits_a_second_and_says_so()
    {
        Open(null);
        var transfer = Pay(B, 30, 1);
        var late = Call((caller, deadline) => new GetTransferRequest(transfer.Id, caller, deadline), 1.5);
        runtime.Tick(At(2.4));
        AnswerOf(late).ShouldBeNull();
        runtime.Tick(At(2.5));
        AnswerOf(late).ShouldBeOfType<RequestFailed>().Reason.ShouldBe(RequestFailure.AccountInDoubt);

        // Who asks again is answered when it is decided.
        var again = Call((caller, deadline) => new GetTransferRequest(transfer.Id, caller, deadline), 2.6);
        Answer(transfer, 3.0, isCommitted: true);
        var search = new IdHistoryReader(A, [transfer.Id]);
        rows.ForEach(search.Add);
        runtime.LookupCompleted(lookups.Dequeue(), search.Found(transfer.Id), At(3.1));
        AnswerOf(again).ShouldBeOfType<GetTransferResponse>().Record!.Status.ShouldBe(TransferStatus.Created);
        for (var second = 4; second < 100; second++)
        {
            runtime.Tick(At(second));
        }

        answers.Count(one => one.Correlation == again).ShouldBe(1);
    }

    [Fact]
    public void A_limit_that_only_doubt_forbids_waits_for_it()
    {
        Open(null);
        Earn(100);
        var transfer = Pay(B, 130, 1);
        var waits = Call(
            static (caller, deadline) =>
                new ChangeAccountRequest(new SetAccountLimits(Amount.Zero, null), caller, deadline), 1.5);
        AnswerOf(waits).ShouldBeNull();
        Answer(transfer, 2.0, isCommitted: false);
        AnswerOf(waits).ShouldBeOfType<ChangeAccountResponse>().Result.Status.ShouldBe(AccountStatus.Changed);
    }

    [Fact]
    public void A_limit_that_no_outcome_allows_is_refused_at_once()
    {
        Open(null);
        Earn(100);
        Pay(B, 50, 1);
        var change = Call(
            static (caller, deadline) =>
                new ChangeAccountRequest(new SetAccountLimits(null, Amount.Zero), caller, deadline), 1.5);
        AnswerOf(change).ShouldBeOfType<ChangeAccountResponse>().Result.Status.ShouldBe(AccountStatus.LimitIsExceeded);
    }

    [Fact]
    public void A_limit_that_doubt_forbids_for_long_is_refused_for_the_doubt()
    {
        Open(null);
        Earn(100);
        Pay(B, 130, 1);
        var change = Call(
            static (caller, _) =>
                new ChangeAccountRequest(new SetAccountLimits(Amount.Zero, null), caller, At(5.5)), 1.5);
        runtime.Tick(At(4.4));
        AnswerOf(change).ShouldBeNull();
        runtime.Tick(At(4.5));
        AnswerOf(change).ShouldBeOfType<RequestFailed>().Reason.ShouldBe(RequestFailure.AccountInDoubt);
    }

    [Fact]
    public void A_statement_says_up_to_when_it_is_complete()
    {
        Open(null);
        Earn(100);
        Pay(B, 30, 1);
        var fence = Call(static (caller, deadline) => new FlushRequest(caller, deadline), 1.5);
        runtime.Tick(At(2.5));
        var answer = AnswerOf(fence).ShouldBeOfType<FlushResponse>();
        (answer.EntryCount, answer.CompleteUpTo).ShouldBe((1UL, new LedgerTime(At(1).UnixMicroseconds - 1)));
        answer.Asset.Text.ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public void The_range_of_a_hold_that_is_being_posted_is_that_of_both_outcomes()
    {
        Open(null);
        var hold = NewTransfer(B, 50) with { Flags = TransferFlags.Pending };
        Call((caller, deadline) => new PostTransferRequest(hold, caller, deadline), 1);
        Answer(hold, 1, isCommitted: true);
        var post =
            new Transfer(NewId(), A, B, Amount.Of(20), 1) { Flags = TransferFlags.PostPending, HoldId = hold.Id };
        Call((caller, deadline) => new PostTransferRequest(post, caller, deadline), 2);
        var doubt = DoubtOf(2);
        (doubt.Least.DebitsPending, doubt.Greatest.DebitsPending).ShouldBe((Amount.Zero, Amount.Of(50)));
        (doubt.Least.DebitsPosted, doubt.Greatest.DebitsPosted).ShouldBe((Amount.Zero, Amount.Of(20)));
    }

    [Fact]
    public void A_change_over_a_closing_in_doubt_fails_by_name_and_changes_nothing()
    {
        Open(null);
        var closing = NewTransfer(B, 0) with { Flags = TransferFlags.Pending | TransferFlags.ClosingDebit };
        Call((caller, deadline) => new PostTransferRequest(closing, caller, deadline), 1);
        var change = Call(static (caller, _) => new ChangeAccountRequest(new CloseAccount("r"), caller, At(9)), 1);
        runtime.Tick(At(6.9));
        AnswerOf(change).ShouldBeNull();
        runtime.Tick(At(7));
        AnswerOf(change).ShouldBe(new RequestFailed(RequestFailure.AccountInDoubt));
        runtime.State.Closed.ShouldBeFalse();
    }

    // ---------------------------------------------------------------- refusals

    [Fact]
    public void Over_old_doubt_a_refusal_is_given_only_where_no_outcome_could_change_it()
    {
        Open(Amount.Zero);
        Earn(100);
        Pay(B, 60, 1);
        Receive(1000, 1.1);
        Restart(2);

        // Enough in the worst case: 40 of it.
        var enough = Post(NewTransfer(C, 40), 3);
        runtime.State.InDoubtCount.ShouldBe(3);
        AnswerOf(enough).ShouldBeNull();

        // Too little however the doubt ends: 100 and 1,000 less the 40.
        var never = Post(NewTransfer(C, 1061), 3);
        AnswerOf(never).ShouldBeOfType<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.ExceedsCredits);
        rows[^1].Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionRejected>();

        // Between: after a second, by name, and the id is as good as new.
        var count = rows.Count;
        var between = NewTransfer(C, 1060);
        var asked = Post(between, 3);
        runtime.Tick(At(3.9));
        AnswerOf(asked).ShouldBeNull();
        runtime.Tick(At(4));
        AnswerOf(asked).ShouldBe(new RequestFailed(RequestFailure.AccountInDoubt));
        rows.Count.ShouldBe(count);
        runtime.State.Idempotency.Find(between.Id).ShouldBeNull();
    }

    [Fact]
    public void What_is_released_in_time_is_spent_by_who_waits_for_it()
    {
        Open(Amount.Zero);
        Earn(100);
        var old = Pay(B, 60, 1);
        Restart(2);
        var next = NewTransfer(C, 100);
        Post(next, 3);
        runtime.State.FindInDoubt(next.Id).ShouldBeNull();
        Answer(old, 3.2, isCommitted: false);
        runtime.State.FindInDoubt(next.Id).ShouldNotBeNull();
    }

    [Fact]
    public void Over_doubt_that_has_just_begun_a_refusal_is_given_at_once()
    {
        Open(Amount.Zero);
        Earn(100);
        Pay(B, 60, 1);
        AnswerOf(Post(NewTransfer(C, 100), 2.9)).ShouldBeOfType<PostTransferResponse>()
            .Result.Status.ShouldBe(TransferStatus.ExceedsCredits);

        // Two seconds later it is old.
        AnswerOf(Post(NewTransfer(C, 100), 3)).ShouldBeNull();
    }

    // ---------------------------------------------------------------- bounds

    [Fact]
    public void Too_much_that_one_account_leaves_unanswered_is_not_added_to()
    {
        Open(null);
        Transfer? last = null;
        for (var i = 0; i < Options.UnansweredMax; i++)
        {
            last = Pay(B, 1, 1);
        }

        // Busy is not unavailable.
        Pay(B, 1, 2.9);
        runtime.State.InDoubtCount.ShouldBe(Options.UnansweredMax + 1);

        // One probes; the next is refused, and has not been prepared.
        Pay(B, 1, 3.2);
        var refused = NewTransfer(B, 1);
        AnswerOf(Post(refused, 3.3)).ShouldBe(new RequestFailed(RequestFailure.CounterpartyUnavailable));
        runtime.State.InDoubtCount.ShouldBe(Options.UnansweredMax + 2);
        runtime.State.Idempotency.Find(refused.Id).ShouldBeNull();
        AnswerOf(Post(NewTransfer(C, 1), 3.3)).ShouldBeNull();
        AnswerOf(Post(NewTransfer(B, 1), 4.1)).ShouldBe(new RequestFailed(RequestFailure.CounterpartyUnavailable));
        AnswerOf(Post(NewTransfer(B, 1), 4.2)).ShouldBeNull();

        // It answers: so is it.
        Answer(last!, 4.3, isCommitted: true);
        Answer(runtime.State.InDoubtInOrder()[0].Branch.Legs[0].Transfer!, 4.3, isCommitted: true);
        AnswerOf(Post(refused, 4.6)).ShouldBeNull();
        runtime.State.FindInDoubt(refused.Id).ShouldNotBeNull();
    }

    [Fact]
    public void Too_much_that_is_unanswered_in_all_is_not_added_to()
    {
        runtime = new AccountMachine(A, Options with { DoubtMax = 8 }, this);
        runtime.RecoveryCompleted(At(0));
        Open(null);
        for (var i = 0; i < 8; i++)
        {
            Pay(AccountAddress.Parse($"c{i}"), 1, 1);
        }

        Pay(C, 1, 3);
        AnswerOf(Post(NewTransfer(C, 1), 3.1)).ShouldBe(new RequestFailed(RequestFailure.AccountInDoubt));

        // Another account's transaction is voted against for now, and not refused.
        sent.Clear();
        Reserve(3.2);
        sent.ShouldHaveSingleItem().Message.ShouldBeOfType<Vote>().Kind.ShouldBe(VoteKind.InDoubt);
    }

    [Fact]
    public void Large_transactions_count_by_their_size()
    {
        runtime = new AccountMachine(A, Options with { DoubtBytesMax = 10_000 }, this);
        runtime.RecoveryCompleted(At(0));
        Open(null);
        var large = NewTransfer(B, 1) with
        {
            Metadata = Metadata.Of(
                Enumerable.Range(0, 16).Select(static i => KeyValuePair.Create($"k{i}", new string('x', 256)))),
        };
        Post(large, 1);
        Pay(C, 1, 3);
        AnswerOf(Post(NewTransfer(C, 1), 3.1)).ShouldBe(new RequestFailed(RequestFailure.AccountInDoubt));
    }

    [Fact]
    public void What_was_prepared_before_a_restart_is_unanswered_only_two_seconds_after_it()
    {
        Open(null);
        for (var i = 0; i < Options.UnansweredMax; i++)
        {
            Pay(B, 1, 1);
        }

        Restart(60);
        AnswerOf(Post(NewTransfer(B, 1), 61.9)).ShouldBeNull();
        AnswerOf(Post(NewTransfer(B, 1), 62.2)).ShouldBeNull();
        AnswerOf(Post(NewTransfer(B, 1), 62.3)).ShouldBe(new RequestFailed(RequestFailure.CounterpartyUnavailable));
    }

    // ---------------------------------------------------------------- the world

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => answers.Add((caller.Correlation, answer));

    void IAccountHost.Send(AccountAddress account, AccountMessage message) => sent.Add((account, message));

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => lookups.Enqueue(lookup);

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    private static LedgerTime At(double second) => new((long)Math.Round(second * 1_000_000));

    private TransferId NewId() => new(++lastId);

    private Transfer NewTransfer(AccountAddress to, ulong amount) => new(NewId(), A, to, Amount.Of(amount), 1);

    private long Call(Func<ReplyTarget, LedgerTime, AccountRequest> call, double second)
    {
        runtime.Handle(call(new ReplyTarget(null, ++lastCorrelation), At(second + 60)), At(second));
        Write(second);
        return lastCorrelation;
    }

    private long Post(Transfer transfer, double second) =>
        Call((caller, deadline) => new PostTransferRequest(transfer, caller, deadline), second);

    private Transfer Pay(AccountAddress to, ulong amount, double second)
    {
        var transfer = NewTransfer(to, amount);
        Post(transfer, second);
        runtime.State.FindInDoubt(transfer.Id).ShouldNotBeNull();
        return transfer;
    }

    private void Open(Amount? allowance) => Call(
        (caller, deadline) => new OpenAccountRequest(
            new AccountSpec(A, Usd, 1) { DebitsMustNotExceedCredits = allowance }, caller, deadline),
        0);

    private static TransactionBranch PartOf(Transfer transfer) => new()
    {
        Id = transfer.Id, Coordinator = transfer.DebitAccount, CoordinatorAsset = Usd, LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    // As the last agent of another account's transfer.
    private void Earn(ulong amount)
    {
        runtime.Handle(
            new CommitRequest(PartOf(new Transfer(NewId(), B, A, Amount.Of(amount), 1)), Cancel: false), At(0));
        Write(0);
    }

    // As a participant of another account's transaction: prepared, and never told.
    private void Receive(ulong amount, double second)
    {
        Prepare(amount, second);
        runtime.State.InDoubtInOrder()[^1].Branch.Coordinator.ShouldBe(B);
    }

    private void Reserve(double second) => Prepare(1, second);

    private void Prepare(ulong amount, double second)
    {
        var leg =
            new ResolvedLeg(0, new Transfer(NewId(), B, A, Amount.Of(amount), 1), null) { Amount = Amount.Of(amount) };
        runtime.Handle(
            new PrepareRequest(new TransactionBranch
            {
                Id = NewId(),
                Coordinator = B, CoordinatorAsset = Usd, LegCount = 2, Asked = 1, DigestOfWhole = lastId,
                Legs = [leg],
            }),
            At(second));
        Write(second);
    }

    private void Answer(Transfer transfer, double second, bool isCommitted)
    {
        var branch = runtime.State.FindInDoubt(transfer.Id)!.Branch;
        runtime.Handle(
            new CommitResponse(
                branch.Key, branch.Digest, isCommitted, At(second),
                isCommitted ? null : new Refusal(0, TransferStatus.CreditAccountNotFound, default, null)),
            At(second));
        Write(second);
    }

    private AccountDoubt DoubtOf(double second)
    {
        var read = Call(static (caller, deadline) => new GetAccountRequest(caller, deadline), second);
        runtime.Tick(At(second + 1));
        return AnswerOf(read).ShouldBeOfType<GetAccountResponse>().View!.Doubt.ShouldNotBeNull();
    }

    private AccountResponse? AnswerOf(long correlation) =>
        answers.Where(one => one.Correlation == correlation).Select(static one => one.Answer).SingleOrDefault();

    // Another incarnation, from the journal.
    private void Restart(double second)
    {
        runtime.Flush();
        Write(second);
        runtime = new AccountMachine(A, Options, this);
        foreach (var row in rows)
        {
            runtime.Replay(row);
        }

        runtime.RecoveryCompleted(At(second));
        Write(second);
    }

    private void Write(double second)
    {
        while (writing is { } row)
        {
            writing = null;
            rows.Add(row);
            runtime.WriteSucceeded(At(second));
        }

        // A refusal that another account could outrank asks it first: it knows of nothing.
        foreach (var (to, message) in sent.Where(static one => one.Message is DryRunRequest).ToArray())
        {
            var dryRun = (DryRunRequest)message;
            sent.Remove((to, message));
            runtime.Handle(
                new DryRunResponse(
                    dryRun.Branch.Id, dryRun.Round,
                    new AccountReport(
                        to, new AccountSpec(to, Usd, 1), false, null, default, default, false, [new LegContext(0)])),
                At(second));
            Write(second);
        }
    }
}
