using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary><see cref="ILedgerAdmin"/> over the index of work.</summary>
internal sealed class LedgerAdmin(ILedgerWorkIndex work) : ILedgerAdmin
{
    public async Task<InDoubtPage> ListInDoubtAsync(
        string? after, int limit, CancellationToken cancellationToken = default)
    {
        if (limit is < 1 or > LedgerLimits.PageSizeMax)
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, $"The limit is {limit}; 1 to {LedgerLimits.PageSizeMax} are allowed.", "limit");
        }

        AccountAddress from = default;
        if (after is not null && !AccountAddress.TryParse(after, out from))
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "There is no such page.", "after");
        }

        try
        {
            var found = await work.ListUnfinishedAsync(from, limit, cancellationToken);
            return new InDoubtPage(
                [.. found.Select(static one => new AccountInDoubt(one.Account, one.Since))],
                found.Count == limit ? found[^1].Account.Text : null);
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException or TimeoutException)
        {
            throw new LedgerException(LedgerErrorReason.JournalUnavailable, "The index of work can't be read now.");
        }
    }
}
