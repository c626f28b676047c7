namespace Ledger;

/// <summary>A call of <see cref="ILedger"/> that failed as a whole.</summary>
public sealed class LedgerException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="message">What happened, for people; holds no internals.</param>
    /// <param name="field">The field of the request that is at fault, such as <c>transfers[3].metadata</c>, or
    /// null.</param>
    public LedgerException(LedgerErrorReason reason, string message, string? field = null)
        : base(message)
    {
        Reason = reason;
        Field = field;
    }

    /// <summary>The reason.</summary>
    public LedgerErrorReason Reason { get; }

    /// <summary>The field of the request that is at fault, or null.</summary>
    public string? Field { get; }

    /// <summary>For what is too large: how many bytes it has, at most; else null.</summary>
    public long? Size { get; init; }

    /// <summary>For what is too large: how many bytes it may have; else null.</summary>
    public long? Limit { get; init; }

    /// <summary>For an index that is behind: by how much; else null.</summary>
    public TimeSpan? Lag { get; init; }

    /// <summary>Whether what was asked for may have been applied. If so, send the same ids again.</summary>
    public bool OutcomeUnknown => Reason is LedgerErrorReason.DeadlineExceeded
        or LedgerErrorReason.JournalUnavailable or LedgerErrorReason.Unavailable or LedgerErrorReason.AnswerTooLarge;
}
