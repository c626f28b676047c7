namespace Ledger.Client;

/// <summary>Which transfers to find, and in which order. All that is given must hold, and of a list one of it. A search
/// that names nothing by which transfers are found fails with <c>FILTER_TOO_WIDE</c>: it takes one of ids, a
/// transaction, a hold, a transfer that is taken back, references, metadata, an account, a principal, a prefix, codes,
/// live holds, refused statuses, or a range of time of up to 31 days.</summary>
public sealed record TransferQuery
{
    /// <summary>The ids, at most 16.</summary>
    public IReadOnlyList<Guid> Ids { get; init; } = [];

    /// <summary>The references, at most 16.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Pairs that the metadata has, at most 4.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ProtoMapper.NoMetadata;

    /// <summary>The codes, at most 16.</summary>
    public IReadOnlyList<uint> Codes { get; init; } = [];

    /// <summary>The asset; empty for any.</summary>
    public string Asset { get; init; } = "";

    /// <summary>The debit or the credit account; empty for any.</summary>
    public string Account { get; init; } = "";

    /// <summary>On which side <see cref="Account"/> or <see cref="AccountPrefix"/> is; null (the default) for
    /// either.</summary>
    public EntryDirection? Direction { get; init; }

    /// <summary>What the debit or the credit account begins with; empty for any.</summary>
    public string AccountPrefix { get; init; } = "";

    /// <summary>Committed or rejected at this time or later; null for any.</summary>
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>Committed or rejected before this time; null for any.</summary>
    public DateTimeOffset? EndTime { get; init; }

    /// <summary>At least this amount in minor units; null for any.</summary>
    public UInt128? MinAmount { get; init; }

    /// <summary>At most this amount in minor units; null for any.</summary>
    public UInt128? MaxAmount { get; init; }

    /// <summary>The statuses; empty (the default) for <see cref="TransferStatus.Created"/> alone.</summary>
    public IReadOnlyList<TransferStatus> Statuses { get; init; } = [];

    /// <summary>The kinds; empty (the default) for all.</summary>
    public IReadOnlyList<TransferKind> Kinds { get; init; } = [];

    /// <summary>Holds in one of these states; empty for any.</summary>
    public IReadOnlyList<HoldState> HoldStates { get; init; } = [];

    /// <summary>Posts, voids and the expiry of this hold; null for any.</summary>
    public Guid? HoldId { get; init; }

    /// <summary>Corrections of this transfer; null for any.</summary>
    public Guid? Reverses { get; init; }

    /// <summary>The legs of this transaction; null for any.</summary>
    public Guid? TransactionId { get; init; }

    /// <summary>Who asked for it; empty for any.</summary>
    public string Principal { get; init; } = "";

    /// <summary>Whether the newest come first. The default is false.</summary>
    public bool NewestFirst { get; init; }

    /// <summary>The position of a write that must be seen; empty for as it is.</summary>
    public string AtLeast { get; init; } = "";

    /// <summary>How many are fetched at a time: 1 to 1,000. The default is 100. It does not limit the list.</summary>
    public int PageSize { get; init; } = 100;
}
