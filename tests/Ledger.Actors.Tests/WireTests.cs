using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>Everything that accounts and nodes say to each other survives its wire form: one node in one process never
/// shows that a field was forgotten.</summary>
public sealed class WireTests : IDisposable
{
    private static readonly DatabaseMark Mark = new(7, ulong.MaxValue - 3);
    private static readonly AccountAddress Debit = AccountAddress.Parse("users:42:wallet");
    private static readonly AccountAddress Credit = AccountAddress.Parse("shop:7");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private static readonly LedgerTime Time = new(1_790_000_000_123_456);
    private static readonly Balances Seen = new(
        Amount.Of(1), Amount.Of(2), Amount.Of(3), Amount.MaxValue, Amount.Of(5), Amount.Of(6));

    private static readonly Transfer Full = new(
        TransferId.FromGuid(Guid.Parse("0199b5d2-8c00-7abc-8def-0123456789ab")), Debit, Credit, Amount.MaxValue, 9)
    {
        Asset = Usd,
        Reference = "r",
        Metadata = Metadata.Of([new("k", "v"), new("a", "")]),
    };

    private static readonly Transfer Hold = new(Id(1), Debit, Credit, Amount.Of(30), 4)
    {
        Asset = Usd,
        Flags = TransferFlags.Pending | TransferFlags.OpenAccounts,
        Timeout = TimeSpan.FromMicroseconds(3_600_000_001),
    };

    private static readonly Transfer Post = new(Id(2), Debit, Credit, Amount.Of(7), 4)
    {
        Flags = TransferFlags.PostPending | TransferFlags.KeepRest,
        HoldId = Hold.Id,
    };

    private static readonly Transfer NamelessVoid = new(Id(3), default, default, Amount.Zero, 0)
    {
        Flags = TransferFlags.VoidPending,
        HoldId = Hold.Id,
    };

    private static readonly Transfer Correction = new(Id(4), Credit, Debit, Amount.MaxValue, 4)
    {
        Reverses = Full.Id,
        Reason = "paid twice",
        EffectiveTime = new LedgerTime(-1),
    };

    private static readonly AccountSpec Spec = new(Debit, Usd, 7)
    {
        Reference = "r",
        Metadata = Metadata.Of([new("k", "v")]),
        DebitsMustNotExceedCredits = Amount.Of(5),
        IsClosed = true,
    };

    private static readonly AccountSpec Mirror = new(Credit, Usd, 7) { CreditsMustNotExceedDebits = Amount.Zero };

    private static readonly Transaction Transaction = new(Id(9),
    [
        TransactionLeg.Open(Spec), TransactionLeg.Open(Mirror, ifMissing: true), TransactionLeg.Of(Full),
        TransactionLeg.Of(Hold), TransactionLeg.Of(Post), TransactionLeg.Of(NamelessVoid),
        TransactionLeg.Of(Correction),
    ]);

    private static readonly TransactionBranch Alone = new()
    {
        Id = Full.Id,
        Coordinator = Debit,
        CoordinatorAsset = Usd,
        LegCount = 1,
        Asked = TransferContent.DigestOf(Full),
        Legs = [new ResolvedLeg(0, Full, null) { Amount = Full.Amount }],
    };

    private static readonly TransactionBranch Whole = new()
    {
        Id = Transaction.Id,
        Attempt = 5,
        Coordinator = AccountAddress.Parse("coordinator"),
        CoordinatorAsset = Usd,
        LegCount = 9,
        Asked = TransferContent.DigestOf(Transaction),
        DigestOfWhole = 77,
        Legs =
        [
            new ResolvedLeg(1, null, Mirror) { IfMissing = true },
            new ResolvedLeg(3, Hold, null) { Amount = Hold.Amount, Deadline = Time },
            new ResolvedLeg(4, Hold with { Id = Id(5), Timeout = default }, null) { Amount = Hold.Amount,
                Deadline = LedgerTime.MaxValue },
            new ResolvedLeg(6, Post, null) { Amount = Amount.Of(7), HoldRemaining = Amount.Of(30) },
            new ResolvedLeg(8, Full with { Flags = TransferFlags.BalancingCredit }, null)
            {
                Amount = Amount.Of(3), Bound = AmountBound.Credit,
            },
        ],
    };

    private static readonly AccountAfter Afterwards = new(
        Credit, Seen, 42, ulong.MaxValue, Amount.Of(7), Amount.MaxValue);

    private static readonly RowPosition Place = new(Credit, long.MaxValue);

    private static readonly Refusal Why = new(3, TransferStatus.ExceedsDebits, Usd, Seen);

    private static readonly AccountFreeze Freeze = new(Debits: true, Credits: false, "inquiry", Time);

    private static readonly Account View = new(Spec, Time, Seen, 12, 34, true)
    {
        Freeze = Freeze,
        ClosedReason = "by the customer",
        HoldCount = 3,
    };

    private static readonly TransactionResult Committed = new(
        Transaction.Id, TransferStatus.Exists, -1, Time, true, null,
        [
            new LegResult(TransferStatus.None, AccountStatus.Created, default),
            new LegResult(TransferStatus.Created, AccountStatus.None, Amount.MaxValue),
        ]);

    private static readonly TransactionResult Rejected = new(
        Transaction.Id, TransferStatus.ExceedsCredits, 1, Time, false, Seen,
        [
            new LegResult(TransferStatus.None, AccountStatus.LinkedEventFailed, default),
            new LegResult(TransferStatus.ExceedsCredits, AccountStatus.None, default),
        ]);

    private readonly ActorSystem system = ActorSystem.Create("wire");

    public void Dispose() => system.Terminate().Wait(TimeSpan.FromSeconds(10));

    [Fact]
    public void Every_message_to_an_account_survives()
    {
        var caller = new ReplyTarget(system.DeadLetters, 77);
        AccountMessage[] messages =
        [
            new OpenAccountRequest(Spec, caller, Time),
            new OpenAccountRequest(Mirror with { Address = Debit }, caller, Time),
            new PostTransferRequest(Full, caller, Time),
            new PostTransferRequest(Hold, caller, Time),
            new PostTransferRequest(Post, caller, Time),
            new PostTransferRequest(NamelessVoid, caller, Time),
            new PostTransferRequest(Correction, caller, Time),
            new GetAccountRequest(caller, Time),
            new GetTransferRequest(Full.Id, caller, Time),
            new FlushRequest(caller, Time),
            new PostTransactionRequest(Transaction, caller, Time),
            new PostTransactionRequest(Transaction, caller, Time) { IsDryRun = true },
            new GetTransactionRequest(Full.Id, caller, Time),
            new ChangeAccountRequest(new FreezeAccount(Freeze), caller, Time),
            new ChangeAccountRequest(new FreezeAccount(new AccountFreeze(false, true, "", null)), caller, Time),
            new ChangeAccountRequest(new UnfreezeAccount(""), caller, Time),
            new ChangeAccountRequest(new CloseAccount("c"), caller, Time),
            new ChangeAccountRequest(new ReopenAccount("o"), caller, Time),
            new ChangeAccountRequest(new SetAccountLimits(Amount.Zero, null), caller, Time),
            new ChangeAccountRequest(new SetAccountLimits(null, Amount.MaxValue), caller, Time),
            new ExtendHoldRequest(Hold.Id, new LedgerTime(Time.UnixMicroseconds + 1), caller, Time)
            {
                Principal = "alice",
            },
            new PostTransferRequest(Full, caller, Time) { Principal = "müller:7" },
            new PrepareRequest(Whole),
            new PrepareRequest(Whole with { Principal = "alice" }),
            new PostTransferRequest(Full, caller, Time) { ReturnBalances = true },
            new PostTransactionRequest(Transaction, caller, Time) { ReturnBalances = true },
            new CommitRequest(Whole) { ReturnBalances = true },
            new CommitRequest(Whole, Cancel: true) { ReturnBalances = true },
            new CommitResponse(Full.Id, 5, true, Time, null) { After = Afterwards },
            new Outcome(Whole.Key, Whole.Digest, true, Time) { Coordinator = Debit, ReturnBalances = true },
            new OutcomeAck(Whole.Key, Whole.Digest, Credit) { After = Afterwards },
            new CommitRequest(Alone with { Principal = "alice" }),
            new PrepareRequest(Whole) { Time = new LedgerTime(7) },
            new PrepareRequest(Alone),
            new Vote(Whole.Key, Whole.Digest, Credit, VoteKind.Yes, null) { Time = new LedgerTime(8) },
            new Vote(Whole.Key, UInt128.MaxValue, Credit, VoteKind.No, Why),
            new Vote(Whole.Key, 5, Credit, VoteKind.InDoubt, null),
            new CommitRequest(Alone),
            new CommitRequest(Whole) { Time = new LedgerTime(9) },
            new CommitRequest(Whole, Cancel: true) { Time = new LedgerTime(10) },
            new CommitRequest(Whole, Cancel: true) { Verdict = new OperatorVerdict("anna", "ticket 7") },
            new ResolveInDoubtRequest(Full.Id, new OperatorVerdict("anna", "ticket 7"), caller, Time),
            new ResolveInDoubtRequest(Full.Id, new OperatorVerdict("anna", "ticket 7"), caller, Time)
            {
                Digest = UInt128.MaxValue, Found = new CommitResponse(Full.Id, 5, false, Time, Why) { Row = 42 },
            },
            new CommitResponse(Full.Id, UInt128.MaxValue, true, Time, null) { Row = 42 },
            new CommitResponse(Full.Id, 5, false, Time, Why),
            new CommitResponse(
                Full.Id, 5, false, Time, new Refusal(0, TransferStatus.CreditAccountNotFound, default, null)),
            new DryRunRequest(Whole with { CoordinatorAsset = default }, 12),
            new DryRunResponse(Full.Id, 5, new AccountReport(Credit, null, false, null, default, default, false, [])),
            new DryRunResponse(Full.Id, 5, new AccountReport(
                Debit, Spec, true, Freeze, Seen, new InDoubtLoad(Amount.Of(3), Amount.MaxValue), true,
                [
                    new LegContext(2)
                    {
                        Known = TransferStatus.Exists,
                        InDoubt = true,
                        HoldProblem = TransferStatus.PendingTransferExpired,
                        Pending = Hold,
                        Remaining = Amount.Of(4),
                        Deadline = Time,
                        ReversalProblem = TransferStatus.ReversedTransferNotPosted,
                        Reversible = Amount.Of(6),
                    },
                    new LegContext(3) { Deadline = LedgerTime.MaxValue },
                ])
            {
                DebitFavour = Amount.Of(7),
                CreditFavour = Amount.MaxValue,
            }),
            new Outcome(Whole.Key, Whole.Digest, true, Time) { Coordinator = Debit },
            new OutcomeAck(Whole.Key, Whole.Digest, Credit),
            new OutcomeRequest(Whole, Credit),
            new Activate(),
        ];
        Kinds(typeof(AccountMessage)).Except(messages.Select(static message => message.GetType())).ShouldBeEmpty();
        Kinds(typeof(AccountChange))
            .Except(messages.OfType<ChangeAccountRequest>().Select(static call => call.Change.GetType()))
            .ShouldBeEmpty();
        foreach (var message in messages)
        {
            var read = RoundTrip(new AccountEnvelope(Debit, message));
            read.Account.ShouldBe(Debit);
            read.Mark.ShouldBeNull();
            RoundTrip(new AccountEnvelope(Debit, message) { Mark = Mark }).Mark.ShouldBe(Mark);
            if (message is AccountRequest call)
            {
                // Addresses of actors are equal by path.
                var back = read.Message.ShouldBeAssignableTo<AccountRequest>()!;
                back.ReplyTo.Correlation.ShouldBe(77);
                ((IActorRef)back.ReplyTo.ReplyTo!).Path.ShouldBe(system.DeadLetters.Path);
                ShouldBeSame(back with { ReplyTo = caller }, call);
            }
            else
            {
                ShouldBeSame(read.Message, message);
            }
        }
    }

    /// <summary>Without its ticket it would be taken for a request whose row is durable (G8).</summary>
    [Fact]
    public void A_request_that_has_left_ahead_of_its_row_is_refused_and_no_region_takes_it()
    {
        var ticket = new WriteTicket();
        var request = new AheadRequest(new AccountEnvelope(Debit, new CommitRequest(Whole)), ticket);
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        Should.Throw<System.Runtime.Serialization.SerializationException>(() => serializer.ToBinary(request))
            .Message.ShouldContain("has left ahead of its row");
        Should.Throw<System.Runtime.Serialization.SerializationException>(() => serializer.Manifest(request));
        ticket.HasFollowers.ShouldBeFalse();
        new AccountExtractor(10).EntityId(request).ShouldBeNull();
    }

    [Fact]
    public void Every_answer_survives()
    {
        AccountResponse[] answers =
        [
            new OpenAccountResponse(new OpenAccountResult(Debit, AccountStatus.Created, Time) { Position = Place }),
            new PostTransferResponse(
                new TransferResult(Full.Id, TransferStatus.Exists, Time, true, null) { Amount = Amount.MaxValue }),
            new PostTransferResponse(
                new TransferResult(Full.Id, TransferStatus.Created, Time, false, null) { Position = Place }),
            new PostTransactionResponse(Committed with { Position = Place }),
            new PostTransactionResponse(
                Committed with { After = [Afterwards, Afterwards with { Address = Debit, AvailableCredits = null }] }),
            new PostTransferResponse(new TransferResult(Full.Id, TransferStatus.Created, Time, false, null)
            {
                DebitAfter = Afterwards with { AvailableDebits = null }, CreditAfter = Afterwards,
            }),
            new PostTransferResponse(new TransferResult(Full.Id, TransferStatus.ExceedsCredits, Time, false, Seen)),
            new PostTransactionResponse(Committed),
            new PostTransactionResponse(Rejected),
            new ResolveInDoubtResponse(InDoubtState.NotInDoubt, Debit),
            new ResolveInDoubtResponse(InDoubtState.Undecided, Debit) { LastAgent = Credit, Branch = Whole,
                PreparedRow = 42 },
            new GetTransactionResponse(null),
            new GetTransactionResponse(new TransactionRecord(Transaction, Committed) { Principal = "alice" }),
            new GetTransactionResponse(new TransactionRecord(Transaction, Committed)),
            new GetTransactionResponse(
                new TransactionRecord(Transaction, Committed) { HoldRows = [0, 0, 0, 0, 3, 7, 0] }),
            new ChangeAccountResponse(new AccountChangeResult(AccountStatus.Changed, View) { Position = Place }),
            new ChangeAccountResponse(new AccountChangeResult(AccountStatus.NotFound, null)),
            new ExtendHoldResponse(TransferStatus.Created, Time) { Position = Place },
            new ExtendHoldResponse(TransferStatus.PendingTransferNotFound, null),
            new GetAccountResponse(null),
            new GetAccountResponse(View),
            new GetAccountResponse(View with
            {
                Doubt = new AccountDoubt(
                    Seen, Seen with { DebitsPosted = Amount.MaxValue }, 101,
                    [
                        new TransactionInDoubt(
                            Full.Id, Hold.Id, Time, Debit, [Credit, Debit],
                            new CounterChanges(
                                new SignedAmount(true, Amount.Of(3)), new SignedAmount(false, Amount.MaxValue),
                                new SignedAmount(false, Amount.Zero), new SignedAmount(true, Amount.MaxValue))),
                    ],
                    Time),
            }),
            new GetTransferResponse(null),
            new GetTransferResponse(new TransferRecord(Full, TransferStatus.ExceedsCredits, Time, Seen)),
            new GetTransferResponse(new TransferRecord(Post, TransferStatus.Created, Time, null) { HoldRow = 7 }),
            new RequestFailed(RequestFailure.TransactionTooLarge) { Size = 3_000_000_000,
                Limit = LedgerSizes.TransactionMax },
            new GetTransferResponse(new TransferRecord(Hold, TransferStatus.Created, Time, null)
            {
                Amount = Amount.Of(30),
                TransactionId = Transaction.Id,
                Hold = HoldState.Live,
                HoldRemaining = Amount.Of(29),
                HoldDeadline = Time,
                Principal = "alice",
            }),
            new FlushResponse(true, 12, 34),
            new FlushResponse(true, 12, 34) { CompleteUpTo = Time, Asset = Asset.Parse("USD/2") },
            .. Enum.GetValues<RequestFailure>().Select(static failure => new RequestFailed(failure)),
        ];
        Kinds(typeof(AccountResponse)).Except(answers.Select(static answer => answer.GetType())).ShouldBeEmpty();
        foreach (var answer in answers)
        {
            var read = RoundTrip(new ResponseEnvelope(5, answer));
            read.Correlation.ShouldBe(5);
            ShouldBeSame(read.Answer, answer);
        }
    }

    // Every property, however deep, with arrays by what they hold: record equality stops at them, and equality of parts
    // stops at the digest.
    private static void ShouldBeSame(object? actual, object? expected, string path = "")
    {
        if (expected is null || actual is null || expected is string or IActorRef || expected.GetType().IsPrimitive
            || expected.GetType().IsEnum || expected is UInt128 or TimeSpan or ReplyTarget or Metadata
                or TransferId or LedgerTime or Amount or AccountAddress or Asset)
        {
            actual.ShouldBe(expected, path);
            return;
        }

        if (expected is System.Collections.IEnumerable many)
        {
            actual.ShouldBeAssignableTo<System.Collections.IEnumerable>(path);
            object[] all = [.. many];
            object[] read = [.. (System.Collections.IEnumerable)actual];
            read.Length.ShouldBe(all.Length, path);
            for (var i = 0; i < all.Length; i++)
            {
                ShouldBeSame(read[i], all[i], $"{path}[{i}]");
            }

            return;
        }

        actual.ShouldBeOfType(expected.GetType(), path);
        foreach (var property in expected.GetType().GetProperties())
        {
            // Those without a setter follow from the others; some have no value for some transfers.
            if (property.CanWrite || expected is TransactionLeg)
            {
                ShouldBeSame(property.GetValue(actual), property.GetValue(expected), $"{path}.{property.Name}");
            }
        }
    }

    [Fact]
    public async Task A_message_that_is_too_large_for_a_frame_is_refused_by_its_sender_and_its_caller_is_told()
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        using var calls = new PendingCalls(TimeProvider.System, 10) { Router = system.DeadLetters };
        var call = calls.Start(DateTimeOffset.MaxValue, CancellationToken.None);
        var text = new string('x', LedgerSizes.MessageMax);
        var transfer = new PostTransferRequest(
            Full with { Reference = text }, new ReplyTarget(calls, call.Correlation), Time);

        Should.Throw<System.Runtime.Serialization.SerializationException>(
            () => serializer.ToBinary(new AccountEnvelope(Debit, transfer)));

        var told = (await call.Promise.Task).ShouldBeOfType<RequestFailed>();
        told.Reason.ShouldBe(RequestFailure.MessageTooLarge);
        told.Limit.ShouldBe(LedgerSizes.MessageMax);
        told.Size.ShouldBeGreaterThan(LedgerSizes.MessageMax);

        // Who waits for an answer learns that there is one, which does not come.
        var record = new TransferRecord(Full with { Reference = text }, TransferStatus.Created, Time, null);
        var answer = RoundTrip(new ResponseEnvelope(7, new GetTransferResponse(record)));
        answer.Correlation.ShouldBe(7);
        answer.Answer.ShouldBeOfType<RequestFailed>().Reason.ShouldBe(RequestFailure.AnswerTooLarge);
        serializer.RefusedMessages.ShouldBe(1);
    }

    [Fact]
    public void An_unknown_manifest_and_an_unknown_message_are_refused()
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary([], "zz"));
        Should.Throw<ArgumentException>(() => serializer.Manifest("text"));
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary([], "a1"));
    }

    [Fact]
    public void A_snapshot_is_known_by_its_manifest()
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        var bytes = JournalCodec.Encode(
            AccountSnapshot.Of(new AccountState(Debit, 10, TimeSpan.FromDays(1)), 3), new byte[32]);
        serializer.Manifest(new SnapshotRow(bytes)).ShouldBe("s2");
        ((SnapshotRow)serializer.FromBinary(serializer.ToBinary(new SnapshotRow(bytes)), "s2")).Parsed!.Stored
            .SequenceNr.ShouldBe(3);
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary(bytes[..^35], "s2"));
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary(bytes, "s3"));
    }

    [Fact]
    public void The_shard_of_an_address_never_changes()
    {
        var extractor = new AccountExtractor(100);
        string Shard(string address) => extractor.ShardId(address, null)!;
        new[] { "users:42:wallet", "shop:7", "a", "bank:equity" }.Select(Shard).ShouldBe(GoldenShards);
    }

    private static readonly string[] GoldenShards = ["65", "86", "17", "88"];

    // What is not public never leaves its process: it serves tests.
    private static IEnumerable<Type> Kinds(Type root) =>
        root.Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(root) && type is { IsAbstract: false, IsPublic: true });

    private static TransferId Id(int number) =>
        new(((UInt128)0x0199_0000_0000_7000 << 64) | (0x8000_0000_0000_0000 + (ulong)number));

    private T RoundTrip<T>(T message)
        where T : class
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        return (T)serializer.FromBinary(serializer.ToBinary(message), serializer.Manifest(message));
    }
}
