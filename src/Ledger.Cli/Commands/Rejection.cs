using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary>Tells that the ledger refused something, and what to do about it.</summary>
internal static class Rejection
{
    /// <summary>Tells it, and gives the exit code.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="reason">Why, in the ledger's words.</param>
    /// <param name="status">The status.</param>
    /// <param name="replayed">Whether an earlier request with the same id had been refused so.</param>
    public static async Task<int> TellAsync(CliContext context, string reason, TransferStatus status, bool replayed)
    {
        await context.Error.WriteLineAsync($"error: rejected: {reason}");
        if (replayed || status == TransferStatus.IdAlreadyFailed)
        {
            // Whoever has fixed the cause would otherwise look for it where it is no more.
            await context.Error.WriteLineAsync(
                "hint: an earlier request with this id was rejected, which is final; to try again, send a new id.");
        }

        return ExitCodes.Rejected;
    }
}
