using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Tests.Shared;

/// <summary>Questions about old ids to a <see cref="LongStream"/>, as an account asks them whose memory has none of its
/// ids.</summary>
internal sealed class OldIds
{
    private static readonly AccountAddress s_payer = AccountAddress.Parse("payer");
    private readonly TransferId late = LongStream.Dated(LedgerTime.From(DateTimeOffset.UnixEpoch.AddDays(9000)), 1);
    private readonly TransferId unordered = TransferId.FromGuid(Guid.NewGuid());
    private readonly TransferId hold;
    private readonly LongStream stream;
    private readonly AccountAddress account;

    /// <summary>Puts what the questions are about into a stream.</summary>
    public OldIds(AccountAddress account, LongStream stream)
    {
        this.account = account;
        this.stream = stream;
        var asset = Asset.Parse("USD/2");
        hold = LongStream.Dated(stream.TimeOf(3), 3);
        stream.Besides[2] = at =>
            LongStream.Booked(new Transfer(late, s_payer, account, Amount.Zero, 1) { Asset = asset }, at);
        stream.Besides[3] = at => LongStream.Booked(
            new Transfer(hold, s_payer, account, Amount.Of(1), 1) { Asset = asset, Flags = TransferFlags.Pending }, at);
        stream.Besides[4] = at =>
            LongStream.Booked(new Transfer(unordered, s_payer, account, Amount.Zero, 1) { Asset = asset }, at);
        stream.Besides[stream.Rows - 5] = at => LongStream.Booked(
            new Transfer(LongStream.Dated(at, 5), s_payer, account, Amount.Of(1), 1)
            {
                Asset = asset, Flags = TransferFlags.VoidPending, HoldId = hold,
            }, at);
    }

    /// <summary>The questions by name, each with whether it finds something.</summary>
    public IReadOnlyDictionary<string, (IdLookup Asked, bool IsThere)> Questions()
    {
        var middle = stream.Rows / 4;
        var unknown = LongStream.Dated(stream.TimeOf(middle), 7);
        return new Dictionary<string, (IdLookup, bool)>(StringComparer.Ordinal)
        {
            ["retry of an old transfer"] = (Ask(stream.IdOf(middle, 50), withLater: false), true),
            ["retry of an old transfer that was late"] = (Ask(late, withLater: false), true),
            ["retry of an old transfer of version 4"] = (Ask(unordered, withLater: false), true),
            ["GetTransfer of an old transfer"] = (Ask(stream.IdOf(middle + 1, 50), withLater: true), true),
            ["GetTransfer of a hold that has ended"] = (Ask(hold, withLater: true), true),
            ["GetTransfer of an unknown one of then"] = (Ask(unknown, withLater: true), false),
            ["GetTransfer of an unknown one of before"] =
                (Ask(LongStream.Dated(LedgerTime.From(DateTimeOffset.UnixEpoch.AddDays(9000)), 8), withLater: true),
                    false),
            ["GetTransfer of an unknown one of now"] = (
                Ask(LongStream.Dated(stream.TimeOf(stream.Rows), 8), withLater: true), false),
            ["GetTransfer of an unknown one of version 4"] = (
                Ask(TransferId.FromGuid(Guid.NewGuid()), withLater: true), false),
        };
    }

    /// <summary>Asks.</summary>
    public async Task<IdHistory?> FindAsync(AccountStreamReader reader, IdLookup lookup) =>
        (await reader.FindAsync(account, [lookup], CancellationToken.None))[0].Found;

    private IdLookup Ask(TransferId id, bool withLater)
    {
        var time = id.UnixMicroseconds;
        var width = (long)IdWindow.Width.TotalMicroseconds;
        return new IdLookup(
            id, 0, stream.Rows, id.IsTimeOrdered ? new LedgerTime(time - width) : LedgerTime.MaxValue,
            id.IsTimeOrdered ? new LedgerTime(time + width) : default, withLater)
        {
            Newest = stream.Newest, FirstTime = stream.TimeOf(1), LastTime = stream.TimeOf(stream.Rows),
        };
    }
}
