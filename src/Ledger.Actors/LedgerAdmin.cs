using Ledger.Actors.Calls;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary><see cref="ILedgerAdmin"/> over the hold index and the accounts.</summary>
internal sealed class LedgerAdmin(
    IHoldIndex work, RequestDispatcher dispatcher, PositionText positions, DoubtResolver resolver) : ILedgerAdmin
{
    public async Task<InDoubtResolution> ResolveInDoubtAsync(
        InDoubtVerdict verdict, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        Check(verdict.Account.IsNone, "The address is empty.", "address");
        Check(verdict.Id.IsNil, "The id is empty.", "transaction_id");
        Check(verdict.By.Length == 0, "The person is missing: it is journaled who had it aborted.", "principal");
        Check(Principals.Check(verdict.By) is { } who ? $"The person {who}." : null, "principal");
        Check(OperatorVerdict.CheckReason(verdict.Reason) is { } why ? $"The reason {why}." : null, "reason");
        return await resolver.ResolveAsync(verdict, dispatcher.DeadlineOf(timeout), cancellationToken);
    }

    private static void Check(bool isWrong, string message, string field) => Check(isWrong ? message : null, field);

    private static void Check(string? problem, string field)
    {
        if (problem is not null)
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, problem, field);
        }
    }

    public async Task<InDoubtPage> ListInDoubtAsync(
        string? after, int pageSize, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckLimit(pageSize));
        AccountAddress from = default;
        if (after is not null && !AccountAddress.TryParse(after, out from))
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "There is no such page.", "after");
        }

        try
        {
            var epoch = positions.Epoch;
            var found = await work.ListUnfinishedAsync(from, pageSize, cancellationToken);
            return new InDoubtPage(
                [.. found.Select(static one => new AccountInDoubt(one.Account, one.Since))],
                found.Count == pageSize ? found[^1].Account.Text : null)
            {
                Epoch = epoch,
            };
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException or TimeoutException)
        {
            throw new LedgerException(LedgerErrorReason.JournalUnavailable, "The hold index can't be read now.");
        }
    }
}
