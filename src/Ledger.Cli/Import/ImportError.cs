using Ledger.Cli.Output;

namespace Ledger.Cli.Import;

/// <summary>One thing that is wrong with a posting file.</summary>
/// <param name="File">The file's name as it was given.</param>
/// <param name="Line">The line.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record ImportError(string File, long Line, string Message)
{
    public override string ToString() => Printable.Of($"{File}:{Line}: {Message}");
}
