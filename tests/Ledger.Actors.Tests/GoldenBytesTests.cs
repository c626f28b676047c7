using Google.Protobuf;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Tests;

/// <summary>
/// Every form that was ever stored, byte for byte, in Golden/*.hex. A file that is here is never changed: what it holds
/// lies in somebody's journal. A new form gets a new file: run with LEDGER_WRITE_GOLDEN=1 to write those that are
/// missing.
/// </summary>
public partial class GoldenBytesTests
{
    private static readonly AccountAddress Own = AccountAddress.Parse("users:42:wallet");
    private static readonly AccountAddress Other = AccountAddress.Parse("shop:7");
    private static readonly AccountAddress Third = AccountAddress.Parse("bank:fees");
    private static readonly AccountAddress Fourth = AccountAddress.Parse("bank:equity");
    private static readonly Balances Seen = new(
        Amount.Of(1), Amount.Of(2), Amount.Of(3), new Amount(UInt128.MaxValue), Amount.Of(5), Amount.Of(6));

    // As the first version wrote them: transfers alone, which post at once.
    private static readonly Dictionary<string, AccountEvent> FirstVersion = new(StringComparer.Ordinal)
    {
        ["account-opened"] = new AccountOpened(
            new AccountSpec(Own, Asset.Parse("USD/2"), 7)
            {
                Reference = "customer 42",
                Metadata = Metadata.Of([new("tier", "gold"), new("branch", "12")]),
                DebitsMustNotExceedCredits = Amount.Of(100_00),
            },
            At(1)),
        ["account-opened-plain"] = new AccountOpened(new AccountSpec(Own, Asset.Parse("BTC/8"), 1), At(1)),
        ["account-opened-mirror"] = new AccountOpened(
            new AccountSpec(Own, Asset.Parse("EUR/0"), 1) { CreditsMustNotExceedDebits = Amount.Zero }, At(1)),
        ["transfer-prepared"] = new TransactionPrepared(Alone(Full(Own, Other)), At(2)),
        ["transfer-prepared-plain"] = new TransactionPrepared(Alone(Plain(Own, Other)), At(2)),
        ["coordinator-committed"] = new TransactionCommitted(Id(9), 41, At(2), At(3)),
        ["transfer-aborted"] = new TransactionAborted(Id(9), 0, TransferStatus.CreditAccountNotFound, null, At(4)),
        ["transfer-aborted-seen"] = new TransactionAborted(Id(9), 0, TransferStatus.ExceedsDebits, Seen, At(4)),
        ["transfer-rejected"] = new TransactionRejected(
            Alone(Full(Own, Other)), 0, TransferStatus.ExceedsCredits, Seen, At(5)),
        ["last-agent-committed"] = new LastAgentCommitted(Alone(Full(Other, Own)), At(6)),
        ["last-agent-refused"] = new LastAgentRefused(
            Alone(Plain(Other, Own)), 0, TransferStatus.CreditAccountNotFound, null, At(7)),
    };

    private static readonly Dictionary<string, AccountEvent> Events = new(FirstVersion, StringComparer.Ordinal)
    {
        ["account-opened-closed"] = new AccountOpened(
            new AccountSpec(Own, Asset.Parse("EUR/0"), 1) { IsClosed = true }, At(1)),
        ["account-frozen"] = new AccountChanged(
            new FreezeAccount(new AccountFreeze(Debits: true, Credits: false, "court order 7", At(90))), At(8)),
        ["account-frozen-for-good"] = new AccountChanged(
            new FreezeAccount(new AccountFreeze(Debits: false, Credits: true, "", null)), At(8)),
        ["account-unfrozen"] = new AccountChanged(new UnfreezeAccount("lifted"), At(8)),
        ["account-unfrozen-without-reason"] = new AccountChanged(new UnfreezeAccount(""), At(8)),
        ["account-closed"] = new AccountChanged(new CloseAccount("at the customer's wish"), At(8)),
        ["account-reopened"] = new AccountChanged(new ReopenAccount("by mistake"), At(8)),
        ["account-limited"] = new AccountChanged(new SetAccountLimits(Amount.MaxValue, null), At(8)),
        ["account-limited-mirror"] = new AccountChanged(new SetAccountLimits(null, Amount.Zero), At(8)),
        ["account-unlimited"] = new AccountChanged(new SetAccountLimits(null, null), At(8)),
        ["hold-extended"] = new HoldExtended(Id(9), At(1000), At(9)),
        ["hold-prepared"] = new TransactionPrepared(Alone(Hold(Own, Other), deadline: At(3602)), At(2)),
        ["hold-prepared-without-timeout"] = new TransactionPrepared(
            Alone(Plain(Own, Other) with { Flags = TransferFlags.Pending }, deadline: LedgerTime.MaxValue), At(2)),
        ["post-prepared"] = new TransactionPrepared(
            Alone(
                Resolution(Own, Other, TransferFlags.PostPending | TransferFlags.KeepRest), moved: Amount.Of(7),
                remaining: Amount.Of(30)),
            At(2)),
        ["post-of-all-prepared"] = new TransactionPrepared(
            Alone(
                Resolution(Own, Other, TransferFlags.PostPending) with { Amount = Amount.MaxValue },
                moved: Amount.Of(30),
                remaining: Amount.Of(30)),
            At(2)),
        ["void-prepared"] = new TransactionPrepared(
            Alone(
                Resolution(Own, Other, TransferFlags.VoidPending) with { Amount = Amount.Zero }, moved: Amount.Of(30),
                remaining: Amount.Of(30)),
            At(2)),
        ["expiry-prepared"] = new TransactionPrepared(
            Alone(
                Resolution(Own, Other, TransferFlags.VoidPending | TransferFlags.Expiry) with { Amount = Amount.Zero },
                moved: Amount.Of(30), remaining: Amount.Of(30)),
            At(2)),
        ["post-rejected-without-accounts"] = new TransactionRejected(
            Alone(
                new Transfer(Id(9), default, default, Amount.Of(1), 0)
                {
                    Flags = TransferFlags.PostPending, HoldId = Id(8),
                },
                coordinator: Own),
            0, TransferStatus.PendingTransferNotFound, Seen, At(5)),
        ["balancing-prepared"] = new TransactionPrepared(
            Alone(
                Plain(Own, Other) with { Flags = TransferFlags.BalancingDebit | TransferFlags.BalancingCredit },
                moved: Amount.Of(11), bound: AmountBound.Credit),
            At(2)),
        ["closing-prepared"] = new TransactionPrepared(
            Alone(
                Plain(Own, Other) with
                {
                    Flags = TransferFlags.Pending | TransferFlags.ClosingDebit | TransferFlags.ClosingCredit,
                },
                deadline: LedgerTime.MaxValue),
            At(2)),
        ["reversal-prepared"] = new TransactionPrepared(
            Alone(Plain(Own, Other) with { Reverses = Id(8), Reason = "paid twice" }), At(2)),
        ["transaction-prepared"] = new TransactionPrepared(Whole(attempt: 0), At(2)),
        ["transaction-prepared-again"] = new TransactionPrepared(Whole(attempt: 3), At(2)),
        ["transaction-prepared-at-participant"] = new TransactionPrepared(SliceFor(Own), At(2)),
        ["transaction-committed-with-ended-holds"] = new TransactionCommitted(Id(9), 41, At(2), At(3))
        {
            EndedHolds = [Id(8), Id(7)],
        },
        ["transaction-aborted"] = new TransactionAborted(Id(9), 3, TransferStatus.ExceedsCredits, Seen, At(4)),
        ["transaction-abandoned"] = new TransactionAborted(Id(9), -1, TransferStatus.None, null, At(4)),
        ["transaction-rejected"] = new TransactionRejected(
            Whole(attempt: 0), 2, TransferStatus.DebitAccountFrozen, Seen, At(5)),
        ["transaction-disowned"] = new AbortRecorded(Id(9), UInt128.MaxValue - 5, At(5)),
        ["last-agent-committed-slice"] = new LastAgentCommitted(SliceFor(Own), At(6)),
        ["last-agent-refused-slice"] =
            new LastAgentRefused(SliceFor(Own), 2, TransferStatus.ExceedsDebits, Seen, At(7)),
        ["last-agent-refused-opening"] = new LastAgentRefused(
            SliceFor(Own), 0, (TransferStatus)(int)AccountStatus.ExistsWithDifferentCode, null, At(7)),
        ["last-agent-cancelled"] = new LastAgentRefused(SliceFor(Own), -1, TransferStatus.None, null, At(7)),
    };

    public static TheoryData<string> Names => [.. Events.Keys];

    [Fact]
    public void Every_event_has_golden_bytes() => typeof(AccountEvent).Assembly.GetTypes()
        .Where(static type => type.IsSubclassOf(typeof(AccountEvent)))
        .Except(Events.Values.Select(static happened => happened.GetType())).ShouldBeEmpty();

    [Fact]
    public void Every_change_of_an_account_has_golden_bytes() => typeof(AccountChange).Assembly.GetTypes()
        .Where(static type => type.IsSubclassOf(typeof(AccountChange)))
        .Except(Events.Values.OfType<AccountChanged>().Select(static changed => changed.Change.GetType()))
        .ShouldBeEmpty();

    [Fact]
    public void Every_kind_of_transfer_has_golden_bytes() => Enum.GetValues<TransferFlags>()
        .Except(Events.Values.OfType<TransactionPrepared>()
            .SelectMany(static prepared => prepared.Branch.Legs)
            .Where(static leg => leg.Transfer is not null)
            .SelectMany(static leg => Enum.GetValues<TransferFlags>().Where(flag => leg.Transfer!.Flags.HasFlag(flag))))
        .ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_with_one_event_is_stored_and_read_as_ever(string name)
    {
        var batch = new EventBatch(42, 17, Seen) { Events = { Events[name] } };
        byte[] Encode() => JournalCodec.Encode(batch, JournalCodec.GenesisHash("account-users:42:wallet"), Own);
        var golden = Golden(name, Encode);

        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 42, out var previousHash);
        previousHash.ToArray().ShouldBe(JournalCodec.GenesisHash("account-users:42:wallet"));
        read.EntriesBefore.ShouldBe(17ul);
        read.Before.ShouldBe(Seen);
        ShouldBeSame(read.Events.ShouldHaveSingleItem(), Events[name]);
    }

    // Equality of parts is by digest; what the digest leaves out counts here.
    private static void ShouldBeSame(AccountEvent actual, AccountEvent expected)
    {
        if (expected is TransactionCommitted committed)
        {
            var read = actual.ShouldBeOfType<TransactionCommitted>();
            read.EndedHolds.ShouldBe(committed.EndedHolds);
            read.ShouldBe(committed with { EndedHolds = read.EndedHolds });
            return;
        }

        actual.ShouldBe(expected);
        if (PartOf(expected) is { } part)
        {
            var read = PartOf(actual).ShouldNotBeNull();
            read.DigestOfWhole.ShouldBe(part.DigestOfWhole);
            read.Key.ShouldBe(part.Key);
        }
    }

    private static TransactionBranch? PartOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => prepared.Branch,
        TransactionRejected rejected => rejected.Branch,
        LastAgentCommitted closed => closed.Branch,
        LastAgentRefused refused => refused.Branch,
        _ => null,
    };

    [Theory]
    [InlineData("row-of-all")]
    [InlineData("row-of-all-2")]
    public void A_row_with_several_events_keeps_their_order_and_times(string name)
    {
        var batch = new EventBatch(3, 0, default);
        foreach (var happened in (name == "row-of-all" ? FirstVersion : Events).Values)
        {
            batch.Events.Add(happened with { });
        }

        var golden = Golden(name, () => JournalCodec.Encode(batch, new byte[32], Own));
        Convert.ToHexString(JournalCodec.Encode(batch, new byte[32], Own)).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 3, out _).Events;
        read.Count.ShouldBe(batch.Events.Count);
        for (var i = 0; i < read.Count; i++)
        {
            ShouldBeSame(read[i], batch.Events[i]);
        }
    }

    [Fact]
    public void A_row_of_an_account_that_is_ahead_of_its_clock_keeps_both_times_and_since_when_something_is_undecided()
    {
        var closed = new LastAgentCommitted(Alone(Full(Other, Own)), At(600)) { CommitTime = At(6) };
        var batch = new EventBatch(43, 17, Seen) { OldestPrepared = At(5), Events = { closed } };
        byte[] Encode() => JournalCodec.Encode(batch, new byte[32], Own);
        var golden = Golden("row-ahead", Encode);

        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 43, out _);
        read.OldestPrepared.ShouldBe(At(5));
        read.Events.ShouldHaveSingleItem().ShouldBe(closed);
        JournalCodec.Decode(Golden("last-agent-committed", static () => []), Own, 42, out _).OldestPrepared
            .ShouldBeNull();
    }

    [Fact]
    public void A_snapshot_keeps_when_what_is_in_doubt_was_prepared()
    {
        var snapshot = FullSnapshot();
        snapshot = snapshot with
        {
            InDoubt =
                [InDoubtTransaction.Restore(Alone(Full(Own, Other)), 98, 5, Amount.MaxValue, Amount.Zero, At(77))],
        };
        var golden = Golden("snapshot-prepared-time", () => JournalCodec.Encode(snapshot, new byte[32]));

        Convert.ToHexString(JournalCodec.Encode(snapshot, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        JournalCodec.DecodeSnapshot(JournalCodec.ReadSnapshot(golden, isPacked: true), Own, out _)
            .InDoubt.ShouldHaveSingleItem().PreparedTime.ShouldBe(At(77));
    }

    [Fact]
    public void A_snapshot_of_the_first_version_is_read_as_ever()
    {
        var read = JournalCodec.DecodeSnapshot(
            JournalCodec.ReadSnapshot(Golden("snapshot", static () => []), isPacked: false), Own, out var hash);

        hash.ShouldBe(new byte[32]);
        read.SequenceNr.ShouldBe(99);
        read.Spec.ShouldBe(((AccountOpened)Events["account-opened"]).Spec);
        read.OpenedWith.ShouldBe(read.Spec);
        read.OpenTime.ShouldBe(At(1));
        read.Balances.ShouldBe(Seen);
        read.EntryCount.ShouldBe(12ul);
        read.LastTime.ShouldBe(At(8));
        read.PreparedCount.ShouldBe(5);
        read.Watermark.ShouldBe(Id(3));
        read.HasForgottenNonTimeOrdered.ShouldBeTrue();
        read.ForgottenUpTo.ShouldBe(read.LastTime, "then nobody knew");
        read.NewestIndexed.ShouldBe(default);
        read.Closed.ShouldBeFalse();
        read.Freeze.ShouldBeNull();
        read.Holds.ShouldBeEmpty();
        ShouldBeSame(read.Remembered,
        [
            (Id(9), At(5), new IdempotencyRecord(77, TransferStatus.Created, At(4), 40)),
            (Id(10), At(6),
                new IdempotencyRecord(UInt128.MaxValue, TransferStatus.ExceedsCredits, At(5), 41, new IdempotencyDetails
            {
                // What it could not be but so, then.
                IsIdConsumed = true, FailedLeg = 0, Seen = Seen,
            })),
        ]);
        ShouldBeSame(read.InDoubt, [InDoubtTransaction.Restore(
            Alone(Full(Own, Other)), 98, 5, Amount.MaxValue, Amount.Zero, default)]);
    }

    [Fact]
    public void A_snapshot_is_stored_and_read_as_ever()
    {
        var full = FullSnapshot();
        var snapshot = full with
        {
            Holds =
            [
                .. full.Holds,
                new Hold(Hold(Other, Own) with { Id = Id(22) }, Amount.Of(20), At(3603), 14, At(3), Id(19))
                {
                    Amount = Amount.Of(25), HasReference = true,
                },
                new Hold(Hold(Own, Other) with { Id = Id(23) }, Amount.Of(30), At(3603), 15, At(3), Id(23))
                {
                    Amount = Amount.Of(30), HasMetadata = true,
                },
            ],
        };
        var golden = Golden("snapshot-5", () => JournalCodec.Encode(snapshot, new byte[32]));

        Convert.ToHexString(JournalCodec.Encode(snapshot, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        ShouldBeRead(golden, snapshot, isPacked: true);
    }

    [Fact]
    public void A_snapshot_says_since_when_what_is_in_doubt_was_prepared()
    {
        var snapshot = FullSnapshot();
        snapshot = snapshot with
        {
            InDoubt = [.. snapshot.InDoubt.Select(static (doubt, i) => InDoubtTransaction.Restore(
                doubt.Branch, doubt.SequenceNr, doubt.Number, doubt.DebitReserve, doubt.CreditReserve, At(5 + i)))],
        };
        ShouldBeRead(Golden("snapshot-prepared-times", static () => []), WithoutPlaces(snapshot), isPacked: true);
        var golden = Golden("snapshot-prepared-times-2", () => JournalCodec.Encode(snapshot, new byte[32]));

        Convert.ToHexString(JournalCodec.Encode(snapshot, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        ShouldBeRead(golden, snapshot, isPacked: true);
    }

    [Fact]
    public void A_snapshot_with_a_message_for_each_id_is_read_as_ever() =>
        ShouldBeRead(Golden("snapshot-2", static () => []), WithoutPlaces(FullSnapshot()), isPacked: false);

    [Fact]
    public void A_snapshot_that_does_not_know_the_index_of_ids_is_read_as_ever() =>
        ShouldBeRead(Golden("snapshot-3", static () => []), WithoutPlaces(FullSnapshot()), isPacked: true);

    private static AccountSnapshot WithoutPlaces(AccountSnapshot snapshot) => snapshot with
    {
        RememberedEarly = [], NewestIndexed = default, ForgottenUpTo = snapshot.LastTime,
    };

    [Fact]
    public void A_snapshot_with_all_of_each_hold_is_read_as_ever() =>
        ShouldBeRead(Golden("snapshot-4", static () => []), FullSnapshot(), isPacked: true);

    [Fact]
    public void A_snapshot_with_any_byte_changed_or_any_end_cut_off_is_refused()
    {
        var bytes = JournalCodec.Encode(FullSnapshot(), new byte[32]);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x10;
            Should.Throw<JournalCorruptException>(() => JournalCodec.ReadSnapshot(bytes, isPacked: true));
            bytes[i] ^= 0x10;
            Should.Throw<JournalCorruptException>(
                () => JournalCodec.ReadSnapshot(bytes.AsMemory(0, i), isPacked: true));
        }

        new SnapshotRow(bytes, JournalCodec.ReadSnapshot(bytes, isPacked: true)).ToString()
            .ShouldBe($"a snapshot of {bytes.Length} bytes");
    }

    [Fact]
    public void Packed_ids_that_can_t_be_of_the_snapshot_are_refused()
    {
        var stored =
            new StoredSnapshot { SequenceNr = 99,
                Remembered = { new StoredIdempotencyRecord { Status = 17, FailedLeg = 1, SequenceNr = 5 } } };
        StoredIds.Read(With([0])).Remembered.Count.ShouldBe(1);
        StoredIds.Read(With([0, 7, .. new byte[32], 2, 2, 198, 1])).Remembered.Count.ShouldBe(2);
        StoredIds.Read(With([71, .. new byte[32], 2, 2, 2, 0])).Early.Count.ShouldBe(1);
        foreach (var (what, packed) in new (string, byte[])[]
        {
            ("no message for it", [0, 0]), ("a message too many", [1, .. new byte[32], 2, 2, 2]),
            ("a hold's state that is none", [0, 41, .. new byte[32], 2, 2, 2]),
            ("a form that is none", [0, 2, .. new byte[32], 2, 2, 2]),
            ("another one that is none", [0, 0x81, 1, .. new byte[32], 2, 2, 2]),
            ("row 0", [0, 1, .. new byte[32], 2, 2, 0]), ("a row after its own", [0, 1, .. new byte[32], 2, 2, 200, 1]),
        })
        {
            Should.Throw<JournalCorruptException>(() => StoredIds.Read(With(packed)), what);
        }

        Should.Throw<InvalidProtocolBufferException>(() => StoredIds.Read(With([0, 1, .. new byte[31]])));

        StoredSnapshot With(byte[] packed)
        {
            stored.RememberedPacked = ByteString.CopyFrom(packed);
            return stored;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    public void What_is_remembered_is_what_was(int count)
    {
        var random = new Random(count);
        IdempotencyDetails?[] details =
        [
            null, new() { NeedsContent = true }, new() { Hold = HoldState.Live },
            new() { NeedsContent = true, Hold = HoldState.Voided },
            new() { Asked = 7 }, new() { IsIdConsumed = true, FailedLeg = 0, Seen = Seen }, new() { FailedLeg = 2 },
        ];
        List<(TransferId Id, LedgerTime At, IdempotencyRecord What)> ids =
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var time = random.Next(3) == 0
                    ? random.NextInt64(-1_000, long.MaxValue / 4)
                    : 1_700_000_000_000_000 + i;
                return (Id(i + 1), new LedgerTime(time + random.Next(-3, 3)), new IdempotencyRecord(
                    (UInt128)random.NextInt64() << 50, (TransferStatus)(random.Next(3) == 0 ? 0 : 1000),
                    new LedgerTime(time),
                    random.Next(1, 100), details[random.Next(details.Length)]));
            }),
        ];
        var bytes = JournalCodec.Encode(
            FullSnapshot() with { Remembered = ids, RememberedEarly = [.. ids.Take(7)] }, new byte[32]);

        var read = JournalCodec.DecodeSnapshot(JournalCodec.ReadSnapshot(bytes, isPacked: true), Own, out _);
        ShouldBeSame(read.Remembered, ids);
        ShouldBeSame(read.RememberedEarly, [.. ids.Take(7)]);
    }

    private static AccountSnapshot FullSnapshot()
    {
        var spec = ((AccountOpened)Events["account-opened"]).Spec;
        return new AccountSnapshot(
            99, spec with { DebitsMustNotExceedCredits = null, CreditsMustNotExceedDebits = Amount.Of(3) }, At(1), Seen,
            12,
            At(8), 5, Id(3), true,
            [
                (Id(9), At(5), new IdempotencyRecord(77, TransferStatus.Created, At(4), 40)),
                (Id(10), At(6),
                    new IdempotencyRecord(
                        UInt128.MaxValue, TransferStatus.ExceedsCredits, At(5), 41, new IdempotencyDetails
                {
                    Asked = 99, IsIdConsumed = true, FailedLeg = 3, Seen = Seen, NeedsContent = true,
                })),
                (Id(11), At(7), new IdempotencyRecord(78, TransferStatus.Created, At(6), 42, new IdempotencyDetails
                {
                    Hold = HoldState.Expired,
                })),
                (Id(12), At(7), new IdempotencyRecord(79, TransferStatus.None, At(6), 43)),
            ],
            [
                InDoubtTransaction.Restore(Alone(Full(Own, Other)), 97, 4, Amount.Of(8), Amount.Zero, default),
                InDoubtTransaction.Restore(Whole(attempt: 3), 98, 5, Amount.Of(9), Amount.MaxValue, default),
                InDoubtTransaction.Restore(SliceFor(Own), 99, 6, Amount.Zero, Amount.Of(10), default),
            ])
        {
            RememberedEarly = [(Id(13), At(6), new IdempotencyRecord(80, TransferStatus.Created, At(6), 44))],
            ForgottenUpTo = At(3),
            NewestIndexed = new IndexedId(Id(14), 45),
            OpenedWith = spec,
            Closed = true,
            ClosedReason = "by the customer",
            Freeze = new AccountFreeze(Debits: true, Credits: true, "inquiry", At(50)),
            Holds =
            [
                new Hold(Hold(Own, Other), Amount.Of(29), At(3602), 12, At(2), Id(20)) { Amount = Amount.Of(30) },
                new Hold(
                    Hold(Other, Own) with { Id = Id(21), Timeout = default }, Amount.Of(30), LedgerTime.MaxValue, 13,
                    At(2), Id(21))
                {
                    Amount = Amount.Of(30),
                },
            ],
        };
    }

    private static void ShouldBeRead(byte[] golden, AccountSnapshot snapshot, bool isPacked)
    {
        var read = JournalCodec.DecodeSnapshot(JournalCodec.ReadSnapshot(golden, isPacked), Own, out var hash);
        hash.ShouldBe(new byte[32]);
        (read with { Remembered = [], RememberedEarly = [], InDoubt = [], Holds = [] })
            .ShouldBe(snapshot with { Remembered = [], RememberedEarly = [], InDoubt = [], Holds = [] });
        read.Holds.ShouldBe(snapshot.Holds);
        ShouldBeSame(read.Remembered, snapshot.Remembered);
        ShouldBeSame(read.RememberedEarly, snapshot.RememberedEarly);
        ShouldBeSame(read.InDoubt, snapshot.InDoubt);
        Convert.ToHexString(JournalCodec.Encode(read, hash))
            .ShouldBe(Convert.ToHexString(JournalCodec.Encode(snapshot, hash)));
    }

    private static void ShouldBeSame(
        IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> actual,
        IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> expected) =>
        actual.Select(static one => (
                one.Id, one.At, one.What.Digest, one.What.Status, one.What.Time, one.What.SequenceNr, one.What.Details))
            .ShouldBe(expected.Select(static one => (
                one.Id, one.At, one.What.Digest, one.What.Status, one.What.Time, one.What.SequenceNr,
                one.What.Details)));

    private static void ShouldBeSame(
        IReadOnlyList<InDoubtTransaction> actual, IReadOnlyList<InDoubtTransaction> expected) =>
        actual.Select(static doubt => (
                doubt.Branch, doubt.SequenceNr, doubt.Number, doubt.DebitReserve, doubt.CreditReserve,
                doubt.PreparedTime))
            .ShouldBe(expected.Select(static doubt => (
                doubt.Branch, doubt.SequenceNr, doubt.Number, doubt.DebitReserve, doubt.CreditReserve,
                doubt.PreparedTime)));

    public static TheoryData<string> DigestNames => [.. Digests.Keys];

    // Digests and ids that follow from others lie in journals and snapshots, and in the hands of clients.
    private static readonly Dictionary<string, UInt128> Digests = new(StringComparer.Ordinal)
    {
        ["digest"] = TransferContent.DigestOf(Full(Own, Other)),
        ["digest-of-hold"] = TransferContent.DigestOf(Hold(Own, Other)),
        ["digest-of-post"] = TransferContent.DigestOf(Resolution(Own, Other, TransferFlags.PostPending)),
        ["digest-of-reversal"] = TransferContent.DigestOf(
            Plain(Own, Other) with { Reverses = Id(8), Reason = "paid twice" }),
        ["digest-of-transaction"] = TransferContent.DigestOf(Asked()),
        ["digest-of-part"] = Whole(attempt: 0).Digest,
        ["digest-of-part-again"] = Whole(attempt: 3).Digest,
        ["digest-of-part-alone"] = Alone(Plain(Own, Other)).Digest,
        ["id-of-attempt"] = Whole(attempt: 3).Key.Value,
        ["id-of-leg"] = Transaction.LegId(Id(9), 2).Value,
        ["id-of-leg-unordered"] = Transaction.LegId(new TransferId(12345), 2).Value,
        ["id-of-chain"] = Transaction.ChainId(Id(9), Asked().Legs).Value,
        ["id-of-expiry-2"] = new Hold(Hold(Own, Other), Amount.Of(30), At(3602), 12, At(2), Id(20)).ExpiryId.Value,
    };

    [Theory]
    [MemberData(nameof(DigestNames))]
    public void A_digest_or_an_id_that_follows_from_content_never_changes(string name)
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, Digests[name]);
        Convert.ToHexStringLower(bytes).ShouldBe(Convert.ToHexStringLower(Golden(name, () => bytes)));
    }

    private static LedgerTime At(long seconds) => new(1_790_000_000_000_000 + (seconds * 1_000_001));

    private static TransferId Id(int number) =>
        new(((UInt128)0x0199_0000_0000_7000 << 64) | (0x8000_0000_0000_0000 + (ulong)number));

    private static Transfer Plain(AccountAddress debit, AccountAddress credit) =>
        new(Id(9), debit, credit, Amount.Of(1250), 1);

    private static Transfer Full(AccountAddress debit, AccountAddress credit) =>
        new(Id(9), debit, credit, new Amount(UInt128.MaxValue), uint.MaxValue)
        {
            Asset = Asset.Parse("USD/2"),
            Reference = "invoice 2026-11",
            Metadata = Metadata.Of([new("b", "2"), new("a", "")]),
        };

    private static Transfer Hold(AccountAddress debit, AccountAddress credit) =>
        new(Id(20), debit, credit, Amount.Of(30), 4) { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromHours(1) };

    private static Transfer Resolution(AccountAddress debit, AccountAddress credit, TransferFlags flags) =>
        new(Id(30), debit, credit, Amount.Of(7), 4) { Flags = flags, HoldId = Id(20) };

    private static TransactionBranch Alone(
        Transfer transfer, Amount? moved = null, Amount remaining = default, LedgerTime deadline = default,
        AmountBound bound = AmountBound.None, AccountAddress coordinator = default) => new()
        {
            Id = transfer.Id,
            Coordinator = coordinator.IsNone ? transfer.DebitAccount : coordinator,
            LegCount = 1,
            Asked = TransferContent.DigestOf(transfer),
            Legs =
            [
                new ResolvedLeg(0, transfer, null)
                {
                    Amount = moved ?? transfer.Amount, HoldRemaining = remaining, Deadline = deadline, Bound = bound,
                },
            ],
        };

    // Everything that a transaction can hold, over four accounts.
    private static Transaction Asked() => new(Id(40),
    [
        TransactionLeg.Open(new AccountSpec(Own, Asset.Parse("USD/2"), 7) { Reference = "new", IsClosed = true }),
        TransactionLeg.Open(new AccountSpec(Other, Asset.Parse("USD/2"), 7), ifMissing: true),
        TransactionLeg.Of(Full(Third, Own) with { Id = Id(41), Amount = Amount.Of(5) }),
        TransactionLeg.Of(
            Hold(Own, Third) with { Id = Id(42), Flags = TransferFlags.Pending | TransferFlags.OpenAccounts }),
        TransactionLeg.Of(
            Resolution(Third, Other, TransferFlags.PostPending | TransferFlags.KeepRest) with { Id = Id(43) }),
        TransactionLeg.Of(Plain(Other, Fourth) with { Id = Id(44), Flags = TransferFlags.BalancingDebit }),
    ]);

    private static TransactionBranch Whole(long attempt)
    {
        var asked = Asked();
        return new TransactionBranch
        {
            Id = asked.Id,
            Attempt = attempt,
            Coordinator = Third,
            LegCount = asked.Legs.Length,
            Asked = TransferContent.DigestOf(asked),
            Legs = [.. asked.Legs.Select(static (leg, i) => new ResolvedLeg(i, leg.Transfer, leg.Opening)
            {
                IfMissing = leg.IfMissing,
                Amount = i == 5 ? Amount.Of(2) : leg.Transfer?.Amount ?? Amount.Zero,
                HoldRemaining = i == 4 ? Amount.Of(30) : Amount.Zero,
                Deadline = i == 3 ? At(3602) : default,
                Bound = i == 5 ? AmountBound.Debit : AmountBound.None,
            })],
        };
    }

    private static TransactionBranch SliceFor(AccountAddress account) => Whole(attempt: 0).SliceFor(account);

    private static byte[] Golden(string name, Func<byte[]> make)
    {
        if (string.Equals(Environment.GetEnvironmentVariable("LEDGER_WRITE_GOLDEN"), "1", StringComparison.Ordinal)
            && Environment.GetEnvironmentVariable("LEDGER_GOLDEN_DIRECTORY") is { } directory)
        {
            var target = Path.Combine(directory, name + ".hex");
            if (!File.Exists(target))
            {
                File.WriteAllText(target, Convert.ToHexStringLower(make()) + "\n");
            }

            return Convert.FromHexString(File.ReadAllText(target).Trim());
        }

        return Convert.FromHexString(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".hex")).Trim());
    }
}
