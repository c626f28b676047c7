namespace Ledger.Core;

/// <summary>What an <see cref="OperatorAbort"/> needs next.</summary>
internal enum OperatorAbortStep
{
    /// <summary>The last agent's rows since the preparation, by <see cref="OperatorAbort.TakeRows"/>.</summary>
    Read,

    /// <summary>That <see cref="OperatorAbort.Row"/> is appended to the last agent's stream, if its number is still
    /// free.</summary>
    Append,

    /// <summary>That the coordinator is told <see cref="OperatorAbort.Answer"/>.</summary>
    Tell,

    /// <summary>Nothing: the last agent goes on writing, so it is alive and can be asked.</summary>
    GivenUp,
}
