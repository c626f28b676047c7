using System.Collections.Concurrent;

namespace Ledger.Actors.Storage;

/// <summary>Where in each stream the index of ids begins. Thread-safe.</summary>
internal sealed class IdIndexStart
{
    private const int KnownMax = 100_000;

    private readonly ConcurrentDictionary<string, (long Place, long After)> _known = new(StringComparer.Ordinal);

    /// <summary>The last row of a stream that was written before there was an index; 0 for none.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="place">The last place of the whole journal without an index; null when that is not known, so that
    /// nothing is taken for indexed.</param>
    /// <param name="upTo">A row of the stream, beyond which it need not be looked for.</param>
    /// <param name="placeOf">The place of a row.</param>
    /// <remarks>One stream's rows have their places in the order of their numbers.</remarks>
    public async ValueTask<long> OfAsync(
        string persistenceId, long? place, long upTo, Func<long, ValueTask<long>> placeOf)
    {
        if (place is not > 0)
        {
            return place is null ? long.MaxValue : 0;
        }

        if (_known.TryGetValue(persistenceId, out var known) && known.Place == place)
        {
            return known.After;
        }

        // Most streams are wholly on one side of it.
        long low = 0;
        var high = upTo;
        if (upTo == 0 || await placeOf(1) > place)
        {
            high = 0;
        }
        else if (await placeOf(upTo) <= place)
        {
            return upTo;
        }

        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            (low, high) = await placeOf(middle) <= place ? (middle, high) : (low, middle - 1);
        }

        if (_known.Count >= KnownMax)
        {
            _known.Clear();
        }

        // Found within rows that are there already, so it will not move.
        _known[persistenceId] = (place.Value, low);
        return low;
    }
}
