using Ledger.Core;

namespace Ledger.Core.Tests;

/// <summary>What the world of the properties does not do: callers that give up, accounts that are full.</summary>
public sealed class RuntimeTests : IAccountHost
{
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private readonly List<(long Correlation, AccountResponse Answer)> answers = [];
    private readonly AccountMachine runtime;
    private long lastCorrelation;
    private bool isWriting;

    public RuntimeTests()
    {
        runtime = new AccountMachine(A, new AccountMachineOptions { RequestsMax = 5 }, this);
        runtime.RecoveryCompleted(At(0));
        Send((caller, deadline) => new OpenAccountRequest(new AccountSpec(A, Usd, 1), caller, deadline), 0);
    }

    [Fact]
    public void Callers_that_have_given_up_do_not_fill_the_account()
    {
        // Its last agent never answers, so everything about this transfer waits.
        var transfer = new Transfer(new TransferId(7), A, B, Amount.Of(5), 1);
        for (var second = 1; second < 100; second++)
        {
            Send((caller, deadline) => new PostTransferRequest(transfer, caller, deadline), second);
            Send((caller, deadline) => new GetAccountRequest(caller, deadline), second);
            runtime.Tick(At(second + 1));
        }

        answers.Select(static a => a.Answer).OfType<RequestFailed>().ShouldBeEmpty();
        answers.Count.ShouldBe(1);

        // When it answers at last, who still waits is told, and the account is as good as ever.
        var correlation = Send((caller, deadline) => new GetAccountRequest(caller, deadline), 200);
        runtime.Handle(
            new CommitResponse(transfer.Id, TransferContent.DigestOf(transfer), Committed: true, At(200), null),
            At(200));
        var answer = answers.Single(a => a.Correlation == correlation).Answer;
        ((GetAccountResponse)answer).View.ShouldNotBeNull().Balances.DebitsPosted.ShouldBe(Amount.Of(5));
    }

    [Fact]
    public void Calls_that_are_given_up_are_told_so_and_what_they_asked_for_goes_on()
    {
        var transfer = new Transfer(new TransferId(7), A, B, Amount.Of(5), 1);
        var first = Send((caller, deadline) => new PostTransferRequest(transfer, caller, deadline), 1);
        var reader = Send((caller, deadline) => new GetAccountRequest(caller, deadline), 1);
        runtime.GiveUpRequests(RequestFailure.JournalUnavailable);
        foreach (var given in new[] { first, reader })
        {
            answers.Single(a => a.Correlation == given).Answer
                .ShouldBe(new RequestFailed(RequestFailure.JournalUnavailable));
        }

        var copy = Send((caller, deadline) => new PostTransferRequest(transfer, caller, deadline), 2);
        runtime.Handle(
            new CommitResponse(transfer.Id, TransferContent.DigestOf(transfer), Committed: true, At(2), null), At(2));
        var answer = answers.Single(a => a.Correlation == copy).Answer.ShouldBeOfType<PostTransferResponse>();
        answer.Result.Status.ShouldBe(TransferStatus.Exists);
        answers.Count.ShouldBe(4);
    }

    [Fact]
    public void The_credit_side_of_a_hold_keeps_its_own_rules_also_when_it_is_asked_to_post_it()
    {
        var hold = new Transfer(new TransferId(7), B, A, Amount.Of(5), 1) { Flags = TransferFlags.Pending };
        runtime.Handle(
            new CommitRequest(
                new TransactionBranch
                {
                    Id = hold.Id,
                    Coordinator = B, CoordinatorAsset = Usd, LegCount = 1,
                    Asked = TransferContent.DigestOf(hold),
                    Legs = [new ResolvedLeg(0, hold, null) { Amount = hold.Amount, Deadline = LedgerTime.MaxValue }],
                },
                Cancel: false),
            At(1));
        Written(1);
        runtime.State.HoldCount.ShouldBe(1);
        Send(
            static (caller, deadline) => new ChangeAccountRequest(
                new FreezeAccount(new AccountFreeze(false, true, "r", null)), caller, deadline),
            2);
        var post = new Transfer(new TransferId(8), default, default, Amount.MaxValue, 0)
        {
            Flags = TransferFlags.PostPending, HoldId = hold.Id,
        };
        Send((caller, deadline) => new PostTransferRequest(post, caller, deadline), 3);
        answers[^1].Answer.ShouldBeOfType<PostTransferResponse>().Result.Status
            .ShouldBe(TransferStatus.CreditAccountFrozen);
    }

    // The counters that are told rest on rows that may still fail; the commit itself does not.
    [Fact]
    public void Balances_that_were_asked_for_wait_until_what_they_rest_on_is_durable()
    {
        var (first, second) = (
            new Transfer(new TransferId(7), A, B, Amount.Of(5), 1),
            new Transfer(new TransferId(8), A, B, Amount.Of(3), 1));
        foreach (var asked in new[] { true, false })
        {
            (first, second) = (
                first with { Id = new TransferId(first.Id.Value + 10) },
                second with { Id = new TransferId(second.Id.Value + 10) });
            var posted = runtime.State.Balances.DebitsPosted;
            var correlation = Send(
                (caller, deadline) => new PostTransferRequest(first, caller, deadline) { ReturnBalances = asked }, 1);
            var prepared = runtime.DurableSequenceNr;
            runtime.Handle(new PostTransferRequest(second, new ReplyTarget(null, ++lastCorrelation), At(9)), At(1));
            isWriting.ShouldBeTrue();
            var after = new AccountAfter(B, default, 17, 1, null, null);
            runtime.Handle(
                new CommitResponse(first.Id, TransferContent.DigestOf(first), Committed: true, At(1), null)
                {
                    Row = 17, After = after
                },
                At(1));

            answers.Any(answer => answer.Correlation == correlation).ShouldBe(!asked);
            Written(1);
            var result = answers.Single(answer => answer.Correlation == correlation).Answer
                .ShouldBeOfType<PostTransferResponse>().Result;
            result.Position.ShouldBe(new RowPosition(B, 17));
            if (asked)
            {
                result.CreditAfter.ShouldBe(after);
                result.DebitAfter.ShouldBe(new AccountAfter(
                    A, new Balances(default, posted + first.Amount, default, default, second.Amount, default), prepared,
                    runtime.State.EntryCount, null, null));
            }
            else
            {
                result.CreditAfter.ShouldBeNull();
                result.DebitAfter.ShouldBeNull();
            }

            runtime.Handle(
                new CommitResponse(second.Id, TransferContent.DigestOf(second), Committed: true, At(1), null), At(1));
            runtime.Flush();
            Written(1);
        }
    }

    [Fact]
    public void A_full_account_refuses_at_once()
    {
        for (var i = 0; i < 6; i++)
        {
            var id = new TransferId((UInt128)(i + 1));
            Send(
                (caller, deadline) =>
                    new PostTransferRequest(new Transfer(id, A, B, Amount.Of(1), 1), caller, deadline), 1);
        }

        answers[^1].Answer.ShouldBe(new RequestFailed(RequestFailure.Overloaded));
    }

    [Fact]
    public void A_command_that_comes_after_its_deadline_is_refused()
    {
        var call = new PostTransferRequest(
            new Transfer(new TransferId(7), A, B, Amount.Of(1), 1), new ReplyTarget(null, ++lastCorrelation), At(1));
        runtime.Handle(call, At(2));
        answers[^1].Answer.ShouldBe(new RequestFailed(RequestFailure.DeadlineExpired));
        runtime.State.InDoubtCount.ShouldBe(0);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => answers.Add((caller.Correlation, answer));

    void IAccountHost.Send(AccountAddress account, AccountMessage message)
    {
    }

    void IAccountHost.Write(EventBatch batch) => isWriting = true;

    void IAccountHost.Lookup(IdLookup lookup)
    {
    }

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    private static LedgerTime At(long seconds) => new(1_000_000_000 + (seconds * 1_000_000));

    private long Send(Func<ReplyTarget, LedgerTime, AccountMessage> make, long second)
    {
        runtime.Handle(
            make(new ReplyTarget(null, ++lastCorrelation), At(second).Add(TimeSpan.FromMilliseconds(500))), At(second));
        Written(second);
        return lastCorrelation;
    }

    private void Written(long second)
    {
        while (isWriting)
        {
            isWriting = false;
            runtime.WriteSucceeded(At(second));
        }
    }
}
