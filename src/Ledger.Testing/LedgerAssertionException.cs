namespace Ledger.Testing;

/// <summary>A ledger is not as a test says that it is.</summary>
public sealed class LedgerAssertionException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was found, and what was wanted.</param>
    public LedgerAssertionException(string message)
        : base(message)
    {
    }
}
