using Grpc.Core;

namespace Ledger.Client;

/// <summary>A call to the ledger failed as a whole. A transfer that is rejected is not a failure but a
/// <see cref="TransferResult"/>.</summary>
public sealed class LedgerClientException : Exception
{
    internal LedgerClientException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>The gRPC status of the last attempt.</summary>
    public StatusCode Code { get; internal init; }

    /// <summary>The ledger's own reason, such as <c>OVERLOADED</c>; empty when the failure did not come from the ledger
    /// but from the way there.</summary>
    public string Reason { get; internal init; } = "";

    /// <summary>The field of the request that is at fault; empty when none is named.</summary>
    public string Field { get; internal init; } = "";

    /// <summary>Whether what was asked for may or may not have been recorded. Send it again, with the same id and
    /// content, for as long as it takes. False means that this request recorded nothing; always false for
    /// reads.</summary>
    public bool OutcomeUnknown { get; internal init; }

    /// <summary>Whether no node could be reached: no attempt got as far as a connection, so nothing was
    /// asked.</summary>
    public bool Unreachable { get; internal init; }

    /// <summary>Whether there is somebody at the address who does not answer as a node does at its gRPC port: it is
    /// the port of the JSON API, no TLS connection comes about, or every connection ends before a word. Nothing was
    /// asked; the message says what to look at.</summary>
    public bool Misaddressed { get; internal init; }

    /// <summary>Whether that may be otherwise in a moment.</summary>
    internal bool MayPass { get; init; }

    /// <summary>How long the ledger asks to wait before another attempt; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; internal init; }
}
