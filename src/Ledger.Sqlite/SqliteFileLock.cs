using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Ledger.Sqlite;

/// <summary>Locks a SQLite file as such, by whatever name it was opened (symbolic and hard links, bind mounts), and knows whether it is
/// still at its path (R19 f).</summary>
/// <remarks>By flock(2), which SQLite does not use: its own locks are those of fcntl(2), on other bytes and of another kind. Called
/// directly, since .NET's own file locking can be switched off by the environment. On Windows a file can't be replaced while it is
/// open, and the lock beside it is all there is.</remarks>
internal sealed partial class SqliteFileLock : IDisposable
{
    private const int Exclusive = 2;
    private const int NonBlocking = 4;

    // 11 on Linux, 35 on macOS.
    private static readonly int[] s_wouldBlock = [11, 35];

    private readonly SafeFileHandle _handle;
    private readonly string? _target;

    private SqliteFileLock(SafeFileHandle handle)
    {
        _handle = handle;
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

        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException))
        {
            // Where .NET's own locking is on, it meets the other one's lock here already.
            throw new InvalidOperationException(InUse(path), e);
        }

        if (Flock(handle, Exclusive | NonBlocking) == 0)
        {
            return new SqliteFileLock(handle);
        }

        var error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        throw new InvalidOperationException(s_wouldBlock.Contains(error)
            ? InUse(path)
            : $"The SQLite file '{path}' can't be locked ({Marshal.GetPInvokeErrorMessage(error)}). Use a local disk.");
    }

    /// <summary>Where the file is now, if no longer where it was opened; null where it is, or where that can't be told.</summary>
    public string? FindMove() => _target is not null && Target() is { } now && now != _target ? now : null;

    public void Dispose() => _handle.Dispose();

    private static string InUse(string path) =>
        $"The SQLite file '{path}' is in use by another process or ledger, perhaps by another name (a link, a mount). A SQLite ledger"
        + " runs in one process; stop the other one, or use PostgreSQL for several.";

    // Linux says under which name an open file is to be found, and whether that is gone.
    private string? Target()
    {
        try
        {
            return OperatingSystem.IsLinux() && !_handle.IsClosed
                ? new FileInfo($"/proc/self/fd/{_handle.DangerousGetHandle()}").LinkTarget
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
