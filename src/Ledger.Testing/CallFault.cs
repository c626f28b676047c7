namespace Ledger.Testing;

/// <summary>How a call fails that a test has fail. What an application meets in production, by itself.</summary>
public enum CallFault
{
    /// <summary>Nothing was done: <see cref="LedgerErrorReason.Overloaded"/>. The call may be made again
    /// after a pause.</summary>
    Refused,

    /// <summary>The call was done and its answer is lost:
    /// <see cref="LedgerErrorReason.DeadlineExceeded"/>, so that the outcome is unknown to the caller.
    /// The same again, with the same id, is answered with what it became.</summary>
    AnswerLost,

    /// <summary>The call got lost on its way and was not done:
    /// <see cref="LedgerErrorReason.Unavailable"/>, so that the outcome is unknown to the caller. The
    /// same again, with the same id, does it.</summary>
    RequestLost,
}
