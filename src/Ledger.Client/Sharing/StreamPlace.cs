using Grpc.Core;
using Grpc.Net.Client;

namespace Ledger.Client.Sharing;

/// <summary>A place for one stream to an address: opens it, and the next one before it ends.</summary>
/// <remarks>Each stream has a connection of its own: behind a balancer another connection leads to another node.
/// Thread-safe.</remarks>
/// <param name="connect">Makes the channel of a stream.</param>
/// <param name="token">What is shown; empty for nothing.</param>
/// <param name="time">The clock.</param>
/// <param name="jitter">A number from 0 to 1, another one each time.</param>
/// <param name="stop">The end of all streams.</param>
internal sealed class StreamPlace(
    Func<GrpcChannel> connect, string token, TimeProvider time, Func<double> jitter, CancellationToken stop)
    : IDisposable
{
    private const string DisposedCause = "The client was disposed before the answer came.";

    private readonly Lock gate = new();
    private volatile SharedStream? current;
    private Task opening = Task.CompletedTask;
    private long failedAt;
    private TimeSpan pause = TimeSpan.Zero;

    /// <summary>Its stream, where one takes items; else none does yet, or the address has none.</summary>
    /// <param name="isWanted">Whether one should be opened where there is none.</param>
    public SharedStream? Find(bool isWanted)
    {
        var stream = current;
        if (stream is { IsOpen: true, IsOld: false })
        {
            return stream;
        }

        if (isWanted)
        {
            Want();
        }

        return stream is { IsOpen: true } ? stream : null;
    }

    /// <summary>Ends its stream at once, since its owner ends.</summary>
    public void Dispose() => current?.Close(DisposedCause);

    private void Want()
    {
        lock (gate)
        {
            if (!opening.IsCompleted || stop.IsCancellationRequested
                || (pause > TimeSpan.Zero && time.GetElapsedTime(failedAt) < pause))
            {
                return;
            }

            // Not a part of the call that happens to need it.
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                opening = Task.Run(OpenAsync, CancellationToken.None);
            }
        }
    }

    private async Task OpenAsync()
    {
        GrpcChannel? channel = null;
        try
        {
            channel = connect();
            var next = await SharedStream.OpenAsync(channel, token, time, jitter(), stop);
            var before = current;
            current = next;
            pause = TimeSpan.Zero;
            before?.Drain();
            if (stop.IsCancellationRequested)
            {
                Dispose();
            }
        }
        catch (Exception failure)
        {
            channel?.Dispose();
            lock (gate)
            {
                failedAt = time.GetTimestamp();
                pause = MayComeBack(failure)
                    ? TimeSpan.FromTicks(Math.Clamp(
                        pause.Ticks * 2, SharingTimes.ReopenedAfter.Ticks, SharingTimes.ReopenedWithin.Ticks))
                    : SharingTimes.AskedAgainAfter;
            }
        }
    }

    // A node that is unavailable, or is about to stop, comes back. One that has no such stream, and whatever keeps its
    // hello back or refuses the caller, stays as it is for long.
    private static bool MayComeBack(Exception failure) => failure is not TimeoutException
        and not RpcException
        {
            StatusCode: StatusCode.Unimplemented or StatusCode.PermissionDenied or StatusCode.Unauthenticated,
        };
}
