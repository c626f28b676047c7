namespace Ledger.Client;

/// <summary>A connection ended before a server of gRPC had said anything on it, so that no request left on
/// it.</summary>
internal sealed class NoLedgerException(NoLedgerKind kind, Exception? cause)
    : IOException($"The connection was of no use before anything was asked on it ({kind}).", cause)
{
    /// <summary>What was there instead.</summary>
    public NoLedgerKind Kind { get; } = kind;

    /// <summary>The one in an exception or its causes; null for none.</summary>
    public static NoLedgerException? In(Exception? failure)
    {
        while (failure is not (null or NoLedgerException))
        {
            failure = failure.InnerException;
        }

        return (NoLedgerException?)failure;
    }
}
