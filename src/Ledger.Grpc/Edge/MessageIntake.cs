using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Edge;

/// <summary>The body of a gRPC call, between the server and whoever reads its messages: room is taken for each message
/// when its length is known and before more of it is read, what is not framed as gRPC wants it is refused by name, and
/// a message must be whole in time.</summary>
/// <remarks>
/// The server of gRPC collects a message until it is whole, without a limit in time or in sum: half-sent messages would
/// fill the memory. It consumes whole messages alone, so a buffer always begins with a frame.
/// One reader at a time; the timer runs beside it.
/// </remarks>
internal sealed class MessageIntake : PipeReader, IRequestBodyPipeFeature
{
    private const int PrefixLength = 5;
    private const int Idle = 0;
    private const int Looking = 1;
    private const int Over = 2;

    // How long whoever is blocked has to take the answers of its stream, in milliseconds.
    private const int BlockedPatience = 10_000;

    // Smaller messages are decoded and refused in a moment, whatever is in them.
    private const int WeighedFrom = 16 * 1024;

    private readonly EdgeWall wall;
    private readonly HttpContext context;
    private readonly PipeReader inner;
    private ByteBudget? connection;
    private readonly GrpcMethod method;
    private readonly long started = Environment.TickCount64;

    private RequestError? fault;
    private ITimer? timer;
    private long armedFor = long.MaxValue;
    private long lastProgress;
    private long oldAt;
    private long abortAt;
    private long partialSince;
    private int end;
    private bool isReading;
    private bool isRead;

    // Of the message at the start of the buffer.
    private SequencePosition frameStart;
    private long frameBytes;
    private bool isAdmitted;
    private bool isWhole;

    // Taken and not given back: that message, of a stream the one before it, and those that the stream works on.
    private long heldFrame;
    private long heldLast;
    private long held;

    // 0, 1 while the timer looks, 2 when the call is over: the request may serve another call then.
    private int state;

    private MessageIntake(EdgeWall wall, HttpContext context, GrpcMethod method)
    {
        this.wall = wall;
        this.context = context;
        this.method = method;
        inner = context.Request.BodyReader;
        connection = EdgeWall.ConnectionOf(context);
        lastProgress = started;
        oldAt = started + (long)wall.Options.StreamAgeMax.TotalMilliseconds;
    }

    /// <summary>What was refused; null when nothing was.</summary>
    public RequestError? Fault => fault;

    PipeReader IRequestBodyPipeFeature.Reader => this;

    /// <summary>Has the body of a call read through an intake, until it is closed.</summary>
    public static MessageIntake Open(EdgeWall wall, HttpContext context)
    {
        var intake = new MessageIntake(wall, context, GrpcMethods.Of(context.Request.Path.Value ?? ""));
        context.Features.Set<IRequestBodyPipeFeature>(intake);
        context.Features.Set(intake);
        return intake;
    }

    /// <summary>Has room taken from what its request may hold now, which is known better once it is known who calls. To
    /// be called before anything is read.</summary>
    public void UseBudgetOf(HttpContext request) => connection = EdgeWall.ConnectionOf(request);

    /// <summary>Gives everything back; the call is over.</summary>
    public void Close()
    {
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref state, Over, Idle) == Looking)
        {
            spin.SpinOnce();
        }

        timer?.Dispose();

        wall.Return(connection, heldFrame + heldLast + Interlocked.Exchange(ref held, 0));
        (heldFrame, heldLast) = (0, 0);
    }

    /// <summary>Says that the message just read is worked on from here on. A stream calls it for each.</summary>
    /// <returns>What to give back when it is answered.</returns>
    public long HandOver()
    {
        var bytes = heldLast;
        heldLast = 0;
        Interlocked.Add(ref held, bytes);
        return bytes;
    }

    /// <summary>Gives back what a message of the stream held.</summary>
    public void Release(long bytes)
    {
        // After the end everything has been given back.
        if (bytes != 0 && Interlocked.Add(ref held, -bytes) >= 0)
        {
            wall.Return(connection, bytes);
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (End != IntakeEnd.None)
        {
            throw Refuse(FaultOf(End));
        }

        var reading = inner.ReadAsync(cancellationToken);
        return reading.IsCompletedSuccessfully
            ? new ValueTask<ReadResult>(Admit(reading.Result))
            : WaitAsync(reading);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (End != IntakeEnd.None)
        {
            throw Refuse(FaultOf(End));
        }

        if (!inner.TryRead(out result))
        {
            return false;
        }

        result = Admit(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        Consumed(consumed);
        inner.AdvanceTo(consumed);
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        Consumed(consumed);
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private IntakeEnd End => (IntakeEnd)Volatile.Read(ref end);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
    {
        Volatile.Write(ref isReading, true);
        Arm(NextDue());
        try
        {
            return Admit(await reading);
        }
        finally
        {
            Volatile.Write(ref isReading, false);
        }
    }

    private ReadResult Admit(in ReadResult result)
    {
        if (result.IsCanceled && End != IntakeEnd.None)
        {
            throw Refuse(FaultOf(End), result);
        }

        var buffer = result.Buffer;
        frameStart = buffer.Start;
        if (result.IsCompleted)
        {
            // All has come: how long it is worked on is not measured here.
            Volatile.Write(ref isRead, true);
        }

        if (!isAdmitted && buffer.Length >= PrefixLength)
        {
            AdmitFrame(result);
        }

        if (isAdmitted && !isWhole && buffer.Length >= frameBytes)
        {
            Weigh(result);
            isWhole = true;
            Volatile.Write(ref partialSince, 0);
            Volatile.Write(ref lastProgress, Environment.TickCount64);
        }
        else if (!isWhole && !buffer.IsEmpty)
        {
            if (result.IsCompleted)
            {
                throw Refuse(EdgeFaults.CutOff, result);
            }

            if (partialSince == 0)
            {
                Volatile.Write(ref partialSince, Environment.TickCount64);
            }
        }

        return result;
    }

    // Its length is known. Whoever reads it would wait for all of it.
    private void AdmitFrame(in ReadResult result)
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        result.Buffer.Slice(0, PrefixLength).CopyTo(prefix);
        long length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (prefix[0] > 1)
        {
            throw Refuse(EdgeFaults.BadFrame, result);
        }

        var isCompressed = prefix[0] == 1;
        if (isCompressed && !wall.Options.AcceptCompression)
        {
            throw Refuse(EdgeFaults.Compressed, result);
        }

        var messageMax = wall.MessageBytesMax(method);
        if (length > messageMax)
        {
            throw Refuse(ErrorMap.TooLarge, result);
        }

        // Of a compressed one only what it may become is known.
        Take(isCompressed ? length + Math.Min(length * wall.Options.CompressionRatioMax, messageMax) : length, result);
        frameBytes = PrefixLength + length;
        isAdmitted = true;
    }

    private void Weigh(in ReadResult result)
    {
        if (frameBytes < WeighedFrom || method.Request is not { } shape)
        {
            return;
        }

        var extra = shape.ExtraBytes(result.Buffer.Slice(PrefixLength, frameBytes - PrefixLength));
        if (frameBytes + extra > wall.RequestBytesMax)
        {
            throw Refuse(ErrorMap.TooLarge, result);
        }

        Take(extra, result);
    }

    private void Take(long bytes, in ReadResult result)
    {
        if (!wall.TryTake(connection, bytes))
        {
            throw Refuse(EdgeFaults.NoRoom, result);
        }

        heldFrame += bytes;
    }

    private void Consumed(SequencePosition consumed)
    {
        if (!isWhole || consumed.Equals(frameStart))
        {
            return;
        }

        // A unary call holds its message until it is answered.
        if (method.IsStream)
        {
            wall.Return(connection, heldLast);
            (heldLast, heldFrame) = (heldFrame, 0);
        }

        (isAdmitted, isWhole) = (false, false);
    }

    private RequestErrorException Refuse(in RequestError why, in ReadResult result)
    {
        inner.AdvanceTo(result.Buffer.End);
        return Refuse(why);
    }

    /// <summary>Has a stream end sooner than by its age: when what its caller has shown expires. The next one is begun
    /// with what is shown then. To be called before anything is read.</summary>
    /// <param name="left">How long that is from now.</param>
    public void EndWithin(TimeSpan left) => Volatile.Write(
        ref oldAt,
        Math.Min(Volatile.Read(ref oldAt), Environment.TickCount64 + Math.Max(0, (long)left.TotalMilliseconds)));

    /// <summary>Has a stream end now, since its caller has been blocked: it is told so where it takes its answers, and
    /// the call is broken off ten seconds later where it does not. May be called by anybody at any time.</summary>
    public void EndBlocked()
    {
        var spin = default(SpinWait);
        int before;
        while ((before = Interlocked.CompareExchange(ref state, Looking, Idle)) == Looking)
        {
            spin.SpinOnce();
        }

        if (before == Over)
        {
            return;
        }

        try
        {
            if (End == IntakeEnd.None)
            {
                Volatile.Write(ref abortAt, Environment.TickCount64 + BlockedPatience);
                Volatile.Write(ref end, (int)IntakeEnd.Blocked);
                WakeReader();
                Volatile.Write(ref armedFor, long.MaxValue);
                Arm(Volatile.Read(ref abortAt));
            }
        }
        finally
        {
            Volatile.Write(ref state, Idle);
        }
    }

    // The client may have reset the request: then the reader has been woken by that, and the server says so by
    // throwing.
    private void WakeReader()
    {
        try
        {
            inner.CancelPendingRead();
        }
        catch (Exception)
        {
            context.Abort();
        }
    }

    private RequestErrorException Refuse(in RequestError why)
    {
        fault = why;
        return why.Exception();
    }

    private RequestError FaultOf(IntakeEnd why) => why switch
    {
        IntakeEnd.TooOld => EdgeFaults.StreamTooOld,
        IntakeEnd.Idle => EdgeFaults.StreamIdle,
        IntakeEnd.Blocked => EdgeFaults.StreamBlocked,
        _ => EdgeFaults.Incomplete(wall.Options.BodyTimeout),
    };

    // When to look next, at the earliest.
    private long NextDue()
    {
        if (End == IntakeEnd.Blocked)
        {
            return Volatile.Read(ref abortAt);
        }

        var body = (long)wall.Options.BodyTimeout.TotalMilliseconds;
        if (!method.IsStream || End != IntakeEnd.None)
        {
            return started + body;
        }

        var due = Math.Min(
            Volatile.Read(ref oldAt),
            Volatile.Read(ref lastProgress) + (long)wall.Options.StreamIdleTimeout.TotalMilliseconds);
        return Volatile.Read(ref partialSince) is > 0 and var since ? Math.Min(due, since + body) : due;
    }

    private void Arm(long due)
    {
        if (due >= Volatile.Read(ref armedFor))
        {
            return; // It looks before then, and sees when to look again.
        }

        Volatile.Write(ref armedFor, due);
        var wait = TimeSpan.FromMilliseconds(Math.Max(1, due - Environment.TickCount64));
        if (timer is null)
        {
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                timer = TimeProvider.System.CreateTimer(
                    static state => ((MessageIntake)state!).Look(), this, wait, Timeout.InfiniteTimeSpan);
            }
        }
        else
        {
            timer.Change(wait, Timeout.InfiniteTimeSpan);
        }
    }

    private void Look()
    {
        if (Interlocked.CompareExchange(ref state, Looking, Idle) != Idle)
        {
            return;
        }

        try
        {
            Volatile.Write(ref armedFor, long.MaxValue);
            if (Volatile.Read(ref isRead))
            {
                return;
            }

            var now = Environment.TickCount64;
            if (NextDue() is var due && now < due)
            {
                Arm(due);
            }
            else
            {
                EndReading(now);
            }
        }
        finally
        {
            Volatile.Write(ref state, Idle);
        }
    }

    private void EndReading(long now)
    {
        var isOld = now >= Volatile.Read(ref oldAt);
        if (End != IntakeEnd.None || (method.IsStream && !isOld && !Volatile.Read(ref isReading)))
        {
            // Nobody reads, since the client has not taken its answers: it would never hear why.
            context.Abort();
            return;
        }

        var why = !method.IsStream || Volatile.Read(ref partialSince) > 0 ? IntakeEnd.Incomplete
            : isOld ? IntakeEnd.TooOld
            : IntakeEnd.Idle;
        Volatile.Write(ref end, (int)why);
        WakeReader();
        Arm(now + (long)wall.Options.BodyTimeout.TotalMilliseconds);
    }
}
