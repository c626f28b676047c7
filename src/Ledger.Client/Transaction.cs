using System.Text;
using Google.Protobuf;
using Ledger.StrictJson;

namespace Ledger.Client;

/// <summary>Legs that happen all or not at all, in order: each sees what those before it did.</summary>
public sealed record Transaction
{
    private const int JsonDepthMax = 16;

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(false));
    private static readonly MessageShape Shape = MessageShape.Of(V1.Transaction.Descriptor);
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The id, made before the first attempt and kept for every retry; see <see cref="TransferIds.New"/>. It names
    /// the transaction as a whole; each transfer has an id of its own besides.</summary>
    public required Guid Id { get; init; }

    /// <summary>From 1 to <see cref="LedgerClient.BatchMax"/> legs. Where there are several, each transfer that resolves no
    /// hold must name its asset.</summary>
    public required IReadOnlyList<TransactionLeg> Legs { get; init; }

    /// <summary>Makes a transaction of transfers.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="transfers">The transfers, in order.</param>
    public static Transaction Of(Guid id, params IEnumerable<Transfer> transfers) => new()
    {
        Id = id,
        Legs = [.. transfers.Select(TransactionLeg.Of)],
    };

    /// <summary>Reads a transaction in the JSON form of the API, as it is sent to <c>/v1/transactions</c>. An id that is
    /// left out is empty.</summary>
    /// <param name="json">The text of one JSON object.</param>
    /// <remarks>As strict as the API is: a field that a transaction does not have, one that is given twice, null, and a
    /// JSON number that may have been rounded are refused by name. An amount may be a text, or a JSON integer up to
    /// 2^53-1.</remarks>
    /// <exception cref="FormatException">It is no transaction. The message names the field, and says what was found and
    /// what is wanted.</exception>
    public static Transaction ParseJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var bytes = StrictUtf8.GetBytes(json);
            if (StrictReader.Check(bytes, Shape, "", 0, JsonDepthMax, out var edits) is { } fault)
            {
                throw new FormatException(fault.Message);
            }

            var wire = Parser.Parse<V1.Transaction>(
                edits is null ? json : StrictUtf8.GetString(JsonEdit.Apply(bytes, edits)));
            ProtoMapper.CheckAmounts(wire);
            return ProtoMapper.FromWire(wire);
        }
        catch (Exception failure) when (failure is InvalidJsonException or InvalidProtocolBufferException
            or OverflowException or EncoderFallbackException)
        {
            throw new FormatException(failure.Message, failure);
        }
    }
}

/// <summary>One leg of a transaction: a transfer, or the opening of an account.</summary>
public sealed record TransactionLeg
{
    private TransactionLeg(Transfer? transfer, AccountSpec? opening, bool ifMissing)
    {
        Transfer = transfer;
        Opening = opening;
        IfMissing = ifMissing;
    }

    /// <summary>The transfer; null for an opening. Its id may be empty: it then follows from the transaction's id and the
    /// leg's place.</summary>
    public Transfer? Transfer { get; }

    /// <summary>What the account is opened with; null for a transfer.</summary>
    public AccountSpec? Opening { get; }

    /// <summary>For an opening: whether an account that is there already, however it was opened, is no failure.</summary>
    public bool IfMissing { get; }

    /// <summary>Makes a leg of a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    public static TransactionLeg Of(Transfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        return new TransactionLeg(transfer, null, false);
    }

    /// <summary>Makes a leg that opens an account.</summary>
    /// <param name="spec">What it is opened with.</param>
    /// <param name="ifMissing">Whether an account that is there already, however it was opened, is no failure.</param>
    public static TransactionLeg Open(AccountSpec spec, bool ifMissing = false)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new TransactionLeg(null, spec, ifMissing);
    }
}

/// <summary>How a transaction was decided: recorded as a whole, or rejected as a whole for one named reason.</summary>
/// <remarks>The third outcome of a call, <em>unknown</em>, is never a value but a <see cref="LedgerClientException"/>
/// whose <see cref="LedgerClientException.OutcomeUnknown"/> is true.</remarks>
public sealed record TransactionResult
{
    /// <summary>The id of the transaction.</summary>
    public required Guid Id { get; init; }

    /// <summary>What became of it; for a rejection the reason of the leg that failed.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>The place of the leg that failed, from 0; null when none did.</summary>
    public int? FailedLeg { get; init; }

    /// <summary>When it was committed; null for a rejection.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>Whether the outcome had been decided by an earlier request with the same id and content.</summary>
    public bool Replayed { get; init; }

    /// <summary>For a rejection that is on record: the balances of the account that refused, as they were seen.</summary>
    public Balances? BalanceSeen { get; init; }

    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome. Empty for
    /// what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Where it was asked for and this request committed the transaction: its accounts right after the whole of it, in no
    /// promised order; one whose answer was lost on the way is not among them. Otherwise empty.</summary>
    public IReadOnlyList<AccountState> AccountsAfter { get; init; } = [];

    /// <summary>One outcome for each leg, in order. Of a rejected transaction, all but the leg that failed are
    /// <see cref="TransferStatus.LinkedEventFailed"/>. Empty where the ledger did not get as far as the legs.</summary>
    public required IReadOnlyList<LegResult> Legs { get; init; }

    /// <summary>Whether all of it is recorded, once: by this request or by an earlier one. A transfer that is recorded
    /// already, outside of this transaction, fails it with <see cref="TransferStatus.Exists"/> and a
    /// <see cref="FailedLeg"/>.</summary>
    public bool IsCommitted => FailedLeg is null && Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>Whether this request recorded nothing.</summary>
    public bool IsRejected => !IsCommitted;
}

/// <summary>What became of one leg of a transaction.</summary>
/// <param name="TransferId">For a transfer whose request named the legs: its id. Otherwise empty.</param>
/// <param name="Transfer">For a transfer: its outcome. Otherwise <see cref="TransferStatus.Unspecified"/>.</param>
/// <param name="Opening">For an opening: its outcome. Otherwise <see cref="AccountStatus.Unspecified"/>.</param>
/// <param name="Amount">For a transfer that is recorded: the amount that was moved, held or released. Otherwise null.</param>
public sealed record LegResult(Guid TransferId, TransferStatus Transfer, AccountStatus Opening, UInt128? Amount);

/// <summary>A transaction as its coordinator remembers it.</summary>
/// <param name="Transaction">The transaction, with the ids of its transfers.</param>
/// <param name="Outcome">What became of it.</param>
public sealed record TransactionRecord(Transaction Transaction, TransactionResult Outcome)
{
    /// <summary>Whether posts or voids are shown without the reference or metadata that they have of their holds, since the answer would
    /// have passed 3.5 MiB. <see cref="LedgerClient.GetTransferAsync"/> shows each of them with it.</summary>
    public bool IsAbridged { get; init; }

    /// <summary>Who asked for it first; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>One item of a batch.</summary>
/// <param name="Leg">What it does. A transfer needs an id.</param>
/// <param name="Linked">Whether the next item belongs to the same chain, whose items happen all or not at all. A chain ends
/// with the first item that is not linked. The default is false.</param>
public sealed record BatchItem(TransactionLeg Leg, bool Linked = false);

/// <summary>What became of one item of a batch.</summary>
/// <param name="Transfer">For a transfer; otherwise null.</param>
/// <param name="Opening">For an opening; otherwise null.</param>
public sealed record BatchItemResult(TransferResult? Transfer, OpenAccountResult? Opening);

/// <summary>Asks to take back a posted transaction, or one transfer.</summary>
public sealed record Reversal
{
    /// <summary>The id of the correction, made before the first attempt and kept for every retry.</summary>
    public required Guid Id { get; init; }

    /// <summary>The id of the transaction, or of the one transfer, to take back.</summary>
    public required Guid OriginalId { get; init; }

    /// <summary>Why, from 1 to 256 characters.</summary>
    public required string Reason { get; init; }

    /// <summary>The debit account of the original, or of its first transfer; empty (the default) when the caller does not
    /// know it.</summary>
    public string Account { get; init; } = "";

    /// <summary>For a single transfer: how much of it to take back; null (the default) for all that is left.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>The code of the correction; 0 (the default) for that of the original.</summary>
    public uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>When the correction counts from a business point of view; null (the default) for when it is committed. It is
    /// not the original's.</summary>
    public DateTimeOffset? EffectiveTime { get; init; }
}

/// <summary>Asks to post or to void all holds of a transaction.</summary>
public sealed record TransactionResolution
{
    /// <summary>The id of the new transaction, made before the first attempt and kept for every retry.</summary>
    public required Guid Id { get; init; }

    /// <summary>The coordinator of the transaction that made the holds: the debit account of its first transfer.</summary>
    public required string Account { get; init; }

    /// <summary>The id of the transaction that made the holds.</summary>
    public required Guid TransactionId { get; init; }

    /// <summary>Whether to post them; otherwise they are voided.</summary>
    public required bool Post { get; init; }

    /// <summary>When the posts or voids count from a business point of view; null (the default) for when they are
    /// committed.</summary>
    public DateTimeOffset? EffectiveTime { get; init; }
}
