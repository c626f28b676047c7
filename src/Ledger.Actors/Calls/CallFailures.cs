using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>The exception for everything for which a call fails as a whole.</summary>
internal static class CallFailures
{
    /// <summary>Refuses a request that has a problem.</summary>
    /// <param name="problem">The problem; null for none.</param>
    /// <exception cref="LedgerException">There is one.</exception>
    public static void ThrowIf(RequestProblem? problem)
    {
        if (problem is not null)
        {
            throw Of(problem);
        }
    }

    /// <summary>The exception for a problem of a request.</summary>
    /// <param name="problem">The problem.</param>
    public static LedgerException Of(RequestProblem problem) => new(ReasonOf(problem.Kind), problem.Text, problem.Field)
    {
        Size = problem.Size, Limit = problem.SizeMax,
    };

    /// <summary>The exception for an answer that is none.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="isRead">Whether the call changes nothing, so that no outcome is unknown.</param>
    public static LedgerException Of(AccountResponse answer, bool isRead = false) => answer switch
    {
        RequestFailed { Reason: RequestFailure.TransactionTooLarge } failed => Of(
            RequestRules.TransactionTooLarge(failed.Size, failed.Limit)),
        RequestFailed { Reason: RequestFailure.MessageTooLarge } failed => new LedgerException(
            LedgerErrorReason.MessageTooLarge,
            $"The request has {failed.Size} bytes on its way to the account; at most {failed.Limit} are sent."
            + " Nothing was applied: ask for less.")
        {
            Size = failed.Size, Limit = failed.Limit,
        },
        RequestFailed { Reason: RequestFailure.AnswerTooLarge } failed => new LedgerException(
            LedgerErrorReason.AnswerTooLarge,
            $"The account's answer has {failed.Size} bytes; at most {failed.Limit} are sent. The outcome is"
            + " unknown: look it up by its parts.")
        {
            Size = failed.Size, Limit = failed.Limit,
        },
        TimedOut => new LedgerException(
            LedgerErrorReason.DeadlineExceeded,
            isRead
                ? "No answer came within the deadline."
                : "No answer came within the deadline; the outcome is unknown."),
        RequestFailed(RequestFailure.DeadlineExpired) => DeadlineExpired(),
        RequestFailed(RequestFailure.Overloaded) => new LedgerException(
            LedgerErrorReason.Overloaded, "The account works on as many calls as it may. Retry after a pause."),
        RequestFailed(RequestFailure.JournalUnavailable) => new LedgerException(
            LedgerErrorReason.JournalUnavailable,
            isRead
                ? "The journal can't be read now."
                : "The journal could not confirm the write; the outcome is unknown."),
        RequestFailed(RequestFailure.DecisionFailed) => new LedgerException(
            LedgerErrorReason.DecisionFailed,
            "The account could not decide this, by a defect of the ledger; nothing was done. The node's log has it."),
        RequestFailed(RequestFailure.Relocating or RequestFailure.NotBegun) => new LedgerException(
            LedgerErrorReason.Unavailable, "The account is moving; the outcome is unknown."),
        RequestFailed(RequestFailure.AccountInDoubt) => new LedgerException(
            LedgerErrorReason.AccountInDoubt,
            "The answer depends on transactions that are in doubt on the account, or too many are. Nothing was done,"
            + " and no id was used. Retry after a pause."),
        RequestFailed(RequestFailure.CounterpartyUnavailable) => new LedgerException(
            LedgerErrorReason.CounterpartyUnavailable,
            "Another account of the transaction has left many others unanswered. Nothing was done, and no id was"
            + " used. Retry after a pause."),
        _ => throw new InvalidOperationException($"Unexpected answer {answer.GetType().Name}."),
    };

    /// <summary>The exception for an account that may not be shown while something is in doubt on it.</summary>
    /// <param name="doubt">What is in doubt.</param>
    public static LedgerException Of(AccountDoubt doubt) => new(
        LedgerErrorReason.AccountInDoubt,
        $"{doubt.Count} {(doubt.Count == 1 ? "transaction is" : "transactions are")} in doubt on the account,"
        + $" the oldest since {doubt.Transactions[0].Since.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss.fff}Z, so that its"
        + " balances are not final.");

    /// <summary>The exception for a call whose deadline had passed before it began.</summary>
    public static LedgerException DeadlineExpired() => new(
        LedgerErrorReason.DeadlineExpired, "The deadline had passed before anything was done.");

    /// <summary>The exception for a call of which some parts may be done, and others are not.</summary>
    public static LedgerException SomeUnknown() => new(
        LedgerErrorReason.Unavailable, "Some items have no outcome yet. Send them again.");

    /// <summary>The exception for an id that this node knows nothing of. Not "there is none": the node may only have
    /// forgotten it, or never have known.</summary>
    /// <param name="id">The id.</param>
    /// <param name="field">The field that would help.</param>
    public static LedgerException NotRemembered(TransferId id, string field) => new(
        LedgerErrorReason.TransferNotRemembered,
        $"This node does not remember {id}, which does not say that there is no such transfer. Name one of its"
        + " accounts.",
        field);

    /// <summary>Whether a failure says that nothing was done.</summary>
    /// <param name="failure">The failure.</param>
    public static bool IsRefused(RequestFailure failure) => failure is RequestFailure.Overloaded
        or RequestFailure.DeadlineExpired or RequestFailure.AccountInDoubt or RequestFailure.CounterpartyUnavailable
        or RequestFailure.DecisionFailed;

    /// <summary>Whether a failure says that nothing was done.</summary>
    /// <param name="reason">The failure.</param>
    public static bool IsRefused(LedgerErrorReason reason) => reason is LedgerErrorReason.Overloaded
        or LedgerErrorReason.DeadlineExpired or LedgerErrorReason.AccountInDoubt
        or LedgerErrorReason.CounterpartyUnavailable or LedgerErrorReason.DecisionFailed;

    private static LedgerErrorReason ReasonOf(RequestProblemKind kind) => kind switch
    {
        RequestProblemKind.InvalidArgument or RequestProblemKind.ReasonTooLong => LedgerErrorReason.InvalidArgument,
        RequestProblemKind.EmptyBatch => LedgerErrorReason.EmptyBatch,
        RequestProblemKind.BatchTooLarge => LedgerErrorReason.BatchTooLarge,
        RequestProblemKind.ReferenceTooLong => LedgerErrorReason.ReferenceTooLong,
        RequestProblemKind.MetadataTooLarge => LedgerErrorReason.MetadataTooLarge,
        RequestProblemKind.TransactionTooLarge => LedgerErrorReason.TransactionTooLarge,
        RequestProblemKind.NotFound => LedgerErrorReason.NotFound,
        _ => throw new InvalidOperationException($"Unexpected problem {kind}."),
    };
}
