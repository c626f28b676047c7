using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Ledger.Core;
using RpcStatus = Google.Rpc.Status;

namespace Ledger.Grpc.Errors;

/// <summary>The one map from everything that can go wrong to what the client is told: a google.rpc.Status with exactly
/// one ErrorInfo. Nothing of an exception reaches the client but the message of a <see cref="LedgerException"/>, which
/// is written for it.</summary>
internal static class ErrorMap
{
    public const string Domain = "ledger";

    /// <summary>The trailer that carries the google.rpc.Status.</summary>
    public const string DetailsTrailer = "grpc-status-details-bin";

    private const string OutcomeKey = "outcome";
    private const string LimitKey = "limit";
    private const string SizeKey = "size";
    private const string LagKey = "lag_ms";
    private const string CorrelationKey = "correlation_id";

    /// <summary>The reason for each failure of the ledger.</summary>
    public static ErrorReason ReasonOf(LedgerErrorReason reason) => reason switch
    {
        LedgerErrorReason.InvalidArgument => ErrorReasons.InvalidArgument,
        LedgerErrorReason.EmptyBatch => ErrorReasons.EmptyBatch,
        LedgerErrorReason.BatchTooLarge => ErrorReasons.BatchTooLarge,
        LedgerErrorReason.ReferenceTooLong => ErrorReasons.ReferenceTooLong,
        LedgerErrorReason.MetadataTooLarge => ErrorReasons.MetadataTooLarge,
        LedgerErrorReason.NotFound => ErrorReasons.NotFound,
        LedgerErrorReason.DeadlineExpired => ErrorReasons.DeadlineExpired,
        LedgerErrorReason.Overloaded => ErrorReasons.Overloaded,
        LedgerErrorReason.DeadlineExceeded => ErrorReasons.DeadlineExceeded,
        LedgerErrorReason.JournalUnavailable => ErrorReasons.JournalUnavailable,
        LedgerErrorReason.Unavailable => ErrorReasons.Unavailable,
        LedgerErrorReason.AccountInDoubt => ErrorReasons.AccountInDoubt,
        LedgerErrorReason.CounterpartyUnavailable => ErrorReasons.CounterpartyUnavailable,
        LedgerErrorReason.TransferNotRemembered => ErrorReasons.TransferNotRemembered,
        LedgerErrorReason.TransactionTooLarge => ErrorReasons.TransactionTooLarge,
        LedgerErrorReason.MessageTooLarge => ErrorReasons.MessageTooLarge,
        LedgerErrorReason.AnswerTooLarge => ErrorReasons.AnswerTooLarge,
        LedgerErrorReason.LedgerHalted => ErrorReasons.LedgerHalted,
        LedgerErrorReason.LeaseLost => ErrorReasons.LeaseLost,
        LedgerErrorReason.DecisionFailed => ErrorReasons.DecisionFailed,
        LedgerErrorReason.NotInDoubt => ErrorReasons.NotInDoubt,
        LedgerErrorReason.VerdictRefused => ErrorReasons.VerdictRefused,
        LedgerErrorReason.PermissionDenied => ErrorReasons.PermissionDenied,
        LedgerErrorReason.Unauthenticated => ErrorReasons.Unauthenticated,
        LedgerErrorReason.IndexOff => ErrorReasons.IndexOff,
        LedgerErrorReason.IndexBehind => ErrorReasons.IndexBehind,
        LedgerErrorReason.FilterTooWide => ErrorReasons.FilterTooWide,
        LedgerErrorReason.TransferIdAmbiguous => ErrorReasons.TransferIdAmbiguous,

        // A reason that this facade doesn't know says nothing about the outcome.
        _ => ErrorReasons.Internal,
    };

    /// <summary>What is wrong with a request, as the core has found it. The limit is told as a number of its
    /// own.</summary>
    /// <param name="problem">The problem.</param>
    public static RequestError Of(RequestProblem problem) =>
        new(ReasonOf(problem.Kind), $"{problem.What}.", problem.Field, problem.Max);

    /// <summary>What is wrong, or null when it was not expected: then it is to be logged, and the client learns only
    /// <see cref="Unexpected"/>.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="deadlinePassed">Whether the call's deadline has passed.</param>
    /// <param name="cancelled">Whether the call is cancelled.</param>
    public static RequestError? Explain(Exception exception, bool deadlinePassed, bool cancelled) => exception switch
    {
        RequestErrorException e => e.Fault,
        LedgerException e => new RequestError(ReasonOf(e.Reason), e.Message, e.Field, e.Limit, e.Size) { Lag = e.Lag },
        _ when deadlinePassed && cancelled => new RequestError(ErrorReasons.DeadlineExceeded, "The deadline passed."),

        // Whatever is thrown once the client has left is a consequence of that.
        _ when cancelled => new RequestError(ErrorReasons.Cancelled, "The call was cancelled."),
        OperationCanceledException => new RequestError(ErrorReasons.Unavailable, "The node is stopping."),

        // These come from reading a stream: the messages of unary calls are read before any handler runs.
        RpcException { StatusCode: StatusCode.ResourceExhausted } => TooLarge,
        RpcException { StatusCode: StatusCode.Cancelled } =>
            new RequestError(ErrorReasons.Cancelled, "The call was cancelled."),
        InvalidProtocolBufferException => Malformed,
        _ => null,
    };

    private static ErrorReason ReasonOf(RequestProblemKind kind) => kind switch
    {
        RequestProblemKind.EmptyBatch => ErrorReasons.EmptyBatch,
        RequestProblemKind.BatchTooLarge => ErrorReasons.BatchTooLarge,
        RequestProblemKind.ReferenceTooLong => ErrorReasons.ReferenceTooLong,
        RequestProblemKind.ReasonTooLong => ErrorReasons.ReasonTooLong,
        RequestProblemKind.MetadataTooLarge => ErrorReasons.MetadataTooLarge,
        _ => ErrorReasons.InvalidArgument,
    };

    public static RequestError TooLarge =>
        new(ErrorReasons.RequestTooLarge, "The message is larger than this server accepts.");

    public static RequestError Malformed => new(ErrorReasons.MalformedRequest, "The request can't be read.");

    /// <summary>What the client is told of an unexpected failure.</summary>
    public static RequestError Unexpected =>
        new(ErrorReasons.Internal, "Something unexpected happened; it has been logged.");

    /// <summary>The status that the client gets.</summary>
    public static RpcStatus ToStatus(in RequestError fault, string? correlationId = null)
    {
        var reason = fault.Reason;
        var info = new ErrorInfo { Reason = reason.Name, Domain = Domain };
        info.Metadata[OutcomeKey] = reason.OutcomeUnknown ? "unknown" : "not_applied";
        if (fault.Limit is { } limit)
        {
            info.Metadata[LimitKey] = limit.ToString(CultureInfo.InvariantCulture);
        }

        if (fault.Size is { } size)
        {
            info.Metadata[SizeKey] = size.ToString(CultureInfo.InvariantCulture);
        }

        if (fault.Lag is { } lag)
        {
            info.Metadata[LagKey] = ((long)lag.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        }

        if (correlationId is not null)
        {
            info.Metadata[CorrelationKey] = correlationId;
        }

        var status = new RpcStatus { Code = (int)reason.Code, Message = fault.Message, Details = { Any.Pack(info) } };
        if (fault.Field is { } field)
        {
            var violation = new BadRequest.Types.FieldViolation
            {
                Field = field, Description = fault.Message, Reason = reason.Name,
            };
            status.Details.Add(Any.Pack(new BadRequest { FieldViolations = { violation } }));
        }

        if ((fault.RetryAfter ?? reason.RetryAfter) is { } delay)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }));
        }

        return status;
    }
}
