namespace Ledger;

/// <summary>A change of an account, journaled. Each sets what it names to a value, so repeating it changes
/// nothing.</summary>
public abstract record AccountChange;

/// <summary>Freezes an account, or changes its freeze. Posted balances stay, holds can be voided and expire.</summary>
/// <param name="Freeze">What is refused; at least one of debits and credits.</param>
public sealed record FreezeAccount(AccountFreeze Freeze) : AccountChange;

/// <summary>Ends a freeze.</summary>
/// <param name="Reason">Why.</param>
public sealed record UnfreezeAccount(string Reason) : AccountChange;

/// <summary>Closes an account: it takes no transfer but the void and expiry of its holds.</summary>
/// <param name="Reason">Why.</param>
public sealed record CloseAccount(string Reason) : AccountChange;

/// <summary>Opens a closed account again.</summary>
/// <param name="Reason">Why.</param>
public sealed record ReopenAccount(string Reason) : AccountChange;

/// <summary>Sets the limits of an account. At most one of them; refused when the account breaks it already.</summary>
/// <param name="DebitsMustNotExceedCredits">See <see cref="AccountSpec.DebitsMustNotExceedCredits"/>.</param>
/// <param name="CreditsMustNotExceedDebits">See <see cref="AccountSpec.CreditsMustNotExceedDebits"/>.</param>
public sealed record SetAccountLimits(Amount? DebitsMustNotExceedCredits, Amount? CreditsMustNotExceedDebits)
    : AccountChange;
