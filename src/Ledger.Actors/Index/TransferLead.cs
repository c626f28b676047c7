namespace Ledger.Actors.Index;

/// <summary>The field of a filter by which transfers are found.</summary>
internal enum TransferLead
{
    None,
    Id,
    Transaction,
    Hold,
    Reverses,
    Reference,
    Metadata,
    Account,
    Principal,
    Prefix,
    Live,
    Refused,
    Code,
    Time,
}
