namespace Ledger;

/// <summary>What an operator asks of the ledger, in process. Thread-safe. What is in doubt on one account is told by
/// <see cref="ILedger.GetAccountAsync(AccountQuery, TimeSpan?, CancellationToken)"/>.</summary>
public interface ILedgerAdmin
{
    /// <summary>Lists the accounts that are noted as in doubt for long, in the order of their addresses. One may be
    /// among them that is in doubt no more.</summary>
    /// <param name="after">The <see cref="InDoubtPage.Next"/> of the page before, or null for the first page.</param>
    /// <param name="pageSize">How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now, or the limit or the place is not valid.</exception>
    Task<InDoubtPage> ListInDoubtAsync(string? after, int pageSize, CancellationToken cancellationToken = default);

    /// <summary>Ends a transaction that is in doubt: it is aborted, unless its last agent has committed it. Only to
    /// abort can be asked for. First the last agent is asked to refuse, and what it answers is the outcome. Where it
    /// does not answer, its journal is read for what it has decided; and where it has decided nothing, the refusal is
    /// written there in its place, with the person and the reason, so that it can't commit any more whatever it knows.
    /// The same call may be made again. What is committed is booked by the coordinator last: where another of its
    /// accounts can't be read, the answer names that account, which has to be fixed.</summary>
    /// <param name="verdict">What is to be ended, by whom, and why.</param>
    /// <param name="timeout">How long to wait in all; null for the default of the ledger.</param>
    /// <param name="cancellationToken">Stops waiting; what is begun may still be done.</param>
    /// <exception cref="LedgerException">The account has nothing of it in doubt; the coordinator does not answer; what
    /// the last agent has decided can't be told, because a row of its journal that may hold it can't be read; or the
    /// request is not valid.</exception>
    Task<InDoubtResolution> ResolveInDoubtAsync(
        InDoubtVerdict verdict, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
}
