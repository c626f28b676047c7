namespace Ledger.Client;

/// <summary>What the connections of a client were greeted with, where it was no greeting.</summary>
internal sealed class Greetings
{
    private volatile NoLedgerException? last;

    /// <summary>The last refusal; null before.</summary>
    public NoLedgerException? Last
    {
        get => last;
        set => last = value;
    }

    /// <summary>Finds the refusal that a failed request is due to. Where the connection ends while it is being handed
    /// over to its first request, that is told no cause.</summary>
    /// <returns>The refusal; null where the request failed otherwise, so that it may have been sent.</returns>
    public NoLedgerException? Behind(Exception failure) =>
        NoLedgerException.In(failure)
        ?? (failure is HttpRequestException { InnerException: null }
            && failure.Message.Contains("did not complete the HTTP/2 handshake", StringComparison.Ordinal)
                ? Last ?? new NoLedgerException(NoLedgerKind.Silent, cause: null)
                : null);
}
