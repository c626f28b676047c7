using Ledger.Actors.Index;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary><see cref="ILedgerQueries"/> over the accounts and the index.</summary>
/// <param name="dispatcher">Admits calls.</param>
/// <param name="accountReader">Reads accounts.</param>
/// <param name="transferReader">Reads transfers.</param>
/// <param name="positions">Reads positions.</param>
/// <param name="index">The index of transfers and accounts; null where it is off.</param>
internal sealed class LedgerQueries(
    RequestDispatcher dispatcher, AccountReader accountReader, TransferReader transferReader, PositionText positions,
    LedgerIndex? index) : ILedgerQueries
{
    public async Task<TransferSearchPage> SearchTransfersAsync(
        TransferSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var found = RequireIndex();
        CallFailures.ThrowIf(RequestRules.CheckLimit(search.PageSize));
        SearchRules.Check(search.Filter);
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var row = RowOf(search.AtLeast);
        var (end, epoch) = (call.End, positions.Epoch);
        return await dispatcher.ReadAsync(
            async token =>
            {
                var state = await found.WaitForAsync(row, end.Deadline, token);
                return (await found.SearchAsync(search, state, token)) with { Epoch = epoch };
            },
            end);
    }

    public async Task<AccountSearchPage> SearchAccountsAsync(
        AccountSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var found = RequireIndex();
        CallFailures.ThrowIf(RequestRules.CheckLimit(search.PageSize));
        SearchRules.Check(search.Filter);
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var row = RowOf(search.AtLeast);
        var (end, epoch) = (call.End, positions.Epoch);
        return await dispatcher.ReadAsync(
            async token =>
            {
                var state = await found.WaitForAsync(row, end.Deadline, token);
                return (await found.SearchAsync(search, state, token)) with { Epoch = epoch };
            },
            end);
    }

    public async Task<HoldPage?> ListHoldsAsync(
        HoldQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        CallFailures.ThrowIf(
            RequestRules.CheckAddress(query.Account, "account") ?? RequestRules.CheckLimit(query.PageSize));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var epoch = positions.Epoch;
        return await transferReader.HoldsAsync(query, call.End) is { } page ? page with { Epoch = epoch } : null;
    }

    public async Task<IReadOnlyList<Account?>> GetAccountsAsync(
        IReadOnlyList<AccountAddress> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        AccountAddress[] asked = [.. accounts];
        CallFailures.ThrowIf(RequestRules.CheckCount(asked.Length, "accounts") ?? RequestRules.CheckAll(
            asked, "accounts", static (address, place) => RequestRules.CheckAddress(address, place.Name)));
        using var call = dispatcher.Begin(asked.Length, timeout, cancellationToken);
        return await accountReader.GetAllAsync(asked, call.End);
    }

    public async Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyList<TransferKey> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        TransferKey[] asked = [.. transfers];
        CallFailures.ThrowIf(RequestRules.CheckCount(asked.Length, "transfers") ?? RequestRules.CheckAll(
            asked, "transfers", static (key, place) => RequestRules.CheckId(key.Id, place.Of("id"))));
        using var call = dispatcher.Begin(asked.Length, timeout, cancellationToken);
        var end = call.End;
        var records = await ManyCalls.AllAsync([.. asked.Select(one => transferReader.FindAsync(one, end))]);
        long size = EncodedSize.Row;
        foreach (var record in records)
        {
            size += record is null ? 0 : EncodedSize.OfTransfer(record.Transfer) + EncodedSize.Row;
        }

        CallFailures.ThrowIf(RequestRules.CheckAnswer(size, "transfers"));
        return records;
    }

    private LedgerIndex RequireIndex() => index ?? throw new LedgerException(
        LedgerErrorReason.IndexOff,
        "This node keeps no index of transfers and accounts, so it can't search them. The operator turns it on with"
        + " Ledger:Index:Enabled.");

    private RowPosition RowOf(string text)
    {
        if (text.Length == 0)
        {
            return default;
        }

        if (!positions.TryRead(text, out var epoch, out var row))
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, "It is no position that this ledger has answered with.", "at_least");
        }

        return epoch == positions.Epoch ? row : throw new LedgerException(
            LedgerErrorReason.InvalidArgument,
            $"The position is of epoch {epoch}, and the ledger is in epoch {positions.Epoch}: its database has lost"
            + " commits in between, and what was there then may be there no more.",
            "at_least");
    }
}
