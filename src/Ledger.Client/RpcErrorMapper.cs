using Google.Rpc;
using Grpc.Core;
using Ledger.Client.Sharing;

namespace Ledger.Client;

/// <summary>The one place where gRPC failures become the client's.</summary>
internal static class RpcErrorMapper
{
    private const string Overloaded = "OVERLOADED";
    private const string AccountInDoubt = "ACCOUNT_IN_DOUBT";
    private const string CounterpartyUnavailable = "COUNTERPARTY_UNAVAILABLE";
    private const string StreamEnded = "STREAM_ENDED";
    private static readonly TimeSpan OverloadPause = TimeSpan.FromMilliseconds(100);

    // By how much two clocks' timers may disagree about one deadline.
    private static readonly TimeSpan TimerSlack = TimeSpan.FromMilliseconds(50);

    /// <summary>The failure of a call that had <paramref name="timeLeft"/> when it failed.</summary>
    public static LedgerClientException Of(
        RpcException failure, CallKind kind, DeliveryTracker trace, TimeSpan timeLeft)
    {
        var status = failure.GetRpcStatus();
        var (code, detail) = (failure.StatusCode, failure.Status.Detail);
        if (timeLeft <= TimerSlack && status is null
            && code is StatusCode.Cancelled or StatusCode.Internal or StatusCode.Unknown)
        {
            // Both sides watch the deadline. Where the server's timer is first it resets the stream, which has no way
            // to say why, and the call ends as if something were broken.
            (code, detail) = (
                StatusCode.DeadlineExceeded, $"The deadline passed before an answer came. {detail}".TrimEnd());
        }

        var arrived = trace.MayHaveArrived;
        var misaddressed = WrongAddress.In(failure.Status.DebugException);
        if (misaddressed is not null && !arrived)
        {
            return new LedgerClientException(misaddressed, failure)
            {
                Code = StatusCode.Unavailable,
                Unreachable = true,
                Misaddressed = true,
                MayPass = NoLedgerException.In(failure.Status.DebugException) is { Kind: NoLedgerKind.Silent },
            };
        }

        // Whoever is refused now may have been let through before.
        var unknown = kind != CallKind.Read && arrived && ReasonOf(status) != StreamEnded
            && ((LeavesOpen(code) && !IsForDoubt(status))
                || (code != StatusCode.InvalidArgument && trace.EarlierMayHaveArrived)
                || (!IsOfWhole(code) && kind == CallKind.WriteBatch));
        return Of(status, code, detail, failure, unknown, unreachable: code == StatusCode.Unavailable && !arrived);
    }

    /// <summary>The failure of one request of a stream.</summary>
    public static LedgerClientException Of(Google.Rpc.Status status, bool unknown)
    {
        var code = (StatusCode)status.Code;
        return Of(
            status, code, status.Message, inner: null, unknown || (LeavesOpen(code) && !IsForDoubt(status)),
            unreachable: false);
    }

    public static LedgerClientException Of(
        LedgerClientException failure, bool unknown) => failure.OutcomeUnknown == unknown
        ? failure
        : new LedgerClientException(failure.Message, failure)
        {
            Code = failure.Code,
            Reason = failure.Reason,
            Field = failure.Field,
            RetryAfter = failure.RetryAfter,
            OutcomeUnknown = unknown,
            Unreachable = failure.Unreachable && !unknown,
            Misaddressed = failure.Misaddressed && !unknown,
            MayPass = failure.MayPass,
        };

    /// <summary>An answer that breaks the contract; nothing can be concluded from it.</summary>
    public static LedgerClientException Malformed(string what, CallKind kind, Exception? inner = null) =>
        new($"The ledger's answer can't be understood: {what}", inner)
        {
            Code = StatusCode.Internal,
            OutcomeUnknown = kind != CallKind.Read,
        };

    /// <summary>The failure of a read that is answered, but not firmly.</summary>
    public static LedgerClientException InDoubt(AccountDoubt doubt) => new(
        $"{AccountInDoubt}: {doubt.TransactionCount} transaction{(doubt.TransactionCount == 1 ? " is" : "s are")} in "
        + "doubt on the account, so that its balances are not final.")
    {
        Code = StatusCode.Unavailable,
        Reason = AccountInDoubt,
    };

    /// <summary>The failure of a statement that may lack entries.</summary>
    public static LedgerClientException InDoubt(DateTimeOffset completeUpTo) => new(
        $"{AccountInDoubt}: transactions are in doubt on the account. Its statement is complete up to {completeUpTo:O},"
        + " and may lack what was prepared later.")
    {
        Code = StatusCode.Unavailable,
        Reason = AccountInDoubt,
    };

    /// <summary>Whether the ledger had no room for the request and did nothing, so that it may be sent again.</summary>
    public static bool IsOverload(LedgerClientException failure) => failure.Code == StatusCode.ResourceExhausted
        && (failure.RetryAfter is not null || string.Equals(failure.Reason, Overloaded, StringComparison.Ordinal));

    /// <summary>Whether another attempt may be decided where this one was not.</summary>
    public static bool IsOpen(LedgerClientException failure) => LeavesOpen(failure.Code);

    /// <summary>Whether the connection broke under the call. A node that stops closes its own in good order, and what
    /// was on its way then ends as if something were wrong inside the ledger, for which gRPC does not try
    /// again.</summary>
    public static bool IsBrokenConnection(LedgerClientException failure) => failure.InnerException is RpcException
    {
        StatusCode: StatusCode.Internal or StatusCode.Unknown,
        Status.DebugException: HttpRequestException or HttpProtocolException or IOException,
    };

    /// <summary>Whether a stream broke that the call shared with others, all of which come back.</summary>
    public static bool IsBrokenStream(LedgerClientException failure) =>
        failure.InnerException is RpcException { Status.DebugException: StreamBrokenException };

    /// <summary>Whether another attempt would end like this one.</summary>
    public static bool IsFutile(LedgerClientException failure) => failure is { Misaddressed: true, MayPass: false };

    /// <summary>Whether the same call may be sent once more within its time.</summary>
    /// <param name="failure">How it failed.</param>
    /// <param name="kind">What it is to the ledger.</param>
    /// <param name="trace">Its attempts.</param>
    public static bool MayTryAgain(LedgerClientException failure, CallKind kind, DeliveryTracker trace) =>
        !IsFutile(failure)
        && (failure.Code == StatusCode.Unavailable || IsBrokenConnection(failure))
        && (kind != CallKind.Change || !trace.MayHaveArrived);

    /// <summary>How long to wait before attempt number <paramref name="attempt"/> + 1: longer every time, jittered so
    /// that clients that failed together don't come back together, and never shorter than the ledger asks for. What a
    /// stream has lost comes back spread over half a second, from the first moment on: there may be a
    /// thousand.</summary>
    public static TimeSpan Pause(
        LedgerClientException? failure, int attempt, LedgerClientOptions options, Random random)
    {
        var ceiling = Math.Min(
            options.MaxBackoff.TotalMilliseconds,
            options.InitialBackoff.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 20)));
        double jitter;
        lock (random)
        {
            jitter = random.NextDouble();
        }

        if (failure is not null && IsBrokenStream(failure))
        {
            return SharingTimes.ResentWithin * jitter;
        }

        var pause = TimeSpan.FromMilliseconds(ceiling * (0.5 + (0.5 * jitter)));
        return failure is not null && IsOverload(failure) ? (failure.RetryAfter ?? OverloadPause) + (pause / 4) : pause;
    }

    /// <summary>Whether the node ended a stream in good order, for its age or since nothing came: what it had read it
    /// has answered, and has begun with nothing else.</summary>
    public static bool IsStreamEnd(LedgerClientException failure) =>
        string.Equals(failure.Reason, StreamEnded, StringComparison.Ordinal);

    // These say that nothing was done, whatever the code says of others.
    private static bool IsForDoubt(Google.Rpc.Status? status) =>
        ReasonOf(status) is AccountInDoubt or CounterpartyUnavailable;

    private static string? ReasonOf(Google.Rpc.Status? status) => status?.GetDetail<ErrorInfo>()?.Reason;

    // These are said of a whole request, before anything of it is done.
    private static bool IsOfWhole(StatusCode code) =>
        code is StatusCode.InvalidArgument or StatusCode.PermissionDenied or StatusCode.Unauthenticated;

    private static bool LeavesOpen(StatusCode code) => code is StatusCode.Unavailable or StatusCode.DeadlineExceeded
        or StatusCode.Cancelled or StatusCode.Internal or StatusCode.Unknown or StatusCode.Aborted
        or StatusCode.DataLoss;

    private static LedgerClientException Of(
        Google.Rpc.Status? status,
        StatusCode code,
        string detail,
        Exception? inner,
        bool unknown,
        bool unreachable)
    {
        var error = status?.GetDetail<ErrorInfo>();
        var field = status?.GetDetail<BadRequest>()?.FieldViolations.FirstOrDefault()?.Field;
        if (string.IsNullOrEmpty(field) && error is not null)
        {
            error.Metadata.TryGetValue("field", out field);
        }

        var reason = error?.Reason ?? "";
        var message = (detail.Length == 0, reason.Length == 0) switch
        {
            (true, true) => code.ToString(),
            (true, false) => reason,
            (false, true) => detail,
            (false, false) => $"{reason}: {detail}",
        };
        return new LedgerClientException(message, inner)
        {
            Code = code,
            Reason = reason,
            Field = field ?? "",
            OutcomeUnknown = unknown,
            Unreachable = unreachable,
            RetryAfter = status?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan(),
        };
    }
}
