using Grpc.Core;

namespace Ledger.Client.Sharing;

/// <summary>One call on a shared stream.</summary>
/// <remarks>
/// <para>It is unsent, sent or answered. What is unsent is free to go elsewhere, which the result null says. What was
/// sent when its stream breaks fails with a <see cref="StreamBrokenException"/> behind <c>UNAVAILABLE</c>: whether it
/// was done nobody knows.</para>
/// <para>Its caller goes on elsewhere than on the thread that completes it. What else is here belongs to the stream,
/// under its lock.</para>
/// </remarks>
/// <param name="stream">The stream.</param>
/// <param name="message">What is sent.</param>
/// <param name="size">How many bytes that has, without an id and a timeout.</param>
/// <param name="isRead">Whether it changes nothing.</param>
/// <param name="deadline">When its caller gives up.</param>
/// <param name="trace">The attempts of its call.</param>
internal sealed class StreamItem(
    SharedStream stream, V1.CallItem message, int size, bool isRead, DateTime deadline, DeliveryTracker trace)
    : TaskCompletionSource<V1.CallAnswer?>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    // The id, the timeout, and its frame in a message.
    private const int AddedBytes = 40;

    /// <summary>What is sent.</summary>
    public V1.CallItem Message => message;

    /// <summary>How many bytes it has, with what its stream adds.</summary>
    public int Size { get; } = size + AddedBytes;

    /// <summary>Whether it changes nothing, so that its stream is told when nobody waits for it any more.</summary>
    public bool IsRead => isRead;

    /// <summary>When its caller gives up.</summary>
    public DateTime Deadline => deadline;

    /// <summary>The message of its stream that it was sent with, from 1; 0 while it is unsent.</summary>
    public ulong SentWith { get; private set; }

    /// <summary>Notes that it is being sent.</summary>
    public void Sending(ulong messageNumber)
    {
        SentWith = messageNumber;
        trace.Sending();
    }

    /// <summary>Nothing was begun with it: it may go elsewhere.</summary>
    public void GoElsewhere()
    {
        if (SentWith != 0)
        {
            trace.NeverSent();
        }

        TrySetResult(null);
    }

    /// <summary>Its caller has no more time.</summary>
    public void Expire() => stream.Expire(this);

    /// <summary>Its caller waits no more.</summary>
    public void Cancel(CancellationToken token) => stream.Cancel(this, token);

    /// <summary>The deadline has passed.</summary>
    public void FailExpired() => Fail(
        StatusCode.DeadlineExceeded,
        SentWith == 0 ? "The deadline passed before the call was sent." : "The deadline passed before an answer came.");

    /// <summary>Whether it was done, nobody knows.</summary>
    public void FailUnknown(StatusCode code, StreamBrokenException cause) => Fail(code, cause.Message, cause);

    private void Fail(StatusCode code, string message, Exception? cause = null) =>
        TrySetException(new RpcException(new Status(code, message, cause)));
}
