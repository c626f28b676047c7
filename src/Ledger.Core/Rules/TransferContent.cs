using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Ledger.Core;

/// <summary>Compares what transfers say: by digest where only equality matters, by field where a difference must be
/// named.</summary>
internal static class TransferContent
{
    // The domain keeps the digest of a transfer apart from that of anything else. Stored in snapshots: never change it.
    private static ReadOnlySpan<byte> Domain => "ledger.transfer.v1\0"u8;

    // That of a transfer that says what the first form had no place for. What has none of it keeps the first form's
    // digest.
    private static ReadOnlySpan<byte> LaterDomain => "ledger.transfer.v2\0"u8;

    /// <summary>The first 128 bits of the SHA-256 of everything that a transfer says, its id included.</summary>
    /// <remarks>Computed once per object: coordinator and last agent of one node share it, and each needs it several
    /// times.</remarks>
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
            + Encoding.UTF8.GetMaxByteCount(transfer.Reference.Length)
            + Encoding.UTF8.GetMaxByteCount(transfer.Reason.Length) + 80;
        foreach (var (key, value) in transfer.Metadata.Pairs)
        {
            size += 8 + Encoding.UTF8.GetMaxByteCount(key.Length) + Encoding.UTF8.GetMaxByteCount(value.Length);
        }

        var rented = size > 1024 ? ArrayPool<byte>.Shared.Rent(size) : null;
        var buffer = rented ?? stackalloc byte[1024];
        var writer = new Writer(buffer);
        var effective = transfer.EffectiveTime;
        writer.Raw(effective is null ? Domain : LaterDomain);
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

        // What a transfer that posts at once has not, is not written: its digest is what it was before there was more.
        if (transfer.Flags != TransferFlags.None || !transfer.HoldId.IsNil || transfer.Timeout != TimeSpan.Zero
            || !transfer.Reverses.IsNil || transfer.Reason.Length > 0 || effective is not null)
        {
            writer.Number((uint)transfer.Flags);
            writer.Number(transfer.HoldId.Value);
            writer.Number((UInt128)(ulong)transfer.Timeout.Ticks);
            writer.Number(transfer.Reverses.Value);
            writer.Text(transfer.Reason);
        }

        if (effective is { } time)
        {
            writer.Number((UInt128)unchecked((ulong)time.UnixMicroseconds));
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(writer.Written, hash);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    /// <summary>The first 128 bits of the SHA-256 of everything that a transaction says, its id included. That of a
    /// transfer alone is the transfer's.</summary>
    /// <param name="transaction">The transaction.</param>
    public static UInt128 DigestOf(Transaction transaction) => DigestOf(transaction, alwaysWhole: false);

    internal static UInt128 DigestOf(Transaction transaction, bool alwaysWhole)
    {
        if (!alwaysWhole && transaction.Legs is [{ Transfer: { } alone }] && alone.Id == transaction.Id)
        {
            return DigestOf(alone);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("ledger.transaction.v1\0"u8);
        Append(hash, transaction.Id.Value);
        foreach (var leg in transaction.Legs)
        {
            Append(hash, leg.Transfer is { } transfer ? DigestOf(transfer) : DigestOf(leg.Opening!, leg.IfMissing));
        }

        return End(hash);
    }

    // What a coordinator asks the others to do: the legs as they are resolved, with every amount that depends on
    // something.
    internal static UInt128 DigestOf(TransactionBranch branch)
    {
        if (branch.IsPlain)
        {
            return DigestOf(branch.Legs[0].Transfer!);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("ledger.part.v1\0"u8);
        Append(hash, branch.Id.Value);
        Append(hash, (UInt128)(ulong)branch.Attempt);
        foreach (var leg in branch.Legs)
        {
            Append(hash, leg.Transfer is { } transfer ? DigestOf(transfer) : DigestOf(leg.Opening!, leg.IfMissing));
            Append(hash, leg.Amount.Value);
            Append(hash, leg.HoldRemaining.Value);
            Append(hash, (UInt128)(ulong)leg.Deadline.UnixMicroseconds);
        }

        return End(hash);
    }

    private static UInt128 DigestOf(AccountSpec spec, bool ifMissing)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("ledger.opening.v1\0"u8);
        Append(hash, spec.Address.Text);
        Append(hash, spec.Asset.Text);
        Append(hash, spec.Code);
        Append(hash, spec.Reference);
        Append(hash, spec.DebitsMustNotExceedCredits);
        Append(hash, spec.CreditsMustNotExceedDebits);
        Append(hash, spec.IsClosed ? 1u : 0);
        Append(hash, ifMissing ? 1u : 0);
        foreach (var (key, value) in spec.Metadata.Pairs)
        {
            Append(hash, key);
            Append(hash, value);
        }

        return End(hash);
    }

    private static void Append(IncrementalHash hash, UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        hash.AppendData(bytes);
    }

    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, (UInt128)(uint)bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Append(IncrementalHash hash, Amount? allowance)
    {
        Append(hash, allowance.HasValue ? 1u : 0);
        Append(hash, allowance.GetValueOrDefault().Value);
    }

    private static UInt128 End(IncrementalHash hash)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>Names how a request differs from the transfer that its id belongs to. What a post or a void leaves to
    /// its hold is no difference, nor is an amount that was only a bound.</summary>
    /// <param name="known">The transfer that is recorded, with the amount that it moved.</param>
    /// <param name="asked">The request.</param>
    /// <param name="hold">For a post or a void: the transfer that made its hold, by which what it left to that is
    /// judged; null where that is not known.</param>
    /// <returns><see cref="TransferStatus.Exists"/> when nothing differs, else the difference of highest
    /// precedence.</returns>
    public static TransferStatus Compare(ResolvedLeg known, Transfer asked, Transfer? hold = null)
    {
        var transfer = known.Transfer!;
        if (hold is not null && transfer.ResolvesHold)
        {
            transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
        }

        if (transfer.Flags != asked.Flags)
        {
            return TransferStatus.ExistsWithDifferentFlags;
        }

        if (transfer.HoldId != asked.HoldId)
        {
            return TransferStatus.ExistsWithDifferentPendingId;
        }

        if (transfer.Timeout != asked.Timeout)
        {
            return TransferStatus.ExistsWithDifferentTimeout;
        }

        if (transfer.Reverses != asked.Reverses
            || !string.Equals(transfer.Reason, asked.Reason, StringComparison.Ordinal))
        {
            return TransferStatus.ExistsWithDifferentReverses;
        }

        // Left to the hold, and so equal to whatever the hold has.
        var inherits = asked.ResolvesHold;
        if (transfer.DebitAccount != asked.DebitAccount && !(inherits && asked.DebitAccount.IsNone))
        {
            return TransferStatus.ExistsWithDifferentDebitAccountId;
        }

        if (transfer.CreditAccount != asked.CreditAccount && !(inherits && asked.CreditAccount.IsNone))
        {
            return TransferStatus.ExistsWithDifferentCreditAccountId;
        }

        if (!IsSameAmount(known, asked))
        {
            return TransferStatus.ExistsWithDifferentAmount;
        }

        if (!string.Equals(transfer.Reference, asked.Reference, StringComparison.Ordinal)
            && !(inherits && asked.Reference.Length == 0))
        {
            return TransferStatus.ExistsWithDifferentReference;
        }

        if (!transfer.Metadata.Equals(asked.Metadata) && !(inherits && asked.Metadata.Pairs.IsEmpty))
        {
            return TransferStatus.ExistsWithDifferentMetadata;
        }

        if (transfer.EffectiveTime != asked.EffectiveTime)
        {
            return TransferStatus.ExistsWithDifferentEffectiveTime;
        }

        if (transfer.Asset != asked.Asset && !(inherits && asked.Asset.IsNone))
        {
            return TransferStatus.ExistsWithDifferentLedger;
        }

        return transfer.Code != asked.Code && !(inherits && asked.Code == 0)
            ? TransferStatus.ExistsWithDifferentCode
            : TransferStatus.Exists;
    }

    private static bool IsSameAmount(ResolvedLeg known, Transfer asked)
    {
        if (asked.Kind == TransferKind.PostHold && asked.Amount == Amount.MaxValue)
        {
            return known.Amount == known.HoldRemaining;
        }

        if (asked.ReleasesHold)
        {
            return asked.Amount.IsZero || asked.Amount == known.Amount;
        }

        if (!asked.Reverses.IsNil && asked.Amount == Amount.MaxValue)
        {
            return known.Transfer!.Amount == Amount.MaxValue;
        }

        return asked.IsBalancing ? asked.Amount >= known.Amount : asked.Amount == known.Amount;
    }

    /// <summary>Checks what can be said about a transfer without any account: the ladder's first steps.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="ledgerRequired">Whether it must name its asset, as in a transaction of several.</param>
    /// <returns><see cref="TransferStatus.None"/>, or the reason of highest precedence.</returns>
    public static TransferStatus CheckShape(Transfer transfer, bool ledgerRequired = false)
    {
        var id = CheckId(transfer.Id);
        return id != TransferStatus.None ? id
            : (transfer.Flags & ~KnownFlags) != TransferFlags.None ? TransferStatus.FlagsAreMutuallyExclusive
            : transfer.ResolvesHold ? CheckResolution(transfer)
            : CheckMovement(transfer, ledgerRequired);
    }

    /// <summary>Checks an id.</summary>
    /// <param name="id">The id of a transfer or a transaction.</param>
    public static TransferStatus CheckId(TransferId id) =>
        id.IsNil ? TransferStatus.IdMustNotBeZero
        : id.Value == UInt128.MaxValue ? TransferStatus.IdMustNotBeIntMax
        : TransferStatus.None;

    private const TransferFlags KnownFlags =
        TransferFlags.Pending | TransferFlags.PostPending | TransferFlags.VoidPending | TransferFlags.BalancingDebit
        | TransferFlags.BalancingCredit | TransferFlags.ClosingDebit | TransferFlags.ClosingCredit
        | TransferFlags.KeepRest
        | TransferFlags.OpenAccounts;

    private static TransferStatus CheckResolution(Transfer transfer)
    {
        var post = transfer.Kind == TransferKind.PostHold;
        var allowed = post ? TransferFlags.PostPending | TransferFlags.KeepRest : TransferFlags.VoidPending;
        if ((transfer.Flags & ~allowed) != TransferFlags.None)
        {
            return TransferStatus.FlagsAreMutuallyExclusive;
        }

        // What ends a hold takes nothing back, and must not count as if it did.
        if (!transfer.Reverses.IsNil)
        {
            return TransferStatus.FlagsAreMutuallyExclusive;
        }

        if (transfer.HoldId.IsNil)
        {
            return TransferStatus.PendingIdMustNotBeZero;
        }

        if (transfer.HoldId.Value == UInt128.MaxValue)
        {
            return TransferStatus.PendingIdMustNotBeIntMax;
        }

        if (transfer.HoldId == transfer.Id)
        {
            return TransferStatus.PendingIdMustBeDifferent;
        }

        return transfer.Timeout != TimeSpan.Zero
            ? TransferStatus.TimeoutReservedForPendingTransfer
            : TransferStatus.None;
    }

    private static TransferStatus CheckMovement(Transfer transfer, bool ledgerRequired)
    {
        if (transfer.KeepRest)
        {
            return TransferStatus.FlagsAreMutuallyExclusive;
        }

        if (transfer.DebitAccount.IsNone)
        {
            return TransferStatus.DebitAccountIdMustNotBeZero;
        }

        if (transfer.DebitAccount.IsReserved)
        {
            return TransferStatus.DebitAccountIdMustNotBeIntMax;
        }

        if (transfer.CreditAccount.IsNone)
        {
            return TransferStatus.CreditAccountIdMustNotBeZero;
        }

        if (transfer.CreditAccount.IsReserved)
        {
            return TransferStatus.CreditAccountIdMustNotBeIntMax;
        }

        if (transfer.DebitAccount == transfer.CreditAccount)
        {
            return TransferStatus.AccountsMustBeDifferent;
        }

        if (!transfer.HoldId.IsNil)
        {
            return TransferStatus.PendingIdMustBeZero;
        }

        if (transfer.Kind != TransferKind.Hold)
        {
            if (transfer.Timeout != TimeSpan.Zero)
            {
                return TransferStatus.TimeoutReservedForPendingTransfer;
            }

            if (transfer.ClosingDebit || transfer.ClosingCredit)
            {
                return TransferStatus.ClosingTransferMustBePending;
            }
        }

        if (!transfer.Reverses.IsNil && transfer.Reason.Length == 0)
        {
            return TransferStatus.ReasonMissing;
        }

        if (transfer.Asset.IsNone
            && (ledgerRequired || transfer.OpenAccounts))
        {
            return TransferStatus.LedgerMustNotBeZero;
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
