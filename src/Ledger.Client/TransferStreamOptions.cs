namespace Ledger.Client;

/// <summary>How a <see cref="TransferStream"/> behaves.</summary>
public sealed record TransferStreamOptions
{
    /// <summary>How many transfers may be unanswered at once; the next one waits. The default is 1,024.</summary>
    public int InFlightMax { get; init; } = 1024;

    /// <summary>How long an answer may take before its outcome counts as unknown; null (the default) for
    /// <see cref="LedgerClientOptions.WriteTimeout"/>.</summary>
    public TimeSpan? AnswerTimeout { get; init; }

    /// <summary>For how long a transfer is sent again, with the same id, while its outcome is unknown; a broken stream
    /// is then opened again. Null (the default) for <see cref="LedgerClientOptions.RetryUnknownFor"/>. Zero: when the
    /// stream breaks, all that is unanswered is unknown and the session is over.</summary>
    public TimeSpan? RetryUnknownFor { get; init; }
}
