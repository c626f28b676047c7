using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Ledger.Chaos.Proxy;

/// <summary>Sees the bytes of one connection on their way, and may hold them or break the connection off.</summary>
internal interface IConnectionFilter
{
    /// <summary>Passes on what came from the side that connected.</summary>
    ValueTask ForwardAsync(
        ReadOnlyMemory<byte> segment, ProxyConnection connection, CancellationToken cancellationToken);

    /// <summary>Passes on what came from the side that was connected to.</summary>
    ValueTask BackwardAsync(
        ReadOnlyMemory<byte> segment, ProxyConnection connection, CancellationToken cancellationToken);
}

/// <summary>One proxied connection: two sockets and, for each direction, a reader and a writer with a short queue
/// between them, in which bytes wait for their time.</summary>
internal sealed class ProxyConnection : IDisposable
{
    private const int SegmentBytes = 16 * 1024;
    private const int QueuedSegmentsMax = 64;

    private readonly Socket _client;
    private readonly Socket _server;
    private readonly Link _link;
    private readonly IConnectionFilter? _filter;
    private readonly CancellationTokenSource _ended = new();
    private int _orphan;
    private int _aborted;

    public ProxyConnection(Socket client, Socket server, Link link)
    {
        (_client, _server, _link) = (client, server, link);
        _filter = link.FilterFactory?.Invoke();
    }

    public bool IsOrphan => Volatile.Read(ref _orphan) != 0;

    /// <summary>Passes bytes until both sides have ended or the connection is broken off.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token, cancellationToken);
        _link.Add(this);
        try
        {
            await Task.WhenAll(
                PumpAsync(_client, _server, _link.Forward, forward: true, both.Token),
                PumpAsync(_server, _client, _link.Backward, forward: false, both.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side or the driver has broken it off.
        }
        finally
        {
            _link.Remove(this);
            Abort();
            Dispose();
        }
    }

    /// <summary>Resets both sides.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        _ended.Cancel();
        ResetSocket(_client);
        ResetSocket(_server);
    }

    public void Orphan() => Volatile.Write(ref _orphan, 1);

    public ValueTask SendToServerAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        SendAsync(_server, bytes, cancellationToken);

    public ValueTask SendToClientAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        SendAsync(_client, bytes, cancellationToken);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    internal static void ResetSocket(Socket socket)
    {
        try
        {
            // Closing with a linger time of 0 sends a reset.
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }

        socket.Dispose();
    }

    private static async ValueTask SendAsync(
        Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            var sent = await socket.SendAsync(bytes, SocketFlags.None, cancellationToken);
            bytes = bytes[sent..];
        }
    }

    private async Task PumpAsync(
        Socket source, Socket target, Direction direction, bool forward, CancellationToken cancellationToken)
    {
        var queue = Channel.CreateBounded<Segment>(new BoundedChannelOptions(QueuedSegmentsMax)
        {
            SingleReader = true,
            SingleWriter = true,
        });
        var reading = ReadAsync(source, direction, queue.Writer, cancellationToken);
        try
        {
            await WriteAsync(target, direction, forward, queue.Reader, cancellationToken);
            await reading;
        }
        catch
        {
            // The other direction has nothing to wait for either.
            Abort();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private async Task ReadAsync(
        Socket source, Direction direction, ChannelWriter<Segment> queue, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var buffer = ArrayPool<byte>.Shared.Rent(SegmentBytes);
                var count = await source.ReceiveAsync(
                    buffer.AsMemory(0, SegmentBytes), SocketFlags.None, cancellationToken);
                if (count == 0)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    break;
                }

                _link.Count(count);
                var latency = direction.Latency();
                var due = latency > TimeSpan.Zero
                    ? Stopwatch.GetTimestamp() + (long)(latency.TotalSeconds * Stopwatch.Frequency)
                    : 0;
                await queue.WriteAsync(new Segment(buffer, count, due), cancellationToken);
            }

            queue.Complete();
        }
        catch (Exception e)
        {
            queue.TryComplete(e);
            if (e is not (OperationCanceledException or SocketException or ObjectDisposedException))
            {
                throw;
            }
        }
    }

    private async Task WriteAsync(
        Socket target, Direction direction, bool forward, ChannelReader<Segment> queue,
        CancellationToken cancellationToken)
    {
        await foreach (var segment in queue.ReadAllAsync(cancellationToken))
        {
            if (segment.Due > 0
                && Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), segment.Due) is { Ticks: > 0 } early)
            {
                await Task.Delay(early, cancellationToken);
            }

            var behaviour = await direction.PassAsync(cancellationToken);
            if (direction.Chance(behaviour.ResetChance))
            {
                Abort();
                return;
            }

            if (direction.Chance(behaviour.LossChance))
            {
                await Task.Delay(behaviour.LossPause, cancellationToken);
                await direction.PassAsync(cancellationToken);
            }

            if (behaviour.BytesPerSecond > 0)
            {
                await Task.Delay(
                    TimeSpan.FromSeconds((double)segment.Count / behaviour.BytesPerSecond), cancellationToken);
            }

            if (IsOrphan)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            var bytes = segment.Buffer.AsMemory(0, segment.Count);
            if (_filter is null)
            {
                await SendAsync(target, bytes, cancellationToken);
            }
            else if (forward)
            {
                await _filter.ForwardAsync(bytes, this, cancellationToken);
            }
            else
            {
                await _filter.BackwardAsync(bytes, this, cancellationToken);
            }

            ArrayPool<byte>.Shared.Return(segment.Buffer);
        }

        if (IsOrphan)
        {
            // Neither does the end of the other side come through.
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        await direction.PassAsync(cancellationToken);
        target.Shutdown(SocketShutdown.Send);
    }

    private readonly record struct Segment(byte[] Buffer, int Count, long Due);
}
