using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Net.Client;

namespace Ledger.Client.Sharing;

/// <summary>The streams that the small calls of a client share.</summary>
/// <remarks>
/// <para>Behind one address there are two streams, each on a connection of its own; with several addresses one each. An
/// item goes to the less loaded of two. Streams are opened beside the calls, which are made one by one meanwhile, and
/// wherever there is no stream.</para>
/// <para>Who calls is a matter of the stream: what is shown differs, so does the stream. Thread-safe.</para>
/// </remarks>
internal sealed class SharedStreams : IDisposable
{
    // A client that makes a call now and then needs no stream, and none is opened for a handful of them.
    private const int CallsToOpen = 16;
    private static readonly TimeSpan CallsWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TimerMax = TimeSpan.FromDays(40);

    // With more credentials than that at once, further ones go without.
    private const int CallersMax = 16;

    private readonly ConcurrentDictionary<string, StreamPlace[]> places = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource stop = new();
    private readonly Random random = new();
    private readonly Func<GrpcChannel>[] connects;
    private readonly Func<CancellationToken, ValueTask<string>>? token;
    private readonly TimeProvider time;
    private long countedSince;
    private int counted;
    private int turn;

    /// <summary>Makes the streams of a client; opens none.</summary>
    /// <param name="options">Where to, and how.</param>
    public SharedStreams(LedgerClientOptions options)
    {
        (token, time) = (options.Token, options.TimeProvider);
        Uri[] addresses = options.Addresses is [var only] ? [only, only] : [.. options.Addresses];
        connects = Array.ConvertAll(
            addresses, address => (Func<GrpcChannel>)(() => ChannelFactory.CreateForStream(options, address)));
        countedSince = time.GetTimestamp();
    }

    /// <summary>Makes a call on a stream.</summary>
    /// <param name="message">The call.</param>
    /// <param name="isRead">Whether it changes nothing.</param>
    /// <param name="deadline">When the caller gives up, by the system's clock.</param>
    /// <param name="trace">Its attempts.</param>
    /// <param name="cancellationToken">The caller gives up waiting.</param>
    /// <returns>Its answer; null where no stream takes it, and nothing was begun.</returns>
    /// <exception cref="Grpc.Core.RpcException">The deadline passed, or the stream broke.</exception>
    public async ValueTask<V1.CallAnswer?> TryCallAsync(
        V1.CallItem message, bool isRead, DateTime deadline, DeliveryTracker trace, CancellationToken cancellationToken)
    {
        if (await PlacesAsync(cancellationToken) is not { } ours)
        {
            return null;
        }

        message.Traceparent = Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id } ? id : "";
        var size = message.CalculateSize();

        // A stream may end between the choice and the sending: then there is another one, or there is none.
        for (var tries = 0; tries <= ours.Length; tries++)
        {
            if (Choose(ours) is not { } stream || size > stream.ItemBytesMax)
            {
                return null;
            }

            var item = new StreamItem(stream, message, size, isRead, deadline, trace);
            if (stream.TryPost(item) && await AnswerAsync(item, cancellationToken) is { } answer)
            {
                return answer;
            }
        }

        return null;
    }

    /// <summary>Ends all streams at once.</summary>
    public void Dispose()
    {
        stop.Cancel();
        foreach (var place in places.Values.SelectMany(static ours => ours))
        {
            place.Dispose();
        }
    }

    private static async Task<V1.CallAnswer?> AnswerAsync(StreamItem item, CancellationToken cancellationToken)
    {
        var left = item.Deadline - TimeProvider.System.GetUtcNow().UtcDateTime;

        // A timer takes no longer one, and nobody waits for weeks.
        var wait = left < TimeSpan.Zero ? TimeSpan.Zero : left > TimerMax ? Timeout.InfiniteTimeSpan : left;
        using var timer = new Timer(
            static state => ((StreamItem)state!).Expire(), item, wait, Timeout.InfiniteTimeSpan);
        using var giveUp = cancellationToken.UnsafeRegister(
            static (state, token) => ((StreamItem)state!).Cancel(token), item);
        return await item.Task;
    }

    // Those of the credentials that the call shows: it may show others than the call before it.
    private async ValueTask<StreamPlace[]?> PlacesAsync(CancellationToken cancellationToken)
    {
        var shown = "";
        if (token is not null)
        {
            try
            {
                shown = await token(cancellationToken);
            }
            catch (Exception)
            {
                // The call alone asks again, and says what is wrong.
                cancellationToken.ThrowIfCancellationRequested();
                return null;
            }
        }

        if (places.TryGetValue(shown, out var ours))
        {
            return ours;
        }

        if (!IsWanted())
        {
            return null;
        }

        if (places.Count >= CallersMax)
        {
            foreach (var (other, unused) in places)
            {
                if (Array.TrueForAll(unused, static place => place.Find(isWanted: false) is null))
                {
                    places.TryRemove(new(other, unused));
                }
            }
        }

        return places.Count >= CallersMax
            ? null
            : places.GetOrAdd(shown, one => Array.ConvertAll(
                connects, connect => new StreamPlace(connect, one, time, Jitter, stop.Token)));
    }

    // The less loaded of two.
    private SharedStream? Choose(StreamPlace[] ours)
    {
        var first = (int)((uint)Interlocked.Increment(ref turn) % (uint)ours.Length);
        SharedStream? one = null;
        var isWanted = default(bool?);
        for (var i = 0; i < ours.Length; i++)
        {
            var place = ours[(first + i) % ours.Length];
            var found = place.Find(isWanted: false) is { IsOld: false } ready
                ? ready
                : place.Find(isWanted ??= IsWanted());
            if (found is null)
            {
                continue;
            }

            if (one is not null)
            {
                return found.Load < one.Load ? found : one;
            }

            one = found;
        }

        return one;
    }

    // Whether there are so many calls that a stream is worth its opening.
    private bool IsWanted()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(Volatile.Read(ref countedSince), now) > CallsWithin)
        {
            Volatile.Write(ref countedSince, now);
            Volatile.Write(ref counted, 0);
        }

        return Interlocked.Increment(ref counted) > CallsToOpen;
    }

    private double Jitter()
    {
        lock (random)
        {
            return random.NextDouble();
        }
    }
}
