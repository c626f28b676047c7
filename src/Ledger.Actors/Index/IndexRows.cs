using System.Data.Common;

namespace Ledger.Actors.Index;

/// <summary>Reads and fills the columns of the index, which have the same names and order in both databases.</summary>
internal static class IndexRows
{
    /// <summary>A transfer: time, place, item, hold state, what is left of it, its deadline, content.</summary>
    public static IndexedTransfer Transfer(DbDataReader reader) => IndexCodec.DecodeTransfer(
        Key(reader), reader.GetFieldValue<byte[]>(6), (HoldState)reader.GetInt32(3),
        reader.IsDBNull(4) ? Amount.Zero : IndexCodec.AmountOf(reader.GetFieldValue<byte[]>(4)),
        reader.IsDBNull(5) ? null : new LedgerTime(reader.GetInt64(5)));

    /// <summary>The place of a transfer: time, place, item.</summary>
    public static IndexKey Key(DbDataReader reader) =>
        new(new LedgerTime(reader.GetInt64(0)), reader.GetInt64(1), reader.GetInt32(2));

    /// <summary>An account: address, content.</summary>
    public static IndexedAccount Account(DbDataReader reader) =>
        IndexCodec.DecodeAccount(AccountAddress.Parse(reader.GetString(0)), reader.GetFieldValue<byte[]>(1));

    /// <summary>The amount that is searched: of a rejected transfer as it was asked for.</summary>
    public static Amount AmountOf(IndexedTransfer transfer) =>
        transfer.Status == TransferStatus.Created ? transfer.Leg.Amount : transfer.Transfer.Amount;

    /// <summary>Until when an account is frozen; null when it is not.</summary>
    public static long? FrozenUntil(IndexedAccount account) =>
        account.Freeze is null ? null : account.Freeze.EndTime?.UnixMicroseconds ?? long.MaxValue;
}
