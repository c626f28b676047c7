using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Http;

/// <summary>Passes the body of a successful response on, and holds that of a failed one back, to be replaced.</summary>
internal sealed class ErrorBufferingStream(HttpResponse response, Stream inner) : Stream
{
    private MemoryStream? held;

    /// <summary>Whether the response failed and nothing of it has been sent.</summary>
    public bool IsHeld => held is not null || (!response.HasStarted && IsFailed);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    private bool IsFailed => response.StatusCode >= StatusCodes.Status400BadRequest;

    private Stream Target => !response.HasStarted && IsFailed ? held ??= new MemoryStream() : inner;

    /// <summary>Sends what was held.</summary>
    public async Task ReleaseAsync()
    {
        if (held is not null)
        {
            held.Position = 0;
            await held.CopyToAsync(inner);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Target.Write(buffer, offset, count);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        Target.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Target.WriteAsync(buffer, offset, count, cancellationToken);

    public override void Flush() => Target.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => Target.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
