namespace Ledger.Client;

/// <summary>Somebody whose calls are refused until a time.</summary>
/// <param name="Kind">What the subject is.</param>
/// <param name="Subject">The principal, the id of the key, the address or the network.</param>
/// <param name="CreateTime">Since when.</param>
/// <param name="ExpireTime">Until when.</param>
/// <param name="Principal">Who has blocked it; <c>ledger:automatic</c> for the ledger itself.</param>
/// <param name="Reason">Why.</param>
public sealed record CallerBlock(
    CallerBlockKind Kind, string Subject, DateTimeOffset CreateTime, DateTimeOffset ExpireTime, string Principal,
    string Reason);
