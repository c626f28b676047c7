using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>The facts that rows carry since their second form.</content>
public partial class GoldenBytesTests
{
    private static Dictionary<string, AccountEvent> Facts => new(StringComparer.Ordinal)
    {
        ["transfer-prepared-effective"] = new TransactionPrepared(
            Alone(Full(Own, Other) with { EffectiveTime = At(-100_000) }), At(2)),
        ["transfer-prepared-effective-at-the-epoch"] = new TransactionPrepared(
            Alone(Plain(Own, Other) with { EffectiveTime = new LedgerTime(0) }), At(2)),
        ["transfer-prepared-effective-first"] = new TransactionPrepared(
            Alone(Plain(Own, Other) with { EffectiveTime = LedgerLimits.EffectiveTimeMin }), At(2)),
        ["post-prepared-effective"] = new TransactionPrepared(
            Alone(
                Resolution(Own, Other, TransferFlags.PostPending) with { EffectiveTime =
                    LedgerLimits.EffectiveTimeMax },
                moved: Amount.Of(7), remaining: Amount.Of(30)),
            At(2)),
        ["account-opened-by-somebody"] =
            new AccountOpened(new AccountSpec(Own, Asset.Parse("BTC/8"), 1), At(1)) { Principal = "alice" },
        ["account-closed-by-somebody"] = new AccountChanged(new CloseAccount("gone"), At(8)) { Principal = "müller:7" },
        ["hold-extended-by-somebody"] = new HoldExtended(Id(9), At(1000), At(9)) { Principal = "alice" },
        ["transfer-prepared-by-somebody"] = new TransactionPrepared(
            Alone(Full(Own, Other)) with { Principal = new string('p', Principals.BytesMax) }, At(2)),
        ["transfer-rejected-of-somebody"] = new TransactionRejected(
            Alone(Full(Own, Other)) with { Principal = "alice" }, 0, TransferStatus.ExceedsCredits, Seen, At(5)),
        ["last-agent-committed-by-somebody"] =
            new LastAgentCommitted(SliceFor(Own) with { Principal = "alice" }, At(6)),
        ["last-agent-refused-of-somebody"] = new LastAgentRefused(
            SliceFor(Own) with { Principal = "alice" }, 2, TransferStatus.ExceedsDebits, Seen, At(7)),
        ["last-agent-refused-for-operator"] = new LastAgentRefused(
            SliceFor(Own) with { Principal = "alice" }, 2, TransferStatus.AbortedByOperator, Seen, At(7))
        {
            Verdict = new OperatorVerdict("müller:7", "row 1 is damaged"),
        },
    };

    public static TheoryData<string> FactNames => [.. Facts.Keys];

    [Theory]
    [MemberData(nameof(FactNames))]
    public void A_fact_is_stored_and_read_as_ever(string name)
    {
        var batch = new EventBatch(42, 17, Seen) { Events = { Facts[name] } };
        byte[] Encode() => JournalCodec.Encode(batch, JournalCodec.GenesisHash("account-users:42:wallet"), Own);
        var golden = Golden(name, Encode);

        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 42, out _).Events.ShouldHaveSingleItem();
        ShouldBeSame(read, Facts[name]);
        PrincipalOf(read).ShouldBe(PrincipalOf(Facts[name]));
    }

    [Fact]
    public void An_operators_verdict_says_no_counters_and_whether_the_row_before_could_be_read()
    {
        var refused = new LastAgentRefused(Alone(Plain(Other, Own)), 0, TransferStatus.AbortedByOperator, null, At(7))
        {
            Verdict = new OperatorVerdict("alice", "row 41 is damaged"),
        };
        var batch = new EventBatch(42, 0, default)
        {
            IsVerdict = true, IsBehindUnread = true, OldestPrepared = new LedgerTime(1), Events = { refused },
        };
        byte[] Encode() => JournalCodec.Encode(batch, new byte[32], Own);
        var golden = Golden("row-of-verdict", Encode);

        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        global::Ledger.Journal.V1.StoredBatch.Parser.ParseFrom(golden).Before.ShouldBeNull();
        var read = JournalCodec.Decode(golden, Own, 42, out _);
        (read.IsVerdict, read.IsBehindUnread, read.OldestPrepared).ShouldBe((true, true, new LedgerTime(1)));
        ShouldBeSame(read.Events.ShouldHaveSingleItem(), refused);
    }

    // More than are few, so that each is found again by a table; and events of nobody between them.
    [Fact]
    public void A_row_holds_each_principal_once_and_every_event_finds_its_own()
    {
        var batch = new EventBatch(42, 17, Seen);
        for (var i = 0; i < 60; i++)
        {
            batch.Events.Add(
                new HoldExtended(Id(9), At(1000 + i), At(i)) { Principal = i % 3 == 0 ? "" : $"p{i % 20}" });
        }

        byte[] Encode() => JournalCodec.Encode(batch, new byte[32], Own);
        var golden = Golden("row-of-principals", Encode);
        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        JournalCodec.Decode(golden, Own, 42, out _).Events.ShouldBe(batch.Events);
        Ledger.Journal.V1.StoredBatch.Parser.ParseFrom(golden).Principals.Names.Count.ShouldBe(20);
    }

    [Fact]
    public void A_principal_that_a_row_does_not_hold_is_refused()
    {
        var row = Ledger.Journal.V1.StoredBatch.Parser.ParseFrom(JournalCodec.Encode(
            new EventBatch(42, 17, Seen) { Events = { Facts["account-opened-by-somebody"] } }, new byte[32], Own));
        row.Events[0].Principal = 2;
        Should.Throw<JournalCorruptException>(
            () => JournalCodec.Decode(Google.Protobuf.MessageExtensions.ToByteArray(row), Own, 42, out _));
    }

    [Fact]
    public void A_snapshot_keeps_who_asked_for_what_is_in_doubt_and_on_hold()
    {
        var full = FullSnapshot();
        var snapshot = full with
        {
            InDoubt =
            [
                .. full.InDoubt.Select(static (one, i) => InDoubtTransaction.Restore(
                    one.Branch with { Principal = i == 0 ? "" : "alice" }, one.SequenceNr, one.Number, one.DebitReserve,
                    one.CreditReserve, one.PreparedTime)),
            ],
            Holds = [.. full.Holds.Select(static (one, i) => one with { Principal = i == 0 ? "bob" : "alice" })],
        };
        var golden = Golden("snapshot-principals", () => JournalCodec.Encode(snapshot, new byte[32]));

        Convert.ToHexString(JournalCodec.Encode(snapshot, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        ShouldBeRead(golden, snapshot, isPacked: true);
        var read = JournalCodec.DecodeSnapshot(JournalCodec.ReadSnapshot(golden, isPacked: true), Own, out _);
        read.InDoubt.Select(static one => one.Branch.Principal).ShouldBe(["", "alice", "alice"]);
        read.Holds.Select(static one => one.Principal).ShouldBe(["bob", "alice"]);
    }

    private static string PrincipalOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => prepared.Branch.Principal,
        TransactionRejected rejected => rejected.Branch.Principal,
        LastAgentCommitted closed => closed.Branch.Principal,
        LastAgentRefused refused => refused.Branch.Principal,
        AccountOpened opened => opened.Principal,
        AccountChanged changed => changed.Principal,
        HoldExtended extended => extended.Principal,
        _ => "",
    };

    [Fact]
    public void The_digest_of_a_transfer_with_an_effective_time_never_changes()
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(
            bytes, TransferContent.DigestOf(Full(Own, Other) with { EffectiveTime = At(-100_000) }));
        Convert.ToHexStringLower(bytes).ShouldBe(Convert.ToHexStringLower(Golden("digest-effective", () => bytes)));
    }
}
