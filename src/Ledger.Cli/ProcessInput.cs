namespace Ledger.Cli;

/// <summary>The standard input of the process.</summary>
internal static class ProcessInput
{
    private const string Descriptors = "/proc/self/fd";
    private const string Details = "/proc/self/fdinfo";
    private const int AccessMask = 3;

    /// <summary>Opens it.</summary>
    /// <exception cref="IOException">It is closed.</exception>
    public static Stream Open() => IsClosed()
        ? throw new IOException("Standard input is closed. Name a file, or send one: ledger ... < FILE.")
        : Console.OpenStandardInput();

    // If a shell has closed it
    // (<&-), the runtime gets its number for a pipe of its own, and whoever reads that waits for ever. Such a pipe is
    // known by its other end, which is in this process too.
    private static bool IsClosed()
    {
        if (!OperatingSystem.IsLinux() || !Directory.Exists(Descriptors))
        {
            return false;
        }

        try
        {
            if (LinkOf("0") is not { } input)
            {
                return true;
            }

            return input.StartsWith("anon_inode:", StringComparison.Ordinal)
                || (input.StartsWith("pipe:", StringComparison.Ordinal)
                    && Directory.EnumerateFileSystemEntries(Descriptors).Select(Path.GetFileName)
                        .Any(name => LinkOf(name!) == input && IsWritten(name!)));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A system that shows nothing of it: reading says what is wrong, if anything is.
            return false;
        }
    }

    private static string? LinkOf(string descriptor) => new FileInfo($"{Descriptors}/{descriptor}").LinkTarget;

    private static bool IsWritten(string descriptor)
    {
        const string flags = "flags:";
        try
        {
            var line = File.ReadLines($"{Details}/{descriptor}")
                .First(static one => one.StartsWith(flags, StringComparison.Ordinal));
            return (Convert.ToInt64(line[flags.Length..].Trim(), 8) & AccessMask) != 0;
        }
        catch (FileNotFoundException)
        {
            // Closed since it was listed.
            return false;
        }
    }
}
