using Microsoft.Win32.SafeHandles;

namespace Ledger.Audit;

/// <summary>The files that one process writes its audit log to. Not thread-safe.</summary>
/// <remarks>
/// <para>F1. A record's number and hash are given when it is appended, in one order, and its bytes reach the file in
/// that order. What could not be written is kept and written at the same place later; nothing follows it
/// before.</para>
/// <para>F2. A process goes on with the chain that it finds: the torn record of a crash is cut off, and its first
/// record says so. Where the end of the chain is gone, or is not what was written, the numbers go on behind the last
/// one that is known, in a new file, so that a reader finds the gap.</para>
/// <para>F3. The head file names a record that is on the disk. So a log that ends before it has lost its end.</para>
/// <para>F4. One process writes: the lock is the operating system's, and ends with the process.</para>
/// </remarks>
internal sealed class AuditFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // More than may have waited for the disk.
    private const int TailBytesMax = 8 * 1024 * 1024;

    private readonly string directory;
    private readonly long fileBytesMax;
    private readonly string node;
    private readonly TimeProvider clock;
    private readonly Action<SafeFileHandle, ReadOnlyMemory<byte>, long> write;
    private readonly FileStream ownership;
    private readonly Action<SafeFileHandle> sync;
    private readonly List<byte> pending = [];

    // What was written since the last sync that came through. The kernel forgets what it failed to put on the disk, and
    // the next sync says that all is well: so it is written once more before that.
    private readonly List<byte> unsynced = [];
    private bool isDistrusted;
    private FileStream? file;
    private string path = "";
    private long position;
    private AuditHead head = AuditHead.None;
    private AuditHead durable = AuditHead.None;
    private AuditHead onRecord = AuditHead.None;

    /// <summary>Opens the log of a directory, and appends that it was opened.</summary>
    /// <param name="directory">The directory; made where it is missing.</param>
    /// <param name="fileBytesMax">How long a file becomes, about, before the next is begun.</param>
    /// <param name="node">The name that stands in records.</param>
    /// <param name="clock">The time that stands in records.</param>
    /// <param name="write">Writes bytes at a place; null to write them to the file.</param>
    /// <param name="sync">Has what was written put on the disk; null to have the system do it.</param>
    /// <exception cref="AuditException">It can't be written, or another process writes it.</exception>
    public AuditFile(
        string directory, long fileBytesMax, string node, TimeProvider clock,
        Action<SafeFileHandle, ReadOnlyMemory<byte>, long>? write = null, Action<SafeFileHandle>? sync = null)
    {
        this.sync = sync ?? RandomAccess.FlushToDisk;
        this.directory = directory;
        this.fileBytesMax = fileBytesMax;
        this.node = node;
        this.clock = clock;
        this.write = write ?? (static (handle, bytes, at) => RandomAccess.Write(handle, bytes.Span, at));
        ownership = Own(directory);
        try
        {
            Continue();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw new AuditException($"The audit log in {directory} can't be written: {e.Message}", e);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What was wrong with the log that was found, or with the file that is written; null where nothing was.
    /// It stays so.</summary>
    public string? Fault { get; private set; }

    /// <summary>The newest record, written or not.</summary>
    public AuditHead Head => head;

    /// <summary>The newest record that is on the disk.</summary>
    public AuditHead Durable => durable;

    /// <summary>How many bytes wait to be written.</summary>
    public int Pending => pending.Count;

    /// <summary>Appends a record, to be written by <see cref="Flush"/>.</summary>
    /// <param name="entry">What happened.</param>
    /// <param name="count">How often, where it stands for several; else 0.</param>
    /// <param name="since">Since when, where it stands for several.</param>
    /// <param name="previous">Whether it is to name the record before.</param>
    /// <returns>The record.</returns>
    public AuditRecord Append(AuditEvent entry, long count = 0, DateTimeOffset? since = null, bool previous = false)
    {
        var record = new AuditRecord(head.Number + 1, clock.GetUtcNow(), node, entry)
        {
            Count = count, Since = since, Previous = previous ? head.Hash : null,
        };
        var (line, hash) = AuditLine.Write(record, head.Hash);
        pending.AddRange(line);
        pending.Add((byte)'\n');
        head = new AuditHead(record.Number, hash);
        return record;
    }

    /// <summary>Writes what waits, and begins another file where this one is long enough.</summary>
    /// <param name="toDisk">Whether it is to be on the disk, and not only with the operating system, when this
    /// returns.</param>
    /// <exception cref="IOException">It could not be written, or not whole. It is kept, and may be tried
    /// again.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Flush(bool toDisk)
    {
        if (pending.Count > 0)
        {
            try
            {
                write(file!.SafeFileHandle, pending.ToArray(), position);
            }
            catch
            {
                // Where some of it was written, so that whoever reads meanwhile finds whole records. A full disk takes
                // that.
                RandomAccess.SetLength(file!.SafeFileHandle, position);
                throw;
            }

            position += pending.Count;
            unsynced.AddRange(pending);
            pending.Clear();
        }

        // What the head file names is on the disk, in whichever file it is.
        var isFull = position >= fileBytesMax;
        if ((toDisk || isFull) && durable != head)
        {
            Sync();
            durable = head;
        }

        if (isFull)
        {
            Begin("rotated", null);
            Flush(toDisk: true);
        }
    }

    private void Sync()
    {
        if (isDistrusted)
        {
            write(file!.SafeFileHandle, unsynced.ToArray(), position - unsynced.Count);
        }

        isDistrusted = true;
        sync(file!.SafeFileHandle);
        isDistrusted = false;
        unsynced.Clear();
    }

    /// <summary>Looks whether the file is still what was written, and begins another one where it is not. After a
    /// <see cref="Flush"/>.</summary>
    /// <exception cref="IOException">Another one could not be begun.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Look()
    {
        var found = new FileInfo(path);
        if (pending.Count > 0 || (found.Exists && found.Length == position))
        {
            return;
        }

        Fault = found.Exists
            ? $"{path} had {position} bytes and has {found.Length}: somebody else has written or cut it."
            : $"{path} was deleted or moved while the node wrote it.";
        Begin(found.Exists ? "cut" : "deleted", Fault);
        Flush(toDisk: true);
    }

    /// <summary>Puts the newest record on the disk beside the log, so that the next process knows it.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void KeepHead()
    {
        if (onRecord == durable)
        {
            return;
        }

        var kept = Path.Combine(directory, AuditFolder.HeadName);
        var next = kept + ".next";
        using (var stream = Make(next, FileMode.Create))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes($"{durable}\n"));

            // Before it takes the name: a power cut would leave an empty one there.
            stream.Flush(flushToDisk: true);
        }

        File.Move(next, kept, overwrite: true);
        onRecord = durable;
    }

    public void Dispose()
    {
        file?.Dispose();
        ownership.Dispose();
    }

    private static FileStream Own(string directory)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(directory);
            }
            else if (!Directory.Exists(directory))
            {
                Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
            }

            return Make(Path.Combine(directory, AuditFolder.LockName), FileMode.OpenOrCreate, FileShare.None);
        }
        catch (IOException e) when (e is not DirectoryNotFoundException and not PathTooLongException
            && File.Exists(Path.Combine(directory, AuditFolder.LockName)))
        {
            throw new AuditException(
                $"The audit log in {directory} is in use by another process. Each node has a directory of its own:"
                + " set Ledger:Audit:Path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuditException($"The audit log in {directory} can't be written: {e.Message}", e);
        }
    }

    private static FileStream Make(string name, FileMode mode, FileShare share = FileShare.Read)
    {
        var options =
            new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(name, options);
    }

    private void Continue()
    {
        var kept = ReadHead(out var isUnreadable);
        var (newest, reader, torn) = FindNewest();
        if (isUnreadable)
        {
            Fault =
                $"{AuditFolder.HeadName} in {directory} can't be read: whether the end of the log was cut off can't "
                    + "be told.";
            head = reader?.Head ?? AuditHead.None;
            if (newest is not null)
            {
                GoOnBehind(kept, AuditFolder.FirstOf(newest)!.Value);
            }

            Begin("changed", Fault);
            return;
        }

        if (newest is null)
        {
            head = kept;
            Fault = kept.Number == 0
                ? null
                : $"The files of the audit log in {directory} are gone; its newest record was {kept.Number}.";
            Begin(kept.Number == 0 ? "started" : "deleted", Fault);
            return;
        }

        head = reader!.Head;
        if (reader.Findings.FirstOrDefault(static one => one.IsFault) is { } fault)
        {
            Fault = $"{newest}: {fault.Text}";
            GoOnBehind(kept, AuditFolder.FirstOf(newest)!.Value);
            Begin("changed", Fault);
        }
        else if (head.Number < kept.Number || (head.Number == kept.Number && head != kept))
        {
            Fault =
                $"{newest} ends with record {head.Number}, and record {kept.Number} was written: its end was cut off,"
                + " or a file was deleted.";
            GoOnBehind(kept, AuditFolder.FirstOf(newest)!.Value);
            Begin("cut", Fault);
        }
        else
        {
            path = newest;
            file = Make(newest, FileMode.OpenOrCreate);
            position = reader.Bytes;
            RandomAccess.SetLength(file.SafeFileHandle, position);
            DistrustEnd();
            Append(
                new AuditEvent(AuditKind.Opened)
                {
                    Outcome = torn > 0 ? "torn" : "started", Target = Path.GetFileName(path),
                    Detail = torn > 0 ? $"{torn} bytes of a record that was not whole were cut off." : null,
                },
                previous: true);
        }
    }

    // Whether the process before could put its last records on the disk is not known.
    private void DistrustEnd()
    {
        var tail = new byte[Math.Min(position, TailBytesMax)];
        var start = position - tail.Length;
        for (var read = 0; read < tail.Length;)
        {
            var count = RandomAccess.Read(file!.SafeFileHandle, tail.AsSpan(read), start + read);
            if (count == 0)
            {
                throw new IOException($"{path} became shorter while it was read.");
            }

            read += count;
        }

        unsynced.AddRange(tail);
        isDistrusted = true;
    }

    // The older files are no business of a start: a reader verifies them. A file without a whole record is one that a
    // process had just begun when it ended; what was before it says where the log ends.
    private (string? Newest, AuditReader? Reader, long Torn) FindNewest()
    {
        long torn = 0;
        foreach (var found in AuditFolder.FilesIn(directory).Reverse())
        {
            var reader = new AuditReader(found);
            foreach (var _ in reader.Read())
            {
                // Verified on the way.
            }

            torn += new FileInfo(found).Length - reader.Bytes;
            if (reader.Records > 0 || reader.Findings.Any(static one => one.IsFault))
            {
                return (found, reader, torn);
            }

            File.Delete(found);
        }

        return (null, null, torn);
    }

    // A number that was given may not be given again.
    private void GoOnBehind(AuditHead kept, long first)
    {
        if (kept.Number >= head.Number)
        {
            head = kept;
        }

        if (head.Number < first)
        {
            head = new AuditHead(first, head.Hash);
        }
    }

    private AuditHead ReadHead(out bool isUnreadable)
    {
        var kept = Path.Combine(directory, AuditFolder.HeadName);
        isUnreadable = false;
        if (!File.Exists(kept))
        {
            return AuditHead.None;
        }

        isUnreadable = !AuditHead.TryParse(File.ReadAllText(kept).TrimEnd('\n'), out var found);
        return isUnreadable ? AuditHead.None : found;
    }

    private void Begin(string why, string? detail)
    {
        var next = Path.Combine(directory, AuditFolder.NameOf(head.Number + 1));
        var made = Make(next, FileMode.CreateNew);
        file?.Dispose();
        (file, path, position) = (made, next, 0);
        unsynced.Clear();
        isDistrusted = false;
        Append(
            new AuditEvent(AuditKind.Opened) { Outcome = why, Target = Path.GetFileName(path), Detail = detail },
            previous: true);
    }
}
