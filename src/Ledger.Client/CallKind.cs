namespace Ledger.Client;

/// <summary>What a call is to the ledger, and so what its failure leaves open.</summary>
internal enum CallKind
{
    /// <summary>Changes nothing, so its failure leaves nothing open.</summary>
    Read,

    /// <summary>One transfer: a refusal of the call moved nothing.</summary>
    Write,

    /// <summary>A change without an id, such as a freeze: what may have been sent is never sent again, since a late
    /// copy could undo what somebody else has changed since.</summary>
    Change,

    /// <summary>Many at once: a refusal may come after some were done, unless the request was malformed.</summary>
    WriteBatch,
}
