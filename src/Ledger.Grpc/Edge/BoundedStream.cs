namespace Ledger.Grpc.Edge;

/// <summary>Reads a stream of JSON up to a number of bytes and to a depth, and remembers when there were more.</summary>
internal sealed class BoundedStream(Stream inner, long bytesMax, int depthMax) : Stream
{
    private long bytesRead;
    private int depth;
    private bool inText;
    private bool isEscaped;

    public bool IsExceeded => bytesRead > bytesMax;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Check(buffer.AsSpan(offset, inner.Read(buffer, offset, count)));

    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        return Check(buffer.Span[..read]);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Check(ReadOnlySpan<byte> bytes)
    {
        bytesRead += bytes.Length;
        if (IsExceeded)
        {
            throw new InvalidDataException("The body is too large.");
        }

        // Of bytes: in UTF-8 none of these is a part of another character.
        foreach (var one in bytes)
        {
            if (inText)
            {
                inText = isEscaped || one != (byte)'"';
                isEscaped = !isEscaped && one == (byte)'\\';
                continue;
            }

            switch (one)
            {
                case (byte)'"':
                    inText = true;
                    break;
                case (byte)'{' or (byte)'[' when ++depth > depthMax:
                    throw new InvalidDataException("The body is nested too deeply.");
                case (byte)'}' or (byte)']':
                    depth--;
                    break;
                default:
                    break;
            }
        }

        return bytes.Length;
    }
}
