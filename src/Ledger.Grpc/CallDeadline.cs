using System.Globalization;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Services;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc;

/// <summary>Turns the deadline of a call into the time that the ledger has for it.</summary>
internal sealed class CallDeadline(IOptions<LedgerGrpcOptions> options, TimeProvider time)
{
    private const string TimeoutHeader = "grpc-timeout";
    private static readonly object WaitedKey = new();

    private readonly LedgerGrpcOptions options = options.Value;

    /// <summary>How long the ledger may take.</summary>
    /// <exception cref="RequestErrorException">The deadline has passed already.</exception>
    public TimeSpan Timeout(ServerCallContext context) =>
        TryTimeout(context, out var timeout) ? timeout : throw Expired.Exception();

    /// <summary>How long the ledger may take, or false when the deadline has passed already.</summary>
    public bool TryTimeout(ServerCallContext context, out TimeSpan timeout)
    {
        timeout = Remaining(context) ?? options.DefaultDeadline;
        if (timeout <= TimeSpan.Zero)
        {
            return false;
        }

        // A tenth at most, so that a short deadline leaves the ledger nearly all of it.
        var margin = timeout / 10;
        timeout -= margin < options.DeadlineMargin ? margin : options.DeadlineMargin;
        timeout = timeout > options.MaxDeadline ? options.MaxDeadline : timeout;
        return true;
    }

    /// <summary>Waits for the turn of a call, or of an item, for as long as the ledger would have for it.</summary>
    /// <param name="turns">Those of its caller.</param>
    /// <param name="context">The call.</param>
    /// <param name="isPage">Whether it reads a page.</param>
    /// <exception cref="OperationCanceledException">Nobody waits for it any more; it has no turn.</exception>
    /// <exception cref="RequestErrorException">The time has passed; it has no turn, and nothing was done.</exception>
    public async ValueTask EnterAsync(CallerTurns turns, ServerCallContext context, bool isPage)
    {
        var entering = turns.EnterAsync(isPage, Timeout(context), context.CancellationToken);
        if (entering.IsCompletedSuccessfully)
        {
            return;
        }

        var began = time.GetTimestamp();
        await entering;
        if (context.Deadline == DateTime.MaxValue && context is not ItemCallContext)
        {
            // The framework knows of no deadline of JSON calls: what they have waited is to be known.
            context.UserState[WaitedKey] = time.GetElapsedTime(began);
        }
    }

    /// <summary>Whether the client's deadline has passed.</summary>
    public bool HasPassed(ServerCallContext context) => Remaining(context) <= TimeSpan.Zero;

    public static RequestError Expired =>
        new(ErrorReasons.DeadlineExpired, "The deadline had passed before the call was begun; nothing was done.");

    private TimeSpan? Remaining(ServerCallContext context)
    {
        if (context.Deadline != DateTime.MaxValue)
        {
            return context.Deadline - time.GetUtcNow().UtcDateTime;
        }

        // The framework knows of no deadline for JSON calls, which may carry the header all the same, nor for a timeout
        // of zero.
        return context.GetHttpContext().Request.Headers[TimeoutHeader] is [{ } text]
            ? ParseTimeout(text)
                - (context.UserState.TryGetValue(WaitedKey, out var waited) ? (TimeSpan)waited : TimeSpan.Zero)
            : null;
    }

    private static TimeSpan? ParseTimeout(string text)
    {
        if (text.Length is < 2 or > 9
            || !long.TryParse(
                text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var n))
        {
            return null;
        }

        return text[^1] switch
        {
            'H' => TimeSpan.FromHours(n),
            'M' => TimeSpan.FromMinutes(n),
            'S' => TimeSpan.FromSeconds(n),
            'm' => TimeSpan.FromMilliseconds(n),
            'u' => TimeSpan.FromMicroseconds(n),
            'n' => TimeSpan.FromTicks(n / 100),
            _ => null,
        };
    }
}
