using Grpc.Core;

namespace Ledger.Grpc.Errors;

/// <summary>Every reason there is.</summary>
internal static class ErrorReasons
{
    public static readonly ErrorReason InvalidArgument = Invalid("INVALID_ARGUMENT");
    public static readonly ErrorReason MalformedRequest = Invalid("MALFORMED_REQUEST");

    // Of the JSON form alone: protobuf knows fields by number, keeps the last of two, and has no number that JavaScript
    // rounds.
    public static readonly ErrorReason UnknownField = Invalid("UNKNOWN_FIELD");
    public static readonly ErrorReason DuplicateField = Invalid("DUPLICATE_FIELD");
    public static readonly ErrorReason NumberNotExact = Invalid("NUMBER_NOT_EXACT");

    public static readonly ErrorReason MalformedAddress = Invalid("MALFORMED_ADDRESS");
    public static readonly ErrorReason MalformedAsset = Invalid("MALFORMED_ASSET");
    public static readonly ErrorReason MalformedId = Invalid("MALFORMED_ID");
    public static readonly ErrorReason MalformedTime = Invalid("MALFORMED_TIME");
    public static readonly ErrorReason AmountNotANumber = Invalid("AMOUNT_NOT_A_NUMBER");
    public static readonly ErrorReason AmountNegative = Invalid("AMOUNT_NEGATIVE");
    public static readonly ErrorReason AmountTooLarge = Invalid("AMOUNT_TOO_LARGE");
    public static readonly ErrorReason TransferMissing = Invalid("TRANSFER_MISSING");
    public static readonly ErrorReason TransactionMissing = Invalid("TRANSACTION_MISSING");
    public static readonly ErrorReason StepMissing = Invalid("STEP_MISSING");
    public static readonly ErrorReason AssetMissing = Invalid("ASSET_MISSING");
    public static readonly ErrorReason UnknownKind = Invalid("UNKNOWN_KIND");
    public static readonly ErrorReason KindReserved = Invalid("KIND_RESERVED");
    public static readonly ErrorReason MalformedTimeout = Invalid("MALFORMED_TIMEOUT");
    public static readonly ErrorReason TimeoutNegative = Invalid("TIMEOUT_NEGATIVE");
    public static readonly ErrorReason TimeoutTooFine = Invalid("TIMEOUT_TOO_FINE");
    public static readonly ErrorReason ReasonTooLong = Invalid("REASON_TOO_LONG");
    public static readonly ErrorReason FreezeMissing = Invalid("FREEZE_MISSING");
    public static readonly ErrorReason ResolutionMissing = Invalid("RESOLUTION_MISSING");
    public static readonly ErrorReason EmptyBatch = Invalid("EMPTY_BATCH");
    public static readonly ErrorReason BatchTooLarge = Invalid("BATCH_TOO_LARGE");
    public static readonly ErrorReason ReferenceTooLong = Invalid("REFERENCE_TOO_LONG");
    public static readonly ErrorReason MetadataTooLarge = Invalid("METADATA_TOO_LARGE");
    public static readonly ErrorReason InvalidPageToken = Invalid("INVALID_PAGE_TOKEN");
    public static readonly ErrorReason PageTokenOfAnotherEpoch = Invalid("PAGE_TOKEN_OF_ANOTHER_EPOCH");
    public static readonly ErrorReason InvalidPageSize = Invalid("INVALID_PAGE_SIZE");
    public static readonly ErrorReason InvalidRange = Invalid("INVALID_RANGE");

    // Of a transaction that is larger than what can be stored and shown: the same is never taken.
    public static readonly ErrorReason TransactionTooLarge = Invalid("TRANSACTION_TOO_LARGE");
    public static readonly ErrorReason MessageTooLarge = Invalid("MESSAGE_TOO_LARGE");

    // It may have been applied; to send it again gives the same answer.
    public static readonly ErrorReason AnswerTooLarge = new(
        "ANSWER_TOO_LARGE", StatusCode.Internal, OutcomeUnknown: true);

    // gRPC libraries say RESOURCE_EXHAUSTED; here that would mean "the same again, later", which would not help.
    public static readonly ErrorReason RequestTooLarge = Invalid("REQUEST_TOO_LARGE");

    // Of what a write is to work on: nothing was applied.
    public static readonly ErrorReason NotFound = new("NOT_FOUND", StatusCode.NotFound);
    public static readonly ErrorReason TransactionNotFound = new("TRANSACTION_NOT_FOUND", StatusCode.NotFound);
    public static readonly ErrorReason AccountNotFound = new("ACCOUNT_NOT_FOUND", StatusCode.NotFound);
    public static readonly ErrorReason TransferNotFound = new("TRANSFER_NOT_FOUND", StatusCode.NotFound);

    // Not NOT_FOUND: the transfer may well be there.
    public static readonly ErrorReason TransferNotRemembered = new(
        "TRANSFER_NOT_REMEMBERED", StatusCode.FailedPrecondition);

    // Of a filter that names nothing by which transfers are found.
    public static readonly ErrorReason FilterTooWide = Invalid("FILTER_TOO_WIDE");

    // Several transfers on different accounts have one id: it takes an account.
    public static readonly ErrorReason TransferIdAmbiguous =
        new("TRANSFER_ID_AMBIGUOUS", StatusCode.FailedPrecondition);

    public static readonly ErrorReason IndexOff = new("INDEX_OFF", StatusCode.Unimplemented);

    public static readonly ErrorReason IndexBehind =
        new("INDEX_BEHIND", StatusCode.Unavailable, RetryAfter: TimeSpan.FromMilliseconds(250));

    public static readonly ErrorReason MethodNotFound = new("METHOD_NOT_FOUND", StatusCode.Unimplemented);

    // Of the JSON form alone: the path is a route's, the HTTP method is not.
    public static readonly ErrorReason MethodNotAllowed = new("METHOD_NOT_ALLOWED", StatusCode.Unimplemented);

    public static readonly ErrorReason Overloaded =
        new("OVERLOADED", StatusCode.ResourceExhausted, RetryAfter: TimeSpan.FromMilliseconds(100));

    public static readonly ErrorReason DeadlineExpired = new("DEADLINE_EXPIRED", StatusCode.DeadlineExceeded);

    public static readonly ErrorReason DeadlineExceeded =
        new("DEADLINE_EXCEEDED", StatusCode.DeadlineExceeded, OutcomeUnknown: true);

    public static readonly ErrorReason Cancelled = new("CANCELLED", StatusCode.Cancelled, OutcomeUnknown: true);

    public static readonly ErrorReason Unavailable = new(
        "UNAVAILABLE", StatusCode.Unavailable, OutcomeUnknown: true, RetryAfter: TimeSpan.FromMilliseconds(250));

    public static readonly ErrorReason JournalUnavailable = new(
        "JOURNAL_UNAVAILABLE", StatusCode.Unavailable, OutcomeUnknown: true,
        RetryAfter: TimeSpan.FromMilliseconds(500));

    // Of who calls: nothing was read or applied. One text for all causes, so that nobody learns which.
    public static readonly ErrorReason Unauthenticated = new("UNAUTHENTICATED", StatusCode.Unauthenticated);

    public static readonly ErrorReason PermissionDenied = new("PERMISSION_DENIED", StatusCode.PermissionDenied);

    // Of a caller, a key or an address that an operator, or a pattern, has had blocked: nothing was read or applied.
    public static readonly ErrorReason CallerBlocked = new("CALLER_BLOCKED", StatusCode.PermissionDenied);

    // Of the edge: nothing of the request was looked at.
    public static readonly ErrorReason RequestIncomplete = new("REQUEST_INCOMPLETE", StatusCode.DeadlineExceeded);

    public static readonly ErrorReason CompressionNotAccepted =
        new("COMPRESSION_NOT_ACCEPTED", StatusCode.Unimplemented);

    public static readonly ErrorReason HostNotAllowed = new("HOST_NOT_ALLOWED", StatusCode.PermissionDenied);

    public static readonly ErrorReason OriginNotAllowed = new("ORIGIN_NOT_ALLOWED", StatusCode.PermissionDenied);

    // What was read of the stream has been answered; what was not read was not begun with.
    public static readonly ErrorReason StreamEnded =
        new("STREAM_ENDED", StatusCode.Unavailable, RetryAfter: TimeSpan.FromMilliseconds(10));

    public static readonly ErrorReason LoopbackOnly = new("LOOPBACK_ONLY", StatusCode.PermissionDenied);

    // Of what is in doubt: nothing was applied, and the same request may succeed once it is decided.
    public static readonly ErrorReason AccountInDoubt =
        new("ACCOUNT_IN_DOUBT", StatusCode.Unavailable, RetryAfter: TimeSpan.FromSeconds(1));

    public static readonly ErrorReason CounterpartyUnavailable =
        new("COUNTERPARTY_UNAVAILABLE", StatusCode.Unavailable, RetryAfter: TimeSpan.FromSeconds(1));

    // Another node may serve, or this one again when an operator has acted.
    public static readonly ErrorReason LedgerHalted = new(
        "LEDGER_HALTED", StatusCode.Unavailable, RetryAfter: TimeSpan.FromSeconds(1));

    // The process ends, and another has its accounts.
    public static readonly ErrorReason LeaseLost = new(
        "LEASE_LOST", StatusCode.Unavailable, RetryAfter: TimeSpan.FromMilliseconds(250));

    // Of an operator's verdict: nothing was applied.
    public static readonly ErrorReason NotInDoubt = new("NOT_IN_DOUBT", StatusCode.NotFound);

    public static readonly ErrorReason VerdictRefused = new("VERDICT_REFUSED", StatusCode.FailedPrecondition);

    public static readonly ErrorReason Internal = new("INTERNAL", StatusCode.Internal, OutcomeUnknown: true);

    // What was thrown while an account decided, before it did anything.
    public static readonly ErrorReason DecisionFailed = new("DECISION_FAILED", StatusCode.Internal);

    private static ErrorReason Invalid(string name) => new(name, StatusCode.InvalidArgument);
}
