namespace Ledger.Core.Tests;

/// <summary>R8': requests that leave before their row is durable, and what rests on them.</summary>
public sealed class TicketTests
{
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");
    private static readonly AccountAddress s_c = AccountAddress.Parse("c");

    [Fact]
    public void A_request_to_commit_leaves_with_the_ticket_of_its_row_and_nothing_else_does()
    {
        var a = new Account(s_a);
        a.Ask((caller, until) => new PostTransferRequest(Pay(1, s_a, s_b), caller, until));
        a.Ask((caller, until) => new GetAccountRequest(caller, until));

        var (to, message, ticket) = a.Ahead.ShouldHaveSingleItem();
        to.ShouldBe(s_b);
        message.ShouldBeOfType<CommitRequest>();
        ticket.ShouldBeSameAs(a.Writing!.Ticket);
        ticket.Outcome.ShouldBe(WriteOutcome.Pending);
        a.Sent.ShouldBeEmpty();
        a.Answers.ShouldBeEmpty();

        // It is sent once.
        a.Written();
        a.Sent.ShouldBeEmpty();
    }

    [Fact]
    public void Where_nobody_can_be_asked_ahead_the_request_leaves_when_its_row_is_durable()
    {
        var a = new Account(s_a) { IsAlone = true };
        a.Ask((caller, until) => new PostTransferRequest(Pay(1, s_a, s_b), caller, until));
        a.Sent.ShouldBeEmpty();
        a.Written();
        a.Sent.ShouldHaveSingleItem().ShouldBeOfType<CommitRequest>();
    }

    [Fact]
    public void The_row_of_the_last_agent_rests_on_that_of_the_coordinator_and_its_answer_waits_for_its_own()
    {
        var (a, b) = (new Account(s_a), new Account(s_b));
        a.Ask((caller, until) => new PostTransferRequest(Pay(1, s_a, s_b), caller, until));
        var (_, request, ticket) = a.Ahead.Single();

        b.Take(request, ticket);

        b.Writing!.Ticket!.RestsOn.ShouldBe([ticket]);
        b.Sent.ShouldBeEmpty();
        b.Watched.ShouldBeNull("the row fails with what it rests on");
        ticket.TryMakeDurable();
        b.Written();
        b.Sent.ShouldHaveSingleItem().ShouldBeOfType<CommitResponse>().Committed.ShouldBeTrue();
    }

    [Fact]
    public void A_row_that_rests_on_another_carries_it_to_whatever_rests_on_that_row()
    {
        var (a, b) = (new Account(s_a), new Account(s_b));
        a.Ask((caller, until) => new PostTransferRequest(Pay(1, s_a, s_b), caller, until));
        var (_, request, first) = a.Ahead.Single();

        // While a row of its own is under way, the next one takes in the commit and a transfer of its own.
        b.Ask((caller, until) => new PostTransferRequest(Pay(2, s_b, s_c), caller, until));
        b.Writing!.Ticket!.RestsOn.ShouldBeEmpty();
        b.Take(request, first);
        b.Ask((caller, until) => new PostTransferRequest(Pay(3, s_b, s_c), caller, until));
        b.Ahead.Count.ShouldBe(1);
        b.Written();

        b.Ahead.Count.ShouldBe(2);
        var second = b.Ahead[1].Ticket;
        second.ShouldBeSameAs(b.Writing!.Ticket);
        second.RestsOn.ShouldBe([first]);
    }

    [Fact]
    public void A_request_whose_row_has_failed_is_dropped()
    {
        var (a, b) = (new Account(s_a), new Account(s_b));
        a.Ask((caller, until) => new PostTransferRequest(Pay(1, s_a, s_b), caller, until));
        var (_, request, ticket) = a.Ahead.Single();
        ticket.TryFail();

        b.Take(request, ticket);

        b.Writing.ShouldBeNull();
        b.Runtime.IsBusy.ShouldBeFalse();
        b.Runtime.State.Balances.ShouldBe(default);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_needs_no_row_waits_for_the_ticket_and_ends_the_account_where_that_fails(bool isDurable)
    {
        // It has committed this one before, and is asked again by a row that is under way.
        var b = new Account(s_b);
        var request = new CommitRequest(Branch(Pay(1, s_a, s_b)));
        b.Take(request);
        b.Written();
        b.Sent.Clear();
        var ticket = new WriteTicket();
        b.Take(request, ticket);
        b.Ask((caller, until) => new GetAccountRequest(caller, until));

        b.Sent.ShouldBeEmpty();
        b.Answers.ShouldBeEmpty();
        b.Watched.ShouldBeSameAs(ticket);
        b.Runtime.IsBusy.ShouldBeTrue();
        _ = isDurable ? ticket.TryMakeDurable() : ticket.TryFail();

        b.Runtime.TicketDecided().ShouldBe(isDurable);
        if (isDurable)
        {
            b.Sent.ShouldHaveSingleItem().ShouldBeOfType<CommitResponse>().Committed.ShouldBeTrue();
            b.Answers.ShouldHaveSingleItem().ShouldBeOfType<GetAccountResponse>();
            b.Runtime.IsBusy.ShouldBeFalse();
        }
        else
        {
            b.Runtime.Fail(RequestFailure.JournalUnavailable);
            b.Sent.ShouldBeEmpty();
            b.Answers.ShouldHaveSingleItem().ShouldBe(new RequestFailed(RequestFailure.JournalUnavailable));
        }
    }

    [Fact]
    public void A_read_waits_for_what_the_account_rests_on_then_and_not_for_what_comes_later()
    {
        var b = new Account(s_b);
        var request = new CommitRequest(Branch(Pay(1, s_a, s_b)));
        b.Take(request);
        b.Written();
        var (first, second) = (new WriteTicket(), new WriteTicket());
        b.Take(request, first);
        b.Ask((caller, until) => new GetAccountRequest(caller, until));
        b.Take(request, second);
        first.TryMakeDurable();

        b.Runtime.TicketDecided().ShouldBeTrue();

        b.Answers.ShouldHaveSingleItem().ShouldBeOfType<GetAccountResponse>();
        b.Watched.ShouldBeSameAs(second);
    }

    [Fact]
    public void A_failure_that_comes_to_light_after_more_was_decided_takes_that_row_with_it()
    {
        // Taken in, and no row of its own rests on it yet when it fails.
        var b = new Account(s_b);
        var request = new CommitRequest(Branch(Pay(1, s_a, s_b)));
        b.Take(request);
        b.Written();
        var ticket = new WriteTicket();
        b.Take(request, ticket);
        ticket.TryFail();

        b.Take(new CommitRequest(Branch(Pay(2, s_a, s_b))));

        b.Writing!.Ticket!.AdmitTo(1, out _).ShouldBe(WriteAdmission.Fails);
    }

    [Fact]
    public void A_row_goes_into_the_transaction_of_what_it_rests_on_or_after_it()
    {
        var (a, b, c) = (new WriteTicket(), new WriteTicket(), new WriteTicket());
        b.RestOn([a]);
        c.RestOn([a, b]);
        b.AdmitTo(1, out var awaited).ShouldBe(WriteAdmission.Waits);
        awaited.ShouldBeSameAs(a);
        a.AdmitTo(1, out _).ShouldBe(WriteAdmission.Taken);
        b.AdmitTo(2, out _).ShouldBe(WriteAdmission.Waits);
        b.AdmitTo(1, out _).ShouldBe(WriteAdmission.Taken);
        a.TryMakeDurable().ShouldBeTrue();
        c.AdmitTo(2, out awaited).ShouldBe(WriteAdmission.Waits);
        awaited.ShouldBeSameAs(b);
        b.TryFail().ShouldBeTrue();
        b.TryMakeDurable().ShouldBeFalse("it is decided once");
        c.AdmitTo(2, out _).ShouldBe(WriteAdmission.Fails);
        b.RestsOn.ShouldBeEmpty();
    }

    [Fact]
    public void A_row_that_was_given_up_is_in_no_transaction_whatever_became_of_what_it_rested_on()
    {
        WriteTicket a = new(), b = new();
        b.RestOn([a]);
        b.AdmitTo(1, out _).ShouldBe(WriteAdmission.Waits);
        b.TryFail().ShouldBeTrue();
        a.TryFail().ShouldBeTrue();
        b.AdmitTo(2, out _).ShouldBe(WriteAdmission.Fails);
    }

    [Fact]
    public void Who_waits_for_a_ticket_is_told_once_and_at_once_when_it_is_decided()
    {
        var ticket = new WriteTicket();
        var told = 0;
        ticket.WhenDecided(() => told++);
        told.ShouldBe(0);
        ticket.TryFail();
        ticket.TryFail();
        told.ShouldBe(1);
        ticket.WhenDecided(() => told++);
        told.ShouldBe(2);
    }

    [Fact]
    public void Followers_are_counted_until_the_last_has_come()
    {
        var ticket = new WriteTicket();
        var came = 0;
        ticket.AllCame = () => came++;
        ticket.Follow();
        ticket.Follow();
        ticket.EndFollowing();
        ticket.HasFollowers.ShouldBeTrue();
        came.ShouldBe(0);
        ticket.EndFollowing();
        ticket.HasFollowers.ShouldBeFalse();
        came.ShouldBe(1);
    }

    private static Transfer Pay(int id, AccountAddress debit, AccountAddress credit) =>
        new(new TransferId((UInt128)id), debit, credit, Amount.Of(1), 1);

    private static TransactionBranch Branch(Transfer transfer) => new()
    {
        Id = transfer.Id,
        Coordinator = transfer.DebitAccount,
        CoordinatorAsset = Asset.Parse("USD/2"),
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    // One account whose rows become durable when the test says so.
    private sealed class Account : IAccountHost
    {
        private static readonly LedgerTime s_now = new(1_000_000_000);
        private long correlation;

        public Account(AccountAddress address)
        {
            Runtime = new AccountMachine(address, new AccountMachineOptions { SendsAhead = true }, this);
            Runtime.RecoveryCompleted(s_now);
            Ask((caller, until) => new OpenAccountRequest(
                new AccountSpec(address, Asset.Parse("USD/2"), 1), caller, until));
            Written();
            Answers.Clear();
        }

        public AccountMachine Runtime { get; }

        public bool IsAlone { get; init; }

        public EventBatch? Writing { get; private set; }

        public WriteTicket? Watched { get; private set; }

        public List<(AccountAddress To, AccountMessage Message, WriteTicket Ticket)> Ahead { get; } = [];

        public List<AccountMessage> Sent { get; } = [];

        public List<AccountResponse> Answers { get; } = [];

        public void Ask(Func<ReplyTarget, LedgerTime, AccountMessage> call) =>
            Take(call(new ReplyTarget(null, ++correlation), s_now.Add(TimeSpan.FromMinutes(1))));

        public void Take(AccountMessage message, WriteTicket? ticket = null) => Runtime.Handle(message, s_now, ticket);

        public void Written()
        {
            var written = Writing!;
            Writing = null;
            written.Ticket?.TryMakeDurable();
            Runtime.WriteSucceeded(s_now);
        }

        void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => Answers.Add(answer);

        void IAccountHost.Send(AccountAddress account, AccountMessage message) => Sent.Add(message);

        bool IAccountHost.SendAhead(AccountAddress account, AccountMessage message, WriteTicket ticket)
        {
            if (!IsAlone)
            {
                Writing.ShouldBeNull("the row is handed over after what it is to be asked for is known");
                Ahead.Add((account, message, ticket));
            }

            return !IsAlone;
        }

        void IAccountHost.Watch(WriteTicket ticket) => Watched = ticket;

        void IAccountHost.Write(EventBatch batch) => Writing = batch;

        void IAccountHost.Lookup(IdLookup lookup)
        {
        }

        void IAccountHost.WakeAt(LedgerTime time)
        {
        }
    }
}
