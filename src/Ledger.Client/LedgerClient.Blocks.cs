using Google.Protobuf.WellKnownTypes;

namespace Ledger.Client;

/// <content>Who is blocked.</content>
public sealed partial class LedgerClient
{
    /// <summary>Blocks somebody on all nodes, within two seconds, or sets anew for how long and why. The same call may
    /// be made again.</summary>
    /// <param name="kind">What the subject is.</param>
    /// <param name="subject">The principal, the id of the key, or the address or network, as
    /// <c>10.1.0.0/16</c>.</param>
    /// <param name="duration">For how long: at most 366 days.</param>
    /// <param name="principal">Who blocks. Where callers say who they are, the caller is taken.</param>
    /// <param name="reason">Why: 1 to 256 characters.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<CallerBlock> BlockCallerAsync(
        CallerBlockKind kind, string subject, TimeSpan duration, string principal, string reason,
        RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(principal);
        ArgumentNullException.ThrowIfNull(reason);
        var message = new V1.BlockCallerRequest
        {
            Kind = (V1.CallerBlockKind)kind, Subject = subject, Duration = Duration
                .FromTimeSpan(duration), Principal = principal,
            Reason = reason,
        };
        var response = await CallAsync(admin.BlockCallerAsync, message, CallKind.Write, request, cancellationToken);
        return Read(() => FromWire(response.Block), CallKind.Write);
    }

    /// <summary>Ends a block, on all nodes within two seconds. The same call may be made again.</summary>
    /// <param name="kind">What the subject is.</param>
    /// <param name="subject">The subject.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>Whether there was a block.</returns>
    public async Task<bool> UnblockCallerAsync(
        CallerBlockKind kind, string subject, RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var message = new V1.UnblockCallerRequest { Kind = (V1.CallerBlockKind)kind, Subject = subject };
        return (await CallAsync(admin.UnblockCallerAsync, message, CallKind.Write, request, cancellationToken))
            .WasBlocked;
    }

    /// <summary>Lists who is blocked.</summary>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<IReadOnlyList<CallerBlock>> ListBlocksAsync(
        RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        var response = await CallAsync(
            admin.ListBlocksAsync, new V1.ListBlocksRequest(), CallKind.Read, request, cancellationToken);
        return Read(() => response.Blocks.Select(FromWire).ToArray(), CallKind.Read);
    }

    private static CallerBlock FromWire(V1.CallerBlock source) => new(
        (CallerBlockKind)source.Kind, source.Subject, source.CreateTime.ToDateTimeOffset(),
        source.ExpireTime.ToDateTimeOffset(),
        source.Principal, source.Reason);
}
