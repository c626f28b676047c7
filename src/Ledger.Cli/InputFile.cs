namespace Ledger.Cli;

/// <summary>A file that a command reads whole; <c>-</c> is standard input.</summary>
internal static class InputFile
{
    /// <summary>The name of standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>Reads it. What can't be read is said on standard error.</summary>
    /// <returns>Its bytes, or null.</returns>
    public static async Task<byte[]?> ReadAsync(CliContext context, string name, CancellationToken cancellationToken)
    {
        try
        {
            if (!string.Equals(name, StandardInput, StringComparison.Ordinal))
            {
                return await File.ReadAllBytesAsync(name, cancellationToken);
            }

            await using var input = context.OpenInput();
            using var bytes = new MemoryStream();
            await input.CopyToAsync(bytes, cancellationToken);
            return bytes.ToArray();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await context.Error.WriteLineAsync($"error: {LedgerCli.OneLine(failure.Message)}");
            return null;
        }
    }
}
