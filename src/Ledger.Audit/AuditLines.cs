namespace Ledger.Audit;

/// <summary>The lines of a file, of which none is held that is longer than a record. Not thread-safe.</summary>
internal sealed class AuditLines : IDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly FileStream file;
    private readonly byte[] buffer = new byte[BufferBytes];
    private readonly List<byte> line = new(AuditLine.BytesMax);
    private int at;
    private int end;
    private long skipped;

    private AuditLines(FileStream file) => this.file = file;

    /// <summary>Where the last whole line ended.</summary>
    public long WholeBytes { get; private set; }

    /// <summary>How many bytes stand behind it, once all has been read.</summary>
    public long Rest => line.Count + skipped;

    /// <summary>Opens a file, which another process may be writing.</summary>
    /// <exception cref="AuditException">It can't be opened.</exception>
    public static AuditLines Open(string path)
    {
        try
        {
            return new AuditLines(new FileStream(
                path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuditException($"{path} can't be read: {e.Message}", e);
        }
    }

    /// <summary>The next line, without its end; of one that is too long for a record only so much that it is none. Null
    /// at the end of the file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    public byte[]? Next()
    {
        while (true)
        {
            if (at == end)
            {
                (at, end) = (0, file.Read(buffer));
                if (end == 0)
                {
                    return null;
                }
            }

            var found = buffer.AsSpan(at, end - at).IndexOf((byte)'\n');
            var taken = found < 0 ? end - at : found;
            Keep(buffer.AsSpan(at, taken));
            at += taken;
            if (found < 0)
            {
                continue;
            }

            at++;
            WholeBytes += line.Count + skipped + 1;
            byte[] whole = [.. line];
            line.Clear();
            skipped = 0;
            return whole;
        }
    }

    public void Dispose() => file.Dispose();

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        var kept = Math.Min(bytes.Length, AuditLine.BytesMax + 1 - line.Count);
        line.AddRange(bytes[..kept]);
        skipped += bytes.Length - kept;
    }
}
