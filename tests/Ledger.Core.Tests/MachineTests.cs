using System.Collections.Immutable;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: the corners of an account's machine that the random world comes to but rarely, one by one. Method: one
/// account, a shell that writes down what leaves it, and rows that become durable when the test says so.
/// </summary>
public sealed class MachineTests : IAccountHost
{
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly AccountAddress C = AccountAddress.Parse("c");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private readonly List<AccountResponse> answers = [];
    private readonly List<(AccountAddress To, AccountMessage Message)> sent = [];
    private readonly List<IdLookup> lookups = [];
    private readonly List<EventBatch> rows = [];
    private readonly List<LedgerTime> wakes = [];
    private AccountMachine runtime = null!;
    private EventBatch? writing;
    private long now = 1_000_000_000;

    public MachineTests() => Start(new AccountMachineOptions());

    [Fact]
    public void A_hold_that_is_extended_into_the_past_expires_soon()
    {
        Hold(1, 40);
        Take(new ExtendHoldRequest(Id(1), new LedgerTime(now - 1), new ReplyTarget(null, 9), In(10)));

        wakes.ShouldContain(wake => wake <= In(1));
        Pass(1);
        Closes().ShouldContain(
            close => close.Branch.Legs[0].Transfer!.Kind == TransferKind.ExpireHold);
    }

    [Fact]
    public void A_participant_that_has_booked_an_outcome_says_so_again_when_it_is_told_again()
    {
        var branch = Slice(B, C);
        Take(new PrepareRequest(branch));
        Sent<Vote>().ShouldHaveSingleItem().Kind.ShouldBe(VoteKind.Yes);
        var outcome = new Outcome(branch.Key, branch.Digest, Committed: true, In(0)) { Coordinator = B };
        Take(outcome);
        Take(outcome);

        Sent<OutcomeAck>().Count().ShouldBe(2);
        runtime.State.Balances.CreditsPosted.ShouldBe(Amount.Of(5));
    }

    [Fact]
    public void A_participant_that_is_not_told_asks()
    {
        Take(new PrepareRequest(Slice(B, C)));
        Pass(3);

        Sent<OutcomeRequest>().ShouldNotBeEmpty();
    }

    [Fact]
    public void Nothing_is_asked_again_before_its_row_is_durable()
    {
        runtime.Handle(new PostTransferRequest(Plain(1, 5), new ReplyTarget(null, 1), In(60)), new LedgerTime(now));
        now += 5_000_000;
        runtime.Tick(new LedgerTime(now));
        Closes().ShouldBeEmpty();

        Write();
        Closes().ShouldNotBeEmpty();
    }

    [Fact]
    public void A_late_close_of_what_made_a_live_hold_is_looked_up_and_not_done_again()
    {
        Start(new AccountMachineOptions { IdempotencyWindowMax = 1 });
        var hold = new Transfer(Id(1), B, A, Amount.Of(5), 1) { Flags = TransferFlags.Pending };
        var close = new CommitRequest(
            Branch(B, new ResolvedLeg(0, hold, null) { Amount = Amount.Of(5), Deadline = LedgerTime.MaxValue }));
        Take(close);
        Take(
            new CommitRequest(
                Branch(
                    B,
                    new ResolvedLeg(0, new Transfer(Id(2), B, A, Amount.Of(7), 1), null) { Amount = Amount.Of(7) })));
        Take(close);

        lookups.ShouldContain(lookup => lookup.Id == Id(1));
        runtime.State.Balances.CreditsPending.ShouldBe(Amount.Of(5));
    }

    [Fact]
    public void A_rejection_waits_for_releases_only_so_long()
    {
        var transaction = Transaction.Of(
            Id(1), Plain(2, 5) with { CreditAccount = B }, Plain(3, 5) with { CreditAccount = C });
        Take(new PostTransactionRequest(transaction, new ReplyTarget(null, 1), In(60)));
        var branch = Sent<PrepareRequest>().ShouldHaveSingleItem().Branch;
        Take(
            new Vote(
                branch.Key, branch.Digest, B, VoteKind.No,
                new Refusal(0, TransferStatus.CreditAccountNotFound, default, null)));
        var close = Closes().ShouldHaveSingleItem();
        close.Cancel.ShouldBeTrue();
        Take(new CommitResponse(branch.Key, branch.Digest, Committed: false, In(0), null));
        Answers<PostTransactionResponse>().ShouldBeEmpty();

        // The participant is silent.
        Pass(1);
        Answers<PostTransactionResponse>().ShouldHaveSingleItem().Result.Status
            .ShouldBe(TransferStatus.CreditAccountNotFound);
    }

    [Fact]
    public void A_recovered_account_wakes_for_its_next_hold()
    {
        Hold(1, 40, TimeSpan.FromSeconds(30));
        var again = rows.ToArray();
        wakes.Clear();
        var other = new AccountMachine(A, new AccountMachineOptions(), this);
        foreach (var row in again)
        {
            other.Replay(row);
        }

        other.RecoveryCompleted(In(0));
        wakes.ShouldContain(wake => wake > In(20) && wake <= In(30));
    }

    [Fact]
    public void An_attempt_that_met_doubt_is_made_again_under_another_key_and_after_a_pause()
    {
        Take(new PostTransferRequest(Plain(1, 5), new ReplyTarget(null, 1), In(60)));
        var first = Closes().ShouldHaveSingleItem().Branch;
        Take(new CommitResponse(first.Key, first.Digest, Committed: false, In(0), null));
        Closes().Count().ShouldBe(1);

        Pass(2);
        var second = Closes().Last().Branch;
        second.Id.ShouldBe(first.Id);
        second.Key.ShouldNotBe(first.Key);
        Take(new CommitResponse(second.Key, second.Digest, Committed: true, In(0), null));
        Answers<PostTransferResponse>().ShouldHaveSingleItem().Result.Status.ShouldBe(TransferStatus.Created);
        runtime.State.Balances.DebitsPosted.ShouldBe(Amount.Of(5));
        runtime.State.Balances.DebitsInDoubt.ShouldBe(Amount.Zero);
    }

    [Fact]
    public void An_opening_is_compared_with_the_opening_and_not_with_limits_of_today()
    {
        Take(new ChangeAccountRequest(new SetAccountLimits(Amount.Of(9), null), new ReplyTarget(null, 1), In(60)));
        Take(new PostTransactionRequest(
            new Transaction(Id(1), [TransactionLeg.Open(new AccountSpec(A, Usd, 1))]), new ReplyTarget(null, 2),
            In(60)));

        Answers<PostTransactionResponse>().ShouldHaveSingleItem().Result.Legs[0].Opening.ShouldBe(AccountStatus.Exists);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => answers.Add(answer);

    void IAccountHost.Send(AccountAddress account, AccountMessage message) => sent.Add((account, message));

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => lookups.Add(lookup);

    void IAccountHost.WakeAt(LedgerTime time) => wakes.Add(time);

    private static TransferId Id(int number) => new((UInt128)(uint)number | ((UInt128)4 << 76) | ((UInt128)2 << 62));

    private static Transfer Plain(int id, ulong amount) => new(Id(id), A, B, Amount.Of(amount), 1) { Asset = Usd };

    private static TransactionBranch Branch(AccountAddress coordinator, params ImmutableArray<ResolvedLeg> legs) =>
        new()
    {
        Id = legs[0].Transfer!.Id, Coordinator = coordinator, CoordinatorAsset = Usd, LegCount = legs
            .Length, Asked = 7, Legs = legs,
    };

    // Two legs, of which the second is somebody else's.
    private static TransactionBranch Slice(AccountAddress coordinator, AccountAddress third) => new TransactionBranch
    {
        Id = Id(70), Coordinator = coordinator, CoordinatorAsset = Usd, LegCount = 2, Asked = 7,
        Legs =
        [
            new ResolvedLeg(0, new Transfer(Id(71), coordinator, A, Amount.Of(5), 1) { Asset = Usd }, null)
            {
                Amount = Amount.Of(5)
            },
            new ResolvedLeg(1, new Transfer(Id(72), coordinator, third, Amount.Of(5), 1) { Asset = Usd }, null)
            {
                Amount = Amount.Of(5)
            },
        ],
    }.SliceFor(A);

    private LedgerTime In(int seconds) => new(now + (seconds * 1_000_000L));

    private IEnumerable<T> Sent<T>() => sent.Select(static one => one.Message).OfType<T>();

    [Fact]
    public void What_is_replayed_after_a_snapshot_is_bounded_also_where_a_row_holds_many_events()
    {
        const int eventsPerRow = 300;
        const int every = 10;
        Start(new AccountMachineOptions { SnapshotEvery = every, IdempotencyWindowMax = 16 });
        var id = 0;
        for (var row = 0; row < 60; row++)
        {
            // The first is written alone; what comes meanwhile shares the next row.
            for (var i = 0; i < eventsPerRow; i++)
            {
                var credit = new Transfer(Id(++id), B, A, Amount.Of(5), 1);
                runtime.Handle(
                    new CommitRequest(
                        new TransactionBranch
                        {
                            Id = credit.Id,
                            Coordinator = B, CoordinatorAsset = Usd, LegCount = 1,
                            Asked = TransferContent.DigestOf(credit),
                            Legs = [new ResolvedLeg(0, credit, null) { Amount = credit.Amount }],
                        },
                        Cancel: false),
                    new LedgerTime(now));
            }

            // Few ids are remembered, so that snapshots are small; none has been seen before.
            lookups.ForEach(lookup => runtime.LookupCompleted(lookup, null, new LedgerTime(now)));
            lookups.Clear();
            Write();
        }

        rows.Sum(static row => row.Events.Count).ShouldBe(id + 1);
        var (events, most, snapshots) = (0, 0, 0);
        foreach (var row in rows)
        {
            events += row.Events.Count;
            most = Math.Max(most, events);
            if (row.Snapshot is not null)
            {
                (events, snapshots) = (0, snapshots + 1);
            }
        }

        // Nothing is taken while a newer row is already being filled; the row in which it falls due is whole.
        most.ShouldBeLessThanOrEqualTo((every * 16) + (2 * eventsPerRow));
        snapshots.ShouldBeGreaterThan(10);
    }

    private IEnumerable<CommitRequest> Closes() => Sent<CommitRequest>();

    private IEnumerable<T> Answers<T>() => answers.OfType<T>();

    private void Start(AccountMachineOptions options)
    {
        answers.Clear();
        rows.Clear();
        runtime = new AccountMachine(A, options, this);
        runtime.RecoveryCompleted(In(0));
        Take(new OpenAccountRequest(new AccountSpec(A, Usd, 1), new ReplyTarget(null, 0), In(60)));
    }

    private void Hold(int id, ulong amount, TimeSpan timeout = default)
    {
        Take(new PostTransferRequest(
            Plain(id, amount) with
            {
                Flags = TransferFlags.Pending, Timeout = timeout == default ? TimeSpan.FromHours(1) : timeout
            },
            new ReplyTarget(null, id), In(60)));
        var branch = Closes().Last().Branch;
        Take(new CommitResponse(branch.Key, branch.Digest, Committed: true, In(0), null));
        runtime.Flush();
        Write();
    }

    private void Take(AccountMessage message)
    {
        runtime.Handle(message, new LedgerTime(now));
        Write();
    }

    private void Pass(int seconds)
    {
        now += seconds * 1_000_000L;
        runtime.Tick(new LedgerTime(now));
        Write();
    }

    private void Write()
    {
        while (writing is { } row)
        {
            writing = null;
            rows.Add(row);
            runtime.WriteSucceeded(new LedgerTime(now));
        }
    }
}
