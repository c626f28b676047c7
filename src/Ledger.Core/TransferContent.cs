using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Ledger.Core;

/// <summary>Compares what transfers say: by digest where only equality matters, by field where a difference must be
/// named.</summary>
public static class TransferContent
{
    // The domain keeps the digest of a transfer apart from that of anything else. Stored in snapshots: never change it.
    private static ReadOnlySpan<byte> Domain => "ledger.transfer.v1\0"u8;

    /// <summary>The first 128 bits of the SHA-256 of everything that a transfer says, its id included.</summary>
    /// <remarks>Computed once per object: anchor and closer of one node share it, and each needs it several times.</remarks>
    /// <param name="transfer">The transfer.</param>
    public static UInt128 DigestOf(Transfer transfer)
    {
        if (!transfer.Memo.TryGet(transfer, out var digest))
        {
            digest = ComputeDigestOf(transfer);
            transfer.Memo.Set(transfer, digest);
        }

        return digest;
    }

    private static UInt128 ComputeDigestOf(Transfer transfer)
    {
        var size = Domain.Length + TransferId.ByteCount + 16 + 4 + 4 * 5
            + Encoding.UTF8.GetMaxByteCount(transfer.DebitAccount.Text.Length)
            + Encoding.UTF8.GetMaxByteCount(transfer.CreditAccount.Text.Length)
            + Encoding.UTF8.GetMaxByteCount(transfer.Asset.Text.Length)
            + Encoding.UTF8.GetMaxByteCount(transfer.Reference.Length);
        foreach (var (key, value) in transfer.Metadata.Pairs)
        {
            size += 8 + Encoding.UTF8.GetMaxByteCount(key.Length) + Encoding.UTF8.GetMaxByteCount(value.Length);
        }

        var rented = size > 1024 ? ArrayPool<byte>.Shared.Rent(size) : null;
        var buffer = rented ?? stackalloc byte[1024];
        var writer = new Writer(buffer);
        writer.Raw(Domain);
        writer.Number(transfer.Id.Value);
        writer.Text(transfer.DebitAccount.Text);
        writer.Text(transfer.CreditAccount.Text);
        writer.Number(transfer.Amount.Value);
        writer.Number(transfer.Code);
        writer.Text(transfer.Asset.Text);
        writer.Text(transfer.Reference);
        writer.Number((uint)transfer.Metadata.Pairs.Length);
        foreach (var (key, value) in transfer.Metadata.Pairs)
        {
            writer.Text(key);
            writer.Text(value);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(writer.Written, hash);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    /// <summary>Names how a request differs from the transfer that its id belongs to.</summary>
    /// <param name="known">The transfer that is recorded.</param>
    /// <param name="asked">The request.</param>
    /// <returns><see cref="TransferStatus.Exists"/> when nothing differs, else the difference of highest precedence.</returns>
    public static TransferStatus Compare(Transfer known, Transfer asked)
    {
        if (known.DebitAccount != asked.DebitAccount)
        {
            return TransferStatus.ExistsWithDifferentDebitAccountId;
        }

        if (known.CreditAccount != asked.CreditAccount)
        {
            return TransferStatus.ExistsWithDifferentCreditAccountId;
        }

        if (known.Amount != asked.Amount)
        {
            return TransferStatus.ExistsWithDifferentAmount;
        }

        if (!string.Equals(known.Reference, asked.Reference, StringComparison.Ordinal))
        {
            return TransferStatus.ExistsWithDifferentReference;
        }

        if (!known.Metadata.Equals(asked.Metadata))
        {
            return TransferStatus.ExistsWithDifferentMetadata;
        }

        if (known.Asset != asked.Asset)
        {
            return TransferStatus.ExistsWithDifferentLedger;
        }

        return known.Code != asked.Code ? TransferStatus.ExistsWithDifferentCode : TransferStatus.Exists;
    }

    /// <summary>Checks what can be said about a transfer without any account: the ladder's first steps.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <returns><see cref="TransferStatus.None"/>, or the reason of highest precedence.</returns>
    public static TransferStatus CheckShape(Transfer transfer)
    {
        if (transfer.Id.IsNil)
        {
            return TransferStatus.IdMustNotBeZero;
        }

        if (transfer.Id.Value == UInt128.MaxValue)
        {
            return TransferStatus.IdMustNotBeIntMax;
        }

        if (transfer.DebitAccount.IsNone)
        {
            return TransferStatus.DebitAccountIdMustNotBeZero;
        }

        if (transfer.CreditAccount.IsNone)
        {
            return TransferStatus.CreditAccountIdMustNotBeZero;
        }

        if (transfer.DebitAccount == transfer.CreditAccount)
        {
            return TransferStatus.AccountsMustBeDifferent;
        }

        return transfer.Code == 0 ? TransferStatus.CodeMustNotBeZero : TransferStatus.None;
    }

    private ref struct Writer(Span<byte> buffer)
    {
        private readonly Span<byte> buffer = buffer;
        private int length;

        public readonly ReadOnlySpan<byte> Written => buffer[..length];

        public void Raw(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(buffer[length..]);
            length += bytes.Length;
        }

        public void Number(UInt128 value)
        {
            BinaryPrimitives.WriteUInt128BigEndian(buffer[length..], value);
            length += 16;
        }

        public void Number(uint value)
        {
            BinaryPrimitives.WriteUInt32BigEndian(buffer[length..], value);
            length += 4;
        }

        // Lengths come first, so that no two contents share an encoding.
        public void Text(string text)
        {
            var written = Encoding.UTF8.GetBytes(text, buffer[(length + 4)..]);
            BinaryPrimitives.WriteInt32BigEndian(buffer[length..], written);
            length += 4 + written;
        }
    }
}
