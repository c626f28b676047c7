namespace Ledger.Client;

/// <summary>What files hold, read anew when one of them has changed. While they can't be read, what was read before is
/// used: they are being replaced. Thread-safe.</summary>
internal sealed class FreshFile<T>
{
    private readonly string[] paths;
    private readonly Func<string[], T> read;
    private readonly Lock gate = new();
    private string stamp;
    private T value;

    public FreshFile(string[] paths, Func<string[], T> read)
    {
        (this.paths, this.read) = (paths, read);
        stamp = Stamp();
        value = read(paths);
    }

    public T Value
    {
        get
        {
            lock (gate)
            {
                var now = Stamp();
                if (!string.Equals(now, stamp, StringComparison.Ordinal))
                {
                    try
                    {
                        value = read(paths);
                        stamp = now;
                    }
                    catch (Exception failure) when (failure is IOException or UnauthorizedAccessException
                        or InvalidDataException or System.Security.Cryptography.CryptographicException)
                    {
                        // The next one who asks looks again.
                    }
                }

                return value;
            }
        }
    }

    // By the file behind a link: that is how mounted secrets change.
    private string Stamp() => string.Join('\n', paths.Select(static path =>
    {
        var file = new FileInfo(path);
        var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return target.Exists ? $"{target.FullName} {target.LastWriteTimeUtc.Ticks} {target.Length}" : "";
    }));
}
