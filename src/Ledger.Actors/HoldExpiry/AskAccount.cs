using Ledger.Core;

namespace Ledger.Actors.HoldExpiry;

/// <summary>Sends an account a call and waits for its answer; <c>TimedOut</c> when none comes.</summary>
/// <param name="account">The account.</param>
/// <param name="call">Makes the call of its caller and deadline.</param>
/// <param name="cancellationToken">Stops waiting.</param>
internal delegate Task<AccountResponse> AskAccount(
    AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> call, CancellationToken cancellationToken);
