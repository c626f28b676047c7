using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Reads a last agent's journal in its place (R20).</summary>
/// <remarks>
/// A last agent is asked once the coordinator's preparation is durable. So what it decides is stored later than that,
/// whatever the clocks were; and the place of a row in the whole journal says what was stored later. All such rows must
/// be readable. The older ones are not looked at: they may be what is damaged.
/// </remarks>
internal sealed class LastAgentReader(IIndexedStreams streams)
{
    private const int RowsMax = 256;

    /// <summary>Reads what may hold a decision.</summary>
    /// <param name="lastAgent">The last agent.</param>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="preparedRow">The coordinator's row that prepared it.</param>
    /// <param name="isDeciding">Whether a row decides about it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="JournalCorruptException">A row that may hold the decision can't be read.</exception>
    public async Task<LastAgentRows> ReadAsync(
        AccountAddress lastAgent, AccountAddress coordinator, long preparedRow, Func<EventBatch, bool> isDeciding,
        CancellationToken cancellationToken)
    {
        var stream = AccountActor.PersistenceIdOf(lastAgent);
        var preparedAt = await streams.PlaceOfAsync(
            AccountActor.PersistenceIdOf(coordinator), preparedRow, cancellationToken);
        var end = await streams.ReadAsync(stream, 1, long.MaxValue, 1, descending: true, cancellationToken);
        if (end.Count == 0)
        {
            return new LastAgentRows([], 0, null, JournalCodec.GenesisHash(stream));
        }

        var newest = end[0].SequenceNr;
        var hash = JournalCodec.HashOf(end[0].Payload.Span);
        var from = await FirstAfterAsync(stream, newest, preparedAt, cancellationToken);
        if (from > newest)
        {
            return new LastAgentRows([], newest, TryDecode(end[0], lastAgent), hash);
        }

        List<EventBatch> deciding = [];
        EventBatch? last = null;
        byte[]? before = null;
        while (from <= newest)
        {
            var rows = await streams.ReadAsync(stream, from, newest, RowsMax, descending: false, cancellationToken);
            if (rows.Count == 0 || rows[0].SequenceNr != from)
            {
                throw new JournalCorruptException($"Row {from} of {lastAgent} is missing.");
            }

            foreach (var row in rows)
            {
                last = Decode(row, lastAgent, before);
                before = JournalCodec.HashOf(row.Payload.Span);
                if (isDeciding(last))
                {
                    deciding.Add(last);
                }
            }

            from = rows[^1].SequenceNr + 1;
        }

        return new LastAgentRows(deciding, newest, last, hash);
    }

    // One stream's rows have their places in the order of their numbers.
    private async Task<long> FirstAfterAsync(
        string stream, long newest, long place, CancellationToken cancellationToken)
    {
        var (low, high) = (1L, newest + 1);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (await streams.PlaceOfAsync(stream, middle, cancellationToken) > place)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    // A row whose bytes were altered may read well, and then the next one tells.
    private static EventBatch Decode(in StreamRow row, AccountAddress account, byte[]? before)
    {
        EventBatch batch;
        ReadOnlyMemory<byte> previous;
        try
        {
            batch = AccountStreamReader.Decode(row, account, out previous);
        }
        catch (OverflowException e)
        {
            throw new JournalCorruptException($"Row {row.SequenceNr} of {account} can't be read.", e);
        }

        if (batch.Events.Count == 0)
        {
            throw new JournalCorruptException($"Row {row.SequenceNr} of {account} can't be read.");
        }

        return before is null || batch.IsBehindUnread || previous.Span.SequenceEqual(before)
            ? batch
            : throw new JournalCorruptException(
                $"Row {row.SequenceNr - 1} of {account} was altered after row {row.SequenceNr} was written.");
    }

    private static EventBatch? TryDecode(in StreamRow row, AccountAddress account)
    {
        try
        {
            return Decode(row, account, before: null);
        }
        catch (JournalCorruptException)
        {
            return null;
        }
    }
}
