using Ledger.Actors.Index;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>What the index stores. A form that changes takes another number (<see cref="IndexCodec.Form"/>), by which
/// an index is made again; the files say that none changes unnoticed.</content>
public partial class GoldenBytesTests
{
    [Fact]
    public void A_transfer_in_the_index_is_stored_and_read_as_ever()
    {
        var hold = Full(Own, Other) with { Flags = TransferFlags.Pending };
        (string Name, IndexedTransfer Transfer)[] all =
        [
            ("indexed-hold", new IndexedTransfer(
                new IndexKey(At(1), 7, 2), new ResolvedLeg(2, hold, null) { Amount = Amount.Of(7), Deadline = At(100) },
                TransferStatus.Created)
            {
                TransactionId = Id(77), Asset = Asset.Parse("BTC/8"), Principal = "alice", Hold = HoldState.Live,
                HoldRemaining = Amount.Of(5), HoldDeadline = At(200),
            }),
            ("indexed-rejection", new IndexedTransfer(
                new IndexKey(At(2), 8, 0),
                new ResolvedLeg(0, Plain(Own, Other), null) { Amount = Plain(Own, Other).Amount },
                TransferStatus.ExceedsCredits)
            {
                TransactionId = Plain(Own, Other).Id, Asset = default, Seen = Seen,
            }),
        ];
        foreach (var (name, transfer) in all)
        {
            byte[] Encode() => IndexCodec.Encode(transfer);
            var golden = Golden(name, Encode);
            Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
            var read = IndexCodec.DecodeTransfer(
                transfer.Key, golden, transfer.Hold, transfer.HoldRemaining, transfer.HoldDeadline);
            read.ToRecord().ShouldBe(transfer.ToRecord());
            read.Leg.ShouldBe(transfer.Leg);
        }
    }

    [Fact]
    public void An_account_in_the_index_is_stored_and_read_as_ever()
    {
        var account = new IndexedAccount(
            new AccountSpec(Own, Asset.Parse("BTC/8"), 3)
            {
                Reference = "r", Metadata = Metadata.Of([new("k", "v")]), DebitsMustNotExceedCredits = Amount
                    .Of(4), IsClosed = true,
            },
            At(1))
        {
            ClosedByChange = true, ClosedByHold = true, ClosedReason = "gone",
            Freeze = new AccountFreeze(true, false, "why", At(500)), OpenedBy = Id(3),
        };
        byte[] Encode() => IndexCodec.Encode(account);
        var golden = Golden("indexed-account", Encode);
        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        IndexCodec.DecodeAccount(Own, golden).ShouldBe(account);
    }

    [Fact]
    public void A_preparation_in_the_index_is_stored_and_read_as_ever()
    {
        var branch = SliceFor(Own) with { Principal = "alice" };
        var attempt = new PreparedKey(Own, branch.Key);
        byte[] Encode() => IndexCodec.Encode(attempt, branch);
        var golden = Golden("indexed-preparation", Encode);
        Convert.ToHexString(Encode()).ShouldBe(Convert.ToHexString(golden));
        var read = IndexCodec.DecodePrepared(Own, golden);
        read.Key.ShouldBe(branch.Key);
        read.Principal.ShouldBe("alice");
        read.Legs.ShouldBe(branch.Legs);
    }
}
