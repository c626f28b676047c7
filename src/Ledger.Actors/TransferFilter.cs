namespace Ledger;

/// <summary>Which transfers are looked for: all that is given must hold, and of a list one of it. Immutable.</summary>
/// <remarks>At least one of <see cref="Ids"/>, <see cref="TransactionId"/>, <see cref="HoldId"/>,
/// <see cref="Reverses"/>,
/// <see cref="References"/>, <see cref="Metadata"/>, <see cref="Account"/>, <see cref="Principal"/>,
/// <see cref="AccountPrefix"/>, <see cref="Codes"/>, <see cref="HoldStates"/> with live alone, <see cref="Statuses"/>
/// without created, or a range of time of up to <see cref="TimeRangeMax"/> must be given: by these they are
/// found.</remarks>
public sealed record TransferFilter
{
    /// <summary>How long a range of time may be that is the only thing given.</summary>
    public static readonly TimeSpan TimeRangeMax = TimeSpan.FromDays(31);

    /// <summary>How many values a list may have.</summary>
    public const int ListMax = 16;

    /// <summary>How many pairs of metadata may be given.</summary>
    public const int MetadataPairsMax = 4;

    /// <summary>The ids. One id may be that of several transfers on different accounts, and of rejections.</summary>
    public IReadOnlyList<TransferId> Ids { get; init; } = [];

    /// <summary>The references, of its own or left to its hold.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Pairs that its metadata has, of its own or left to its hold.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>The codes.</summary>
    public IReadOnlyList<uint> Codes { get; init; } = [];

    /// <summary>The asset; none for any. Of a rejected transfer it is the one that it names.</summary>
    public Asset Asset { get; init; }

    /// <summary>The debit or the credit account; none for any.</summary>
    public AccountAddress Account { get; init; }

    /// <summary>With <see cref="Account"/> or <see cref="AccountPrefix"/>: whether that is the account that was debited
    /// or the one that was credited; null for either.</summary>
    public EntryDirection? Direction { get; init; }

    /// <summary>What the address of the debit or the credit account begins with; empty for any.</summary>
    public string AccountPrefix { get; init; } = "";

    /// <summary>Committed or rejected at this time or later.</summary>
    public LedgerTime? StartTime { get; init; }

    /// <summary>Committed or rejected before this time.</summary>
    public LedgerTime? EndTime { get; init; }

    /// <summary>At least this amount, as it was moved; of a rejected transfer as it was asked for.</summary>
    public Amount? MinAmount { get; init; }

    /// <summary>At most this amount.</summary>
    public Amount? MaxAmount { get; init; }

    /// <summary>The statuses; empty for created alone.</summary>
    public IReadOnlyList<TransferStatus> Statuses { get; init; } = [];

    /// <summary>The kinds; empty for all.</summary>
    public IReadOnlyList<TransferKind> Kinds { get; init; } = [];

    /// <summary>Holds in one of these states.</summary>
    public IReadOnlyList<HoldState> HoldStates { get; init; } = [];

    /// <summary>Posts, voids and the expiry of this hold; nil for any.</summary>
    public TransferId HoldId { get; init; }

    /// <summary>Corrections of this transfer; nil for any.</summary>
    public TransferId Reverses { get; init; }

    /// <summary>The legs of this transaction; a transfer that stood alone is one of its own. Nil for any.</summary>
    public TransferId TransactionId { get; init; }

    /// <summary>Who asked for it; empty for any.</summary>
    public string Principal { get; init; } = "";
}
