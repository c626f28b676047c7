using Akka.Actor;
using Akka.Configuration;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>
/// Goal: the ledger itself repeats what has an id, and never what has none, unless it certainly was not begun with
/// (I10).
/// Method: the service over a stand-in for the accounts, which writes down what comes and answers as the test says.
/// </summary>
public sealed class RepeatTests : IAsyncLifetime
{
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private readonly ActorSystem system = ActorSystem.Create("repeats",
        ConfigurationFactory.ParseString("akka.loglevel = WARNING"));
    private readonly List<AccountMessage> came = [];
    private readonly Queue<AccountResponse?> answers = new();
    private PendingCalls calls = null!;
    private ILedger ledger = null!;

    public Task InitializeAsync()
    {
        calls = new PendingCalls(TimeProvider.System, 100);
        var accounts = system.ActorOf(Props.Create(() => new StandIn(came, answers)));
        var dispatcher = new RequestDispatcher(
            new LedgerOptions { Mode = LedgerExecutionMode.Clustered }, TimeProvider.System, calls,
            Task.FromResult(accounts));
        var recent = new RecentTransfers();
        ledger = new LedgerService(
            dispatcher, new AccountReader(dispatcher, null!),
            new TransferReader(dispatcher, null!, null!, recent, null), recent,
            new TransferCounter(null), new PositionText(static () => null!), Asker.Nobody);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        calls.Dispose();
        await system.Terminate();
    }

    [Fact]
    public async Task A_change_that_is_not_answered_is_not_sent_again_and_a_transfer_is()
    {
        var change = Should.ThrowAsync<LedgerException>(() => ledger.ChangeAccountAsync(A, new CloseAccount("x"),
            Patience));
        var extend = Should.ThrowAsync<LedgerException>(() => ledger.ExtendHoldAsync(
            new ExtendHold(new TransferId(7), new LedgerTime(long.MaxValue / 2)) { Account = A }, Patience));
        var post = Should.ThrowAsync<LedgerException>(() => ledger.PostTransferAsync(
            new Transfer(new TransferId(8), A, AccountAddress.Parse("b"), Amount.Of(1), 1), Patience));

        (await change).Reason.ShouldBe(LedgerErrorReason.DeadlineExceeded);
        (await extend).Reason.ShouldBe(LedgerErrorReason.DeadlineExceeded);
        (await post).Reason.ShouldBe(LedgerErrorReason.DeadlineExceeded);
        lock (came)
        {
            came.OfType<ChangeAccountRequest>().Count().ShouldBe(1);
            came.OfType<ExtendHoldRequest>().Count().ShouldBe(1);
            came.OfType<PostTransferRequest>().Count().ShouldBeGreaterThan(1);
        }
    }

    [Fact]
    public async Task A_change_whose_account_moves_is_sent_again_only_where_it_was_not_begun_with()
    {
        answers.Enqueue(new RequestFailed(RequestFailure.NotBegun));
        answers.Enqueue(new ChangeAccountResponse(new AccountChangeResult(AccountStatus.Changed, null)));
        (await ledger.ChangeAccountAsync(A, new CloseAccount("x"), Patience)).Status.ShouldBe(AccountStatus.Changed);

        answers.Enqueue(new RequestFailed(RequestFailure.Relocating));
        answers.Enqueue(new ChangeAccountResponse(new AccountChangeResult(AccountStatus.Changed, null)));
        (await Should.ThrowAsync<LedgerException>(() => ledger.ChangeAccountAsync(A, new CloseAccount("x"), Patience)))
            .OutcomeUnknown.ShouldBeTrue();
        lock (came)
        {
            came.Count.ShouldBe(3);
        }
    }

    private sealed class StandIn(List<AccountMessage> came, Queue<AccountResponse?> answers) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            var asked = (AccountRequest)((AccountEnvelope)message).Message;
            lock (came)
            {
                came.Add(asked);
            }

            if (answers.TryDequeue(out var answer) && answer is not null)
            {
                Responses.Send(asked.ReplyTo, answer);
            }
        }
    }
}
