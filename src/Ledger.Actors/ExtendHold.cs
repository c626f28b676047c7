namespace Ledger;

/// <summary>Asks for another deadline of a hold. Immutable.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Deadline">When it is to expire; in the future.</param>
public sealed record ExtendHold(TransferId HoldId, LedgerTime Deadline)
{
    /// <summary>The hold's debit account; none when the caller does not know it.</summary>
    public AccountAddress Account { get; init; }
}
