namespace Ledger.Client;

/// <summary>A connection on which no request leaves before the server has said its first word.</summary>
/// <remarks>
/// <para>HTTP/2 lets a client send requests behind its greeting without waiting for the server's. Where the
/// connection then breaks, nobody can say whether a node has read them, although most of what breaks so early never
/// was a node: another protocol at that port, a balancer without anybody behind it, a connection that a router has
/// forgotten. Here the greeting alone is sent, once; everything else waits for the server's, which costs a new
/// connection one round trip. So a connection on which the server has said nothing is one on which nothing was
/// asked.</para>
/// </remarks>
internal sealed class GatedStream(Stream inner, Greetings greetings, TimeSpan patience) : Stream
{
    private const byte TlsAlert = 0x15;
    private const byte TlsHandshake = 0x16;
    private const byte SettingsFrame = 0x04;
    private const byte GoAwayFrame = 0x07;
    private const int FrameTypeAt = 3;

    private readonly TaskCompletionSource greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool hasGreeted;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (greeted.Task.IsCompletedSuccessfully || buffer.IsEmpty)
        {
            return await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        int count;
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bound.CancelAfter(patience);
            count = await inner.ReadAsync(buffer, bound.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            throw Refuse(NoLedgerKind.Silent, failure);
        }

        if (KindOf(buffer.Span[..count]) is { } kind)
        {
            throw Refuse(kind, cause: null);
        }

        greeted.TrySetResult();
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (greeted.Task.IsCompletedSuccessfully)
        {
            return inner.WriteAsync(buffer, cancellationToken);
        }

        if (!hasGreeted)
        {
            hasGreeted = true;
            return inner.WriteAsync(buffer, cancellationToken);
        }

        return WriteLaterAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    // Never called for HTTP/2.
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Refuse(NoLedgerKind.Silent, cause: null);
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    // Null for what begins as HTTP/2 does. The first of these bytes is the highest of a frame's length, which no
    // server fills.
    private static NoLedgerKind? KindOf(ReadOnlySpan<byte> first) => first switch
    {
        [] => NoLedgerKind.Silent,
        [TlsAlert or TlsHandshake, ..] => NoLedgerKind.Tls,
        [(byte)'H', ..] => NoLedgerKind.Http11,
        [not 0, ..] => NoLedgerKind.Other,
        _ when first.Length <= FrameTypeAt || first[FrameTypeAt] == SettingsFrame => null,

        // So Kestrel refuses HTTP/2 where it was told to speak HTTP/1.1 alone.
        _ when first[FrameTypeAt] == GoAwayFrame => NoLedgerKind.Http11,
        _ => NoLedgerKind.Other,
    };

    private NoLedgerException Refuse(NoLedgerKind kind, Exception? cause)
    {
        var refusal = new NoLedgerException(kind, cause);
        if (greeted.TrySetException(refusal))
        {
            greetings.Last = refusal;
        }

        // Whoever waits to write sees it; where nobody does, it is no unobserved one.
        _ = greeted.Task.Exception;
        return refusal;
    }

    private async ValueTask WriteLaterAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        await greeted.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }
}
