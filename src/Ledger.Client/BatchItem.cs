namespace Ledger.Client;

/// <summary>One item of a batch.</summary>
/// <param name="Leg">What it does. A transfer needs an id.</param>
/// <param name="Linked">Whether the next item belongs to the same chain, whose items happen all or not at all. A chain
/// ends with the first item that is not linked. The default is false.</param>
public sealed record BatchItem(TransactionLeg Leg, bool Linked = false);
