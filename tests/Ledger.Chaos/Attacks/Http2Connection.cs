using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Ledger.Chaos.Attacks;

/// <summary>A connection of HTTP/2 without TLS, frame by frame: what no library of clients would do, at a small part of
/// the processor time that one takes.</summary>
internal sealed class Http2Connection : IAsyncDisposable
{
    private const int FrameHeader = 9;
    private const int FrameBytesMax = 16_384;
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Reset = 3;
    private const byte Settings = 4;
    private const byte Ping = 6;
    private const byte GoAway = 7;
    private const byte WindowUpdate = 8;
    private const byte EndStream = 1;
    private const byte Acknowledge = 1;
    private const byte EndHeaders = 4;
    private const uint Cancel = 8;
    private const int TopUp = 8 * 1024 * 1024;
    private const int WindowMax = int.MaxValue;
    private const int UsualWindow = 65_535;
    private static readonly byte[] s_preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    private readonly Socket socket;
    private readonly string authority;
    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<CallEnd>> open = new();
    private readonly CancellationTokenSource closed = new();
    private Task reading = Task.CompletedTask;
    private int last = -1;
    private int received;

    private Http2Connection(Socket socket, string authority) => (this.socket, this.authority) = (socket, authority);

    /// <summary>Whether no further stream can be opened on it.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Opens one.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="streamWindow">How many bytes of an answer may be sent before they are taken; 0 for none,
    /// ever.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Http2Connection> OpenAsync(
        Uri address, uint streamWindow, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            var connection = new Http2Connection(socket, address.Authority);
            var first = new byte[s_preface.Length + FrameHeader + 12 + FrameHeader + 4];
            s_preface.CopyTo(first, 0);
            var at = s_preface.Length;
            WriteHeader(first.AsSpan(at), 12, Settings, 0, 0);
            WriteSetting(first.AsSpan(at + FrameHeader), 2, 0);
            WriteSetting(first.AsSpan(at + FrameHeader + 6), 4, streamWindow);
            at += FrameHeader + 12;
            WriteHeader(first.AsSpan(at), 4, WindowUpdate, 0, 0);
            BinaryPrimitives.WriteUInt32BigEndian(first.AsSpan(at + FrameHeader), WindowMax - UsualWindow);
            await socket.SendAsync(first, cancellationToken);
            connection.reading = connection.ReadAsync();
            return connection;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a request's headers, to be sent any number of times.</summary>
    public byte[] HeadersOf(string path, IEnumerable<(string Name, string Value)> headers)
    {
        using var block = new MemoryStream();
        foreach (var (name, value) in new[]
        {
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
            ("content-type", "application/grpc"), ("te", "trailers"),
        }.Concat(headers))
        {
            // A literal that nobody is to remember.
            block.WriteByte(0);
            WriteText(block, name);
            WriteText(block, value);
        }

        return block.ToArray();
    }

    /// <summary>Sends a whole call.</summary>
    /// <returns>How it ends.</returns>
    public async Task<CallEnd> CallAsync(byte[] headers, byte[] body, CancellationToken cancellationToken)
    {
        var (_, ended) = await SendAsync(headers, body, isLast: true, cancellationToken);
        return await ended.WaitAsync(cancellationToken);
    }

    /// <summary>Sends a call's headers and the beginning of its body.</summary>
    public async Task<(int Stream, Task<CallEnd> Ended)> SendAsync(
        byte[] headers, byte[] body, bool isLast, CancellationToken cancellationToken)
    {
        var frames = new byte[
            FrameHeader + headers.Length + (body.Length > 0 || isLast ? FrameHeader + body.Length : 0)];
        headers.CopyTo(frames, FrameHeader);
        if (frames.Length > FrameHeader + headers.Length)
        {
            body.CopyTo(frames, (2 * FrameHeader) + headers.Length);
        }

        var source = new TaskCompletionSource<CallEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
        await writing.WaitAsync(cancellationToken);
        try
        {
            if (IsGone)
            {
                return (0, Task.FromResult(CallEnd.Lost));
            }

            // Streams must be opened in the order of their numbers.
            last += 2;
            open[last] = source;
            WriteHeader(frames, headers.Length, Headers, EndHeaders, last);
            if (frames.Length > FrameHeader + headers.Length)
            {
                WriteHeader(
                    frames.AsSpan(FrameHeader + headers.Length), body.Length, Data, isLast ? EndStream : (byte)0, last);
            }

            await SendAllAsync(frames, cancellationToken);
            return (last, source.Task);
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Sends more of a call's body, whatever the other side allows.</summary>
    public async Task MoreAsync(int stream, byte[] body, CancellationToken cancellationToken)
    {
        var frame = new byte[FrameHeader + body.Length];
        WriteHeader(frame, body.Length, Data, 0, stream);
        body.CopyTo(frame, FrameHeader);
        await SendLockedAsync(frame, cancellationToken);
    }

    /// <summary>Opens a call and breaks it off at once.</summary>
    public async Task ResetAtOnceAsync(byte[] headers, int times, CancellationToken cancellationToken)
    {
        var one = FrameHeader + headers.Length + FrameHeader + 4;
        var frames = new byte[one * times];
        await writing.WaitAsync(cancellationToken);
        try
        {
            for (var i = 0; i < times; i++)
            {
                last += 2;
                var at = i * one;
                WriteHeader(frames.AsSpan(at), headers.Length, Headers, EndHeaders, last);
                headers.CopyTo(frames, at + FrameHeader);
                at += FrameHeader + headers.Length;
                WriteHeader(frames.AsSpan(at), 4, Reset, 0, last);
                BinaryPrimitives.WriteUInt32BigEndian(frames.AsSpan(at + FrameHeader), Cancel);
            }

            await SendAllAsync(frames, cancellationToken);
        }
        finally
        {
            writing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await closed.CancelAsync();
        socket.Dispose();
        await reading;
        closed.Dispose();
        writing.Dispose();
    }

    private static void WriteHeader(Span<byte> frame, int length, byte type, byte flags, int stream)
    {
        frame[0] = (byte)(length >> 16);
        frame[1] = (byte)((length >> 8) & 0xFF);
        frame[2] = (byte)(length & 0xFF);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame[5..], stream);
    }

    private static void WriteSetting(Span<byte> setting, ushort id, uint value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(setting, id);
        BinaryPrimitives.WriteUInt32BigEndian(setting[2..], value);
    }

    // A length of seven bits and what does not fit behind it, then the text as it is.
    private static void WriteText(MemoryStream block, string text)
    {
        const int prefix = 127;
        var bytes = Encoding.ASCII.GetBytes(text);
        if (bytes.Length < prefix)
        {
            block.WriteByte((byte)bytes.Length);
        }
        else
        {
            block.WriteByte(prefix);
            var rest = bytes.Length - prefix;
            for (; rest >= 128; rest /= 128)
            {
                block.WriteByte((byte)((rest % 128) + 128));
            }

            block.WriteByte((byte)rest);
        }

        block.Write(bytes);
    }

    private async Task SendLockedAsync(byte[] frame, CancellationToken cancellationToken)
    {
        await writing.WaitAsync(cancellationToken);
        try
        {
            await SendAllAsync(frame, cancellationToken);
        }
        finally
        {
            writing.Release();
        }
    }

    private async Task SendAllAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
        }
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[FrameHeader + FrameBytesMax];
        try
        {
            while (await FillAsync(buffer.AsMemory(0, FrameHeader)))
            {
                var length = (buffer[0] << 16) | (buffer[1] << 8) | buffer[2];
                var (type, flags) = (buffer[3], buffer[4]);
                var stream = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(5)) & int.MaxValue;
                if (length > FrameBytesMax || !await FillAsync(buffer.AsMemory(FrameHeader, length)))
                {
                    break;
                }

                await TakeAsync(type, flags, stream, buffer.AsMemory(FrameHeader, length));
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException
            or OperationCanceledException)
        {
            // The other side has closed it, or this one.
        }

        IsGone = true;
        foreach (var one in open.Values)
        {
            one.TrySetResult(CallEnd.Lost);
        }
    }

    private async Task TakeAsync(byte type, byte flags, int stream, ReadOnlyMemory<byte> payload)
    {
        switch (type)
        {
            case Data or Headers:
                received += type == Data ? payload.Length : 0;
                if (received >= TopUp)
                {
                    var update = new byte[FrameHeader + 4];
                    WriteHeader(update, 4, WindowUpdate, 0, 0);
                    BinaryPrimitives.WriteInt32BigEndian(update.AsSpan(FrameHeader), received);
                    received = 0;
                    await SendLockedAsync(update, closed.Token);
                }

                if ((flags & EndStream) != 0)
                {
                    End(stream, CallEnd.Answered);
                }

                break;
            case Reset:
                End(stream, CallEnd.Refused);
                break;
            case Settings when (flags & Acknowledge) == 0:
                var taken = new byte[FrameHeader];
                WriteHeader(taken, 0, Settings, Acknowledge, 0);
                await SendLockedAsync(taken, closed.Token);
                break;
            case Ping when (flags & Acknowledge) == 0:
                var echo = new byte[FrameHeader + 8];
                WriteHeader(echo, 8, Ping, Acknowledge, 0);
                payload.CopyTo(echo.AsMemory(FrameHeader));
                await SendLockedAsync(echo, closed.Token);
                break;
            case GoAway:
                IsGone = true;
                break;
        }
    }

    private void End(int stream, CallEnd end)
    {
        if (open.TryRemove(stream, out var source))
        {
            source.TrySetResult(end);
        }
    }

    private async Task<bool> FillAsync(Memory<byte> memory)
    {
        while (memory.Length > 0)
        {
            var count = await socket.ReceiveAsync(memory, closed.Token);
            if (count == 0)
            {
                return false;
            }

            memory = memory[count..];
        }

        return true;
    }
}
