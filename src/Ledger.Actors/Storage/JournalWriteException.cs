namespace Ledger.Actors.Storage;

/// <summary>A write that is known not to be stored.</summary>
internal sealed class JournalWriteException : Exception
{
    public JournalWriteException(string message)
        : base(message)
    {
    }

    public JournalWriteException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
