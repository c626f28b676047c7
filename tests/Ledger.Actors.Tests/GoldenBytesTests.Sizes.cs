using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>Posts and voids that name the row of their hold's text instead of a copy of it.</content>
public partial class GoldenBytesTests
{
    private static Dictionary<string, AccountEvent> Sizes => new(StringComparer.Ordinal)
    {
        ["post-prepared-leaving-text"] = new TransactionPrepared(
            Leaving(
                Alone(
                    Resolution(Own, Other, TransferFlags.PostPending | TransferFlags.KeepRest), moved: Amount.Of(7),
                    remaining: Amount.Of(30)),
                row: 300),
            At(2)),
        ["void-prepared-leaving-text"] = new TransactionPrepared(
            Leaving(
                Alone(
                    Resolution(Own, Other, TransferFlags.VoidPending) with { Amount = Amount.Zero },
                    moved: Amount.Of(30),
                    remaining: Amount.Of(30)),
                row: long.MaxValue),
            At(2)),
    };

    public static TheoryData<string> SizeNames => [.. Sizes.Keys];

    [Theory]
    [MemberData(nameof(SizeNames))]
    public void The_row_of_a_holds_text_is_stored_and_read_as_ever(string name)
    {
        var batch = new EventBatch(42, 17, Seen) { Events = { Sizes[name] } };
        byte[] Encode() => JournalCodec.Encode(batch, JournalCodec.GenesisHash("account-users:42:wallet"), Own);
        var golden = Golden(name, Encode);

        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 42, out _).Events.ShouldHaveSingleItem();
        ShouldBeSame(read, Sizes[name]);
        ((TransactionPrepared)read).Branch.Legs[0].HoldRow
            .ShouldBe(((TransactionPrepared)Sizes[name]).Branch.Legs[0].HoldRow);
    }

    // Which row it is says nothing of what is done: it is another one in each account's stream.
    [Fact]
    public void The_row_of_a_holds_text_is_in_no_digest()
    {
        var part = Alone(
            Resolution(Own, Other, TransferFlags.PostPending), moved: Amount.Of(7), remaining: Amount.Of(30));

        Leaving(part, row: 300).Digest.ShouldBe(part.Digest);
    }

    private static TransactionBranch Leaving(TransactionBranch part, long row) =>
        part with { Legs = [part.Legs[0] with { HoldRow = row }] };
}
