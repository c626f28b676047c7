using Google.Protobuf.Collections;

namespace Ledger.Actors.Journal;

/// <summary>The principals of one row or one snapshot, each stored once: an event names its place. Nothing is made where nobody is
/// named.</summary>
internal ref struct StoredPrincipals(RepeatedField<string> stored)
{
    // From so many on a look at each of them would cost more than a table.
    private const int FewMax = 8;

    private readonly RepeatedField<string> _stored = stored;
    private Dictionary<string, uint>? _places;

    /// <summary>The place of a principal, plus 1; 0 for none.</summary>
    public uint PlaceOf(string principal)
    {
        if (principal.Length == 0)
        {
            return 0;
        }

        if (_places is null)
        {
            for (var i = _stored.Count - 1; i >= 0; i--)
            {
                if (string.Equals(_stored[i], principal, StringComparison.Ordinal))
                {
                    return (uint)i + 1;
                }
            }
        }
        else if (_places.TryGetValue(principal, out var known))
        {
            return known;
        }

        _stored.Add(principal);
        var place = (uint)_stored.Count;
        if (_places is not null)
        {
            _places.Add(principal, place);
        }
        else if (_stored.Count > FewMax)
        {
            _places = new Dictionary<string, uint>(StringComparer.Ordinal);
            for (var i = 0; i < _stored.Count; i++)
            {
                _places.Add(_stored[i], (uint)i + 1);
            }
        }

        return place;
    }

    /// <summary>The principal at a place.</summary>
    /// <exception cref="JournalCorruptException">There is none.</exception>
    public static string At(RepeatedField<string> stored, uint place) => place == 0 ? ""
        : place <= stored.Count ? stored[(int)place - 1]
        : throw new JournalCorruptException($"Principal {place} of {stored.Count} is named.");
}
