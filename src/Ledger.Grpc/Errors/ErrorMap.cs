using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Ledger.Actors;
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
    private const string CorrelationKey = "correlation_id";

    /// <summary>The reason for each failure of the ledger.</summary>
    public static ErrorReason ReasonOf(LedgerErrorReason reason) => reason switch
    {
        LedgerErrorReason.InvalidArgument => Reasons.InvalidArgument,
        LedgerErrorReason.EmptyBatch => Reasons.EmptyBatch,
        LedgerErrorReason.BatchTooLarge => Reasons.BatchTooLarge,
        LedgerErrorReason.ReferenceTooLong => Reasons.ReferenceTooLong,
        LedgerErrorReason.MetadataTooLarge => Reasons.MetadataTooLarge,
        LedgerErrorReason.NotFound => Reasons.NotFound,
        LedgerErrorReason.DeadlineExpired => Reasons.DeadlineExpired,
        LedgerErrorReason.Overloaded => Reasons.Overloaded,
        LedgerErrorReason.DeadlineExceeded => Reasons.DeadlineExceeded,
        LedgerErrorReason.JournalUnavailable => Reasons.JournalUnavailable,
        LedgerErrorReason.Unavailable => Reasons.Unavailable,
        LedgerErrorReason.AccountInDoubt => Reasons.AccountInDoubt,
        LedgerErrorReason.CounterpartyUnavailable => Reasons.CounterpartyUnavailable,
        LedgerErrorReason.TransferNotRemembered => Reasons.TransferNotRemembered,
        LedgerErrorReason.TransactionTooLarge => Reasons.TransactionTooLarge,
        LedgerErrorReason.MessageTooLarge => Reasons.MessageTooLarge,
        LedgerErrorReason.AnswerTooLarge => Reasons.AnswerTooLarge,
        LedgerErrorReason.LedgerHalted => Reasons.LedgerHalted,
        LedgerErrorReason.LeaseLost => Reasons.LeaseLost,
        LedgerErrorReason.DecisionFailed => Reasons.DecisionFailed,
        LedgerErrorReason.NotInDoubt => Reasons.NotInDoubt,
        LedgerErrorReason.VerdictRefused => Reasons.VerdictRefused,

        // A reason that this facade doesn't know says nothing about the outcome.
        _ => Reasons.Internal,
    };

    /// <summary>What is wrong, or null when it was not expected: then it is to be logged, and the client learns only
    /// <see cref="Unexpected"/>.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="deadlinePassed">Whether the call's deadline has passed.</param>
    /// <param name="cancelled">Whether the call is cancelled.</param>
    public static Fault? Explain(Exception exception, bool deadlinePassed, bool cancelled) => exception switch
    {
        FaultException e => e.Fault,
        LedgerException e => new Fault(ReasonOf(e.Reason), e.Message, e.Field, e.Limit, e.Size),
        _ when deadlinePassed && cancelled => new Fault(Reasons.DeadlineExceeded, "The deadline passed."),

        // Whatever is thrown once the client has left is a consequence of that.
        _ when cancelled => new Fault(Reasons.Cancelled, "The call was cancelled."),
        OperationCanceledException => new Fault(Reasons.Unavailable, "The node is stopping."),

        // These come from reading a stream: the messages of unary calls are read before any handler runs.
        RpcException { StatusCode: StatusCode.ResourceExhausted } => TooLarge,
        RpcException { StatusCode: StatusCode.Cancelled } => new Fault(Reasons.Cancelled, "The call was cancelled."),
        InvalidProtocolBufferException => Malformed,
        _ => null,
    };

    public static Fault TooLarge => new(Reasons.RequestTooLarge, "The message is larger than this server accepts.");

    public static Fault Malformed => new(Reasons.MalformedRequest, "The request can't be read.");

    /// <summary>What the client is told of an unexpected failure.</summary>
    public static Fault Unexpected => new(Reasons.Internal, "Something unexpected happened; it has been logged.");

    /// <summary>The status that the client gets.</summary>
    public static RpcStatus ToStatus(in Fault fault, string? correlationId = null)
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

        if (reason.RetryAfter is { } delay)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }));
        }

        return status;
    }
}
