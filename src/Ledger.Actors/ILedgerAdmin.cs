namespace Ledger.Actors;

/// <summary>What an operator asks of the ledger, in process. Thread-safe. What is in doubt on one account is told by
/// <see cref="ILedger.GetAccountAsync(AccountQuery, TimeSpan?, CancellationToken)"/>.</summary>
public interface ILedgerAdmin
{
    /// <summary>Lists the accounts that are noted as in doubt for long, in the order of their addresses. One may be among them
    /// that is in doubt no more.</summary>
    /// <param name="after">The <see cref="InDoubtPage.Next"/> of the page before, or null for the first page.</param>
    /// <param name="limit">How many at most, 1 to <see cref="Ledger.Core.LedgerLimits.PageSizeMax"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now, or the limit or the place is not valid.</exception>
    Task<InDoubtPage> ListInDoubtAsync(string? after, int limit, CancellationToken cancellationToken = default);
}
