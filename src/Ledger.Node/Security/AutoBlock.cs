using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;

namespace Ledger.Node.Security;

/// <summary>Blocks by itself, for a while and on all nodes, what keeps failing: an address whose callers nobody knows,
/// and a credential that keeps asking for what it may not. Thread-safe.</summary>
/// <remarks>
/// A credential is blocked by the key's id, or else by the principal, which only whoever holds it can cause. An address
/// of this machine is never blocked, since operators come from there.
/// What is kept is bounded: where more fail than are kept, all begin to count anew.
/// </remarks>
internal sealed partial class AutoBlock(
    AutoBlockOptions options, IServiceProvider services, IAuditLog audit, TimeProvider clock, ILogger<AutoBlock> logger)
    : IRefusalObserver
{
    private const int KeptMax = 10_000;
    private const int NetworkBitsMax = 64;
    private const string KeyPrefix = "key:";
    private const string CertificatePrefix = "certificate:";
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(CallerBlockKind Kind, string Subject), (int Count, long Since)> counts =
        new();

    /// <inheritdoc/>
    public void Refused(ErrorReason reason, Caller? caller, IPAddress? address)
    {
        if (reason == ErrorReasons.Unauthenticated)
        {
            if (options.FailuresPerMinuteMax > 0 && address is not null
                && !IPAddress.IsLoopback(CallerBlock.Plain(address)))
            {
                Count(
                    CallerBlockKind.Address, NetworkOf(CallerBlock.Plain(address)), options.FailuresPerMinuteMax,
                    "calls of nobody known");
            }
        }
        else if (reason == ErrorReasons.PermissionDenied && options.DenialsPerMinuteMax > 0
            && caller?.Credential is { } shown)
        {
            if (shown.StartsWith(KeyPrefix, StringComparison.Ordinal))
            {
                Count(CallerBlockKind.Key, shown[KeyPrefix.Length..], options.DenialsPerMinuteMax, "denials");
            }
            else if (options.Certificates || !shown.StartsWith(CertificatePrefix, StringComparison.Ordinal))
            {
                Count(CallerBlockKind.Principal, caller.Principal, options.DenialsPerMinuteMax, "denials");
            }
        }
    }

    // Whoever has one address of IPv6 has a network of them.
    private static string NetworkOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBitsMax / 8).Clear();
        return new IPNetwork(new IPAddress(bytes), NetworkBitsMax).ToString();
    }

    private void Count(CallerBlockKind kind, string subject, int most, string what)
    {
        if (counts.Count >= KeptMax)
        {
            counts.Clear();
        }

        var now = clock.GetTimestamp();
        var counted = counts.AddOrUpdate(
            (kind, subject), static (_, now) => (1, now),
            (_, before, now) =>
                clock.GetElapsedTime(before.Since, now) > s_window ? (1, now) : (before.Count + 1, before.Since), now);

        // Once for each time that it is reached.
        if (counted.Count == most)
        {
            counts.TryRemove((kind, subject), out _);
            var time = clock.GetUtcNow();
            _ = BlockAsync(new CallerBlock(
                kind, subject, time, time + options.Duration, CallerBlock.Automatic,
                $"{most} {what} within {clock.GetElapsedTime(counted.Since).TotalSeconds:0.0} s on one node"));
        }
    }

    private async Task BlockAsync(CallerBlock block)
    {
        try
        {
            var stored = await services.GetRequiredService<ICallerBlocks>().BlockAsync(block);
            LogBlocked(stored.Kind, stored.Subject, stored.ExpireTime, stored.Reason);
            audit.Write(new AuditEvent(AuditKind.BlockAdded)
            {
                Principal = CallerBlock.Automatic, Target = $"{stored.Kind}: {stored.Subject}",
                Detail = $"until {stored.ExpireTime:u}: {stored.Reason}",
            });
        }
        catch (LedgerException e)
        {
            LogFailed(block.Kind, block.Subject, e.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Kind} {Subject} is blocked on all nodes until {Until}: {Reason}. ledger admin"
        + " unblock ends that")]
    private partial void LogBlocked(CallerBlockKind kind, string subject, DateTimeOffset until, string reason);

    [LoggerMessage(2, LogLevel.Error, "{Kind} {Subject} should be blocked, and could not be: {Problem}")]
    private partial void LogFailed(CallerBlockKind kind, string subject, string problem);
}
