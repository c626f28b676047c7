namespace Ledger.Cli.Output;

/// <summary>A result can't be written: a disk is full, or what it was to go to is closed.</summary>
internal sealed class OutputException(Exception cause) : Exception(Sentence(cause.Message), cause)
{
    private static string Sentence(string text) => text.EndsWith('.') ? text : text + ".";
}
