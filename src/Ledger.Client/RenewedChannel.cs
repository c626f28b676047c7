using Grpc.Core;
using Grpc.Net.Client;

namespace Ledger.Client;

/// <summary>The channel of a client that has made it, and another one in its place where it does not connect any more.</summary>
/// <remarks>
/// The balancer of several addresses keeps the connections. When an attempt to connect ends, and the next one is asked for
/// before the first has cleaned up after itself, the balancer takes that one for an attempt that is still under way, and
/// nobody connects (Grpc.Net.Client, 2.85 still). Once that has happened to all addresses, no call is sent any more: each
/// waits for its deadline, for ever, also when all nodes are well. Or an address whose node died counts as connected for
/// as long as nobody is there, and each call is refused by it, while others would serve. So calls that were never sent
/// renew the channel. Thread-safe.
/// </remarks>
internal sealed class RenewedChannel : CallInvoker, IDisposable
{
    // A channel needs some time to connect; and where no node is there, it is renewed no more often than this.
    private static readonly TimeSpan UnsentFor = TimeSpan.FromSeconds(3);

    private const long Never = long.MinValue;

    // Calls that wait in a channel that was given up end by their own deadlines.
    private static readonly TimeSpan Linger = TimeSpan.FromMinutes(1);

    private readonly Func<GrpcChannel> create;
    private readonly bool isBalanced;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ended = new();
    private volatile Life current;
    private long unsentSince = Never;

    /// <summary>Makes the first channel.</summary>
    /// <param name="create">Makes a channel.</param>
    /// <param name="isBalanced">Whether it has several addresses; with one there is no balancer, and it is never renewed.</param>
    /// <param name="time">The time.</param>
    public RenewedChannel(Func<GrpcChannel> create, bool isBalanced, TimeProvider time)
    {
        (this.create, this.isBalanced, this.time) = (create, isBalanced, time);
        current = Make(0);
    }

    /// <summary>Which channel it is now, from 0.</summary>
    public int Number => current.Number;

    /// <summary>The time, for <see cref="NeverSent"/>.</summary>
    public long Now => time.GetTimestamp();

    /// <summary>Notes that a call has ended otherwise than by never being sent.</summary>
    public void Connected()
    {
        // Nearly always so: no call writes what others read.
        if (Volatile.Read(ref unsentSince) != Never)
        {
            Volatile.Write(ref unsentSince, Never);
        }
    }

    /// <summary>Notes that a call was never sent. Where none was for some seconds, the channel is made anew.</summary>
    /// <param name="number">Which channel it was given to.</param>
    /// <param name="begun">When it was given to it.</param>
    public void NeverSent(int number, long begun)
    {
        if (!isBalanced)
        {
            return;
        }

        lock (gate)
        {
            if (ended.IsCancellationRequested || number != current.Number)
            {
                return;
            }

            var since = Volatile.Read(ref unsentSince);
            since = since == Never ? begun : since;
            if (time.GetElapsedTime(since) < UnsentFor)
            {
                Volatile.Write(ref unsentSince, since);
                return;
            }

            Volatile.Write(ref unsentSince, Never);
            _ = RetireAsync(current.Channel);
            current = Make(current.Number + 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (!ended.IsCancellationRequested)
            {
                ended.Cancel();
                ended.Dispose();
                current.Channel.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        current.Invoker.BlockingUnaryCall(method, host, options, request);

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        current.Invoker.AsyncUnaryCall(method, host, options, request);

    /// <inheritdoc/>
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        current.Invoker.AsyncServerStreamingCall(method, host, options, request);

    /// <inheritdoc/>
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        current.Invoker.AsyncClientStreamingCall(method, host, options);

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        current.Invoker.AsyncDuplexStreamingCall(method, host, options);

    // What waits in it without a deadline, such as a stream, is broken off then, and begun again by whoever began it.
    private async Task RetireAsync(GrpcChannel channel)
    {
        await Task.Delay(Linger, time, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        channel.Dispose();
    }

    private Life Make(int number)
    {
        var channel = create();
        return new Life(number, channel, channel.CreateCallInvoker());
    }

    private sealed record Life(int Number, GrpcChannel Channel, CallInvoker Invoker);
}
