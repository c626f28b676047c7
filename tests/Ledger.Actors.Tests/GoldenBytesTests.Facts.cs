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
                Resolution(Own, Other, TransferFlags.PostPending) with { EffectiveTime = LedgerLimits.EffectiveTimeMax },
                moved: Amount.Of(7), remaining: Amount.Of(30)),
            At(2)),
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
        ShouldBeSame(JournalCodec.Decode(golden, Own, 42, out _).Events.ShouldHaveSingleItem(), Facts[name]);
    }

    [Fact]
    public void The_digest_of_a_transfer_with_an_effective_time_never_changes()
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(
            bytes, TransferContent.DigestOf(Full(Own, Other) with { EffectiveTime = At(-100_000) }));
        Convert.ToHexStringLower(bytes).ShouldBe(Convert.ToHexStringLower(Golden("digest-effective", () => bytes)));
    }
}
