using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors;

/// <content>What an operator asks of an account that has something in doubt.</content>
internal sealed partial class LedgerService
{
    /// <summary>Says when a call with a timeout must be over, as every call does.</summary>
    /// <param name="timeout">The timeout; null for the default of the ledger.</param>
    internal DateTimeOffset DeadlineOf(TimeSpan? timeout)
    {
        var deadline = Begin(1, timeout);
        calls.Leave(1);
        return deadline;
    }

    /// <summary>Asks an account about a transaction in doubt. It may be asked again and again.</summary>
    /// <param name="account">The account.</param>
    /// <param name="call">What is asked.</param>
    /// <param name="deadline">Until when.</param>
    /// <param name="mark">The history of the database that the call tells of; null where it tells of none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal async Task<ResolveInDoubtResponse> ResolveAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> call, DateTimeOffset deadline,
        DatabaseMark? mark,
        CancellationToken cancellationToken)
    {
        var answer = await AskAsync(account, call, deadline, retryOverload: true, hasId: true, cancellationToken, mark);
        return answer switch
        {
            ResolveInDoubtResponse resolved => resolved,
            TimedOut => throw new LedgerException(
                LedgerErrorReason.DeadlineExceeded,
                $"Account {account} gave no answer within the deadline. A transaction is resolved by way of its"
                + " coordinator: when that is another account, name it; when it is this one, it must be readable first."),
            _ => throw Failed(answer),
        };
    }
}
