using System.Globalization;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>The reading side of the index of transfers and accounts. Thread-safe.</summary>
/// <param name="store">The index.</param>
/// <param name="journal">The journal that it follows.</param>
/// <param name="clock">The ledger's time.</param>
/// <param name="lagMax">How far it may lag.</param>
internal sealed class LedgerIndex(IIndexStore store, JournalReader journal, TimeProvider clock, TimeSpan lagMax)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until the index has folded a row.</summary>
    /// <param name="row">The row; none for as it is.</param>
    /// <param name="deadline">Until when.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It has not, or it lags too far.</exception>
    public async Task<IndexState> WaitForAsync(
        RowPosition row, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        long? place = null;
        while (true)
        {
            var state = await store.ReadStateAsync(cancellationToken);
            if (row.IsNone)
            {
                await RefuseLagAsync(state, cancellationToken);
                return state;
            }

            place ??= await journal.FindPlaceAsync(
                AccountActor.PersistenceIdOf(row.Account), row.SequenceNr, cancellationToken);
            if (place <= state.Checkpoint)
            {
                return state;
            }

            if (clock.GetUtcNow() + s_look >= deadline)
            {
                throw Behind(await LagAsync(state, cancellationToken));
            }

            await Task.Delay(s_look, cancellationToken);
        }
    }

    /// <summary>Waits until the index has folded all that was committed before the call.</summary>
    /// <exception cref="LedgerException">It has not.</exception>
    public async Task WaitForAllAsync(DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var head = await journal.HeadAsync(cancellationToken);
        while (true)
        {
            var state = await store.ReadStateAsync(cancellationToken);
            if (state.Checkpoint >= head.Highest)
            {
                return;
            }

            if (clock.GetUtcNow() + s_look >= deadline)
            {
                throw Behind(await LagAsync(state, cancellationToken));
            }

            await Task.Delay(s_look, cancellationToken);
        }
    }

    /// <summary>Reads a page of transfers.</summary>
    public async Task<TransferSearchPage> SearchAsync(
        TransferSearch search, IndexState state, CancellationToken cancellationToken)
    {
        var statements = new TransferStatements(search.Filter, search.NewestFirst, store.OrdersByLead);
        IndexCursor? after = search.After is null ? null
            : IndexCursor.TryParse(search.After, out var cursor) ? cursor
            : throw new LedgerException(LedgerErrorReason.InvalidArgument, "There is no such page.", "after");
        var found = await store.QueryAsync(
            statements.Page(after, search.PageSize + 1),
            static reader => (Transfer: IndexRows.Transfer(reader), Account: reader.GetString(7)), cancellationToken);
        var records = new List<TransferRecord>();
        var size = EncodedSize.Row;
        foreach (var (transfer, _) in found.Take(search.PageSize))
        {
            size += EncodedSize.OfTransfer(transfer.Transfer);
            if (size > LedgerSizes.AnswerMax && records.Count > 0)
            {
                break;
            }

            records.Add(transfer.ToRecord());
        }

        IndexCursor? next = null;
        if (records.Count < found.Count)
        {
            var last = found[records.Count - 1];
            next = new IndexCursor(last.Account, last.Transfer.Key);
        }
        else
        {
            // What was looked at may have ended before what there is.
            var ends = await store.QueryAsync(
                statements.LastScanned(after),
                static reader => new IndexCursor(reader.GetString(3), IndexRows.Key(reader)), cancellationToken);
            next = ends.Count == 0 ? null : ends[0];
        }

        var count = search.Count ? await CountAsync(statements.Count(), cancellationToken) : default;
        return new TransferSearchPage(records, next?.ToString())
        {
            Count = count?.Count, IsCountCut = count?.IsCut ?? false, Position = state.Last, AsOf = state.AsOf,
        };
    }

    /// <summary>Reads a page of accounts.</summary>
    public async Task<AccountSearchPage> SearchAsync(
        AccountSearch search, IndexState state, CancellationToken cancellationToken)
    {
        var now = LedgerTime.From(clock.GetUtcNow());
        var statements = new AccountStatements(search.Filter, now);
        if (search.After is not null && !AccountAddress.TryParse(search.After, out _))
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "There is no such page.", "after");
        }

        var found = await store.QueryAsync(
            statements.Page(search.After, search.PageSize + 1), IndexRows.Account, cancellationToken);
        var accounts = new List<AccountSummary>();
        var size = EncodedSize.Row;
        foreach (var one in found.Take(search.PageSize))
        {
            size += EncodedSize.OfText(one.Spec.Reference, one.Spec.Metadata) + EncodedSize.Row;
            if (size > LedgerSizes.AnswerMax && accounts.Count > 0)
            {
                break;
            }

            accounts.Add(new AccountSummary(one.Spec, one.OpenTime, one.IsClosed)
            {
                Freeze = one.Freeze is { } freeze && freeze.HoldsAt(now)
                    ? freeze
                    : null, ClosedReason = one.ClosedReason,
            });
        }

        string? next;
        if (accounts.Count < found.Count)
        {
            next = accounts[^1].Spec.Address.Text;
        }
        else
        {
            var ends = await store.QueryAsync(
                statements.LastScanned(search.After), static reader => reader.GetString(0), cancellationToken);
            next = ends.Count == 0 ? null : ends[0];
        }

        var count = search.Count ? await CountAsync(statements.Count(), cancellationToken) : default;
        return new AccountSearchPage(accounts, next)
        {
            Count = count?.Count, IsCountCut = count?.IsCut ?? false, Position = state.Last, AsOf = state.AsOf,
        };
    }

    /// <summary>The debit accounts of the transfers that have an id, and whether one of them was created.</summary>
    public async Task<IReadOnlyList<(AccountAddress Debit, bool IsCreated)>> LocateAsync(
        TransferId id, CancellationToken cancellationToken)
    {
        var statement = new IndexStatement();
        statement.Sql = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT DISTINCT debit_account, status FROM ledger_transfer WHERE id = {statement.Add(id)} LIMIT 100");
        var found = await store.QueryAsync(
            statement, static reader => (Debit: reader.GetString(0), Status: reader.GetInt32(1)), cancellationToken);
        return [
            .. found.Where(static one => one.Debit.Length > 0).GroupBy(static one => one.Debit).Select(static group => (
            AccountAddress.Parse(group.Key), group.Any(static one => one.Status == (int)TransferStatus.Created)))];
    }

    private async Task<(long Count, bool IsCut)?> CountAsync(
        IndexStatement statement, CancellationToken cancellationToken)
    {
        var found = await store.QueryAsync(
            statement, static reader => (Looked: reader.GetInt64(0), Fit: reader.GetInt64(1)), cancellationToken);
        return (Math.Min(found[0].Fit, TransferStatements.CountMax), found[0].Looked > TransferStatements.CountMax);
    }

    private async Task RefuseLagAsync(IndexState state, CancellationToken cancellationToken)
    {
        if (await LagAsync(state, cancellationToken) is var lag && lag > lagMax)
        {
            throw Behind(lag);
        }
    }

    private async Task<TimeSpan> LagAsync(IndexState state, CancellationToken cancellationToken)
    {
        if (await journal.TimeAfterAsync(state.Checkpoint, cancellationToken) is not { } since)
        {
            return TimeSpan.Zero;
        }

        var micros = LedgerTime.From(clock.GetUtcNow()).UnixMicroseconds - since;
        return micros > 0 ? TimeSpan.FromMicroseconds(micros) : TimeSpan.Zero;
    }

    private static LedgerException Behind(TimeSpan lag) => new(
        LedgerErrorReason.IndexBehind,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The index of transfers and accounts is {lag.TotalSeconds:0.0} s behind the journal. "
                + $"Retry after a pause."))
    {
        Lag = lag,
    };
}
