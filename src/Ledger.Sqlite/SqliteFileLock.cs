using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Ledger.Sqlite;

/// <summary>Locks a SQLite file as such, by whatever name it was opened (symbolic and hard links, bind mounts), and
/// knows whether it is still at its path (R19 f).</summary>
/// <remarks>By flock(2), which SQLite does not use: its own locks are those of fcntl(2), on other bytes and of another
/// kind. Called directly, since .NET's own file locking can be switched off by the environment. On Windows a file can't
/// be replaced while it is open, and the lock beside it is all there is.</remarks>
internal sealed partial class SqliteFileLock : IDisposable
{
    private const int Exclusive = 2;
    private const int NonBlocking = 4;

    // 11 on Linux, 35 on macOS.
    private static readonly int[] s_wouldBlock = [11, 35];

    /// <summary>What a file is made with: its owner alone reads and writes. SQLite gives the files beside it the
    /// same.</summary>
    public const UnixFileMode CreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _stream;
    private readonly string? _target;

    private SqliteFileLock(FileStream stream)
    {
        _stream = stream;
        _target = Target();
    }

    /// <summary>Locks a file, which is created empty where there is none.</summary>
    /// <returns>Null where the file itself can't be locked on this system.</returns>
    /// <exception cref="InvalidOperationException">Another process has it.</exception>
    public static SqliteFileLock? Acquire(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        FileStream stream;
        try
        {
            // Not more than SQLite would give it: with a umask of 0 anybody could write it.
            stream = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                UnixCreateMode = CreateMode,
            });
        }
        catch (IOException e) when (e.GetType() == typeof(IOException))
        {
            // Where .NET's own locking is on, it meets the other one's lock here already.
            throw new InvalidOperationException(InUse(path), e);
        }

        if (Flock(stream.SafeFileHandle, Exclusive | NonBlocking) == 0)
        {
            return new SqliteFileLock(stream);
        }

        var error = Marshal.GetLastPInvokeError();
        stream.Dispose();
        throw new InvalidOperationException(s_wouldBlock.Contains(error)
            ? InUse(path)
            : $"The SQLite file '{path}' can't be locked ({Marshal.GetPInvokeErrorMessage(error)}). Use a local disk.");
    }

    /// <summary>What is wrong with how the file is named; null for nothing. SQLite finds its write-ahead log by the
    /// name that it opens, so what was committed under one name, and is in the log beside it after a crash, is missing
    /// under another. Symbolic links are no other name: SQLite follows them.</summary>
    public string? FaultInName()
    {
        if (!OperatingSystem.IsLinux() || _target is null)
        {
            return null;
        }

        if (NamesOf(_stream.SafeFileHandle) is > 1 and var names)
        {
            return $"it has {names} names (hard links). SQLite's log lies beside one of them and is not seen by the "
                + "others, so what was committed last could be missing. Keep one name and remove the others; to have "
                + "a copy, copy the file.";
        }

        return IsMountPoint(_target)
            ? "it is mounted by itself (a bind mount of one file, as by 'docker run -v FILE:FILE'). SQLite's log lies "
                + "beside it and would be left behind with what was committed last. Mount its directory."
            : null;
    }

    /// <summary>Where the file is now, if no longer where it was opened; null where it is, or where that can't be
    /// told.</summary>
    public string? FindMove() => _target is not null && Target() is { } now && now != _target ? now : null;

    public void Dispose() => _stream.Dispose();

    private static string InUse(string path) =>
        $"The SQLite file '{path}' is in use by another process or ledger, perhaps by another name (a link, a mount). "
        + "A SQLite ledger runs in one process; stop the other one, or use PostgreSQL for several.";

    // Linux says under which name an open file is to be found, and whether that is gone.
    private string? Target()
    {
        try
        {
            return OperatingSystem.IsLinux() && _stream.CanRead
                ? new FileInfo($"/proc/self/fd/{_stream.SafeFileHandle.DangerousGetHandle()}").LinkTarget
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return null;
        }
    }

    private static uint? NamesOf(SafeFileHandle file)
    {
        const int emptyPath = 0x1000;
        const uint nlink = 4;
        const int nlinkAt = 16;
        Span<byte> found = stackalloc byte[256];
        try
        {
            return Statx(file, "", emptyPath, nlink, found) == 0 ? MemoryMarshal.Read<uint>(found[nlinkAt..]) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    // Its fifth field is where a mount is, with what would separate fields written in octal.
    private static bool IsMountPoint(string path)
    {
        var escaped = path.Replace("\\", "\\134", StringComparison.Ordinal)
            .Replace(" ", "\\040", StringComparison.Ordinal).Replace("\t", "\\011", StringComparison.Ordinal)
            .Replace("\n", "\\012", StringComparison.Ordinal);
        try
        {
            return File.ReadLines("/proc/self/mountinfo")
                .Any(line => line.Split(' ') is { Length: > 4 } fields && fields[4] == escaped);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle directory, string path, int flags, uint mask, Span<byte> found);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
