using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>The principals of one row or one snapshot, each stored once: an event names its place. Nothing is made
/// where nobody is named.</summary>
internal ref struct StoredPrincipals
{
    // From so many on a look at each of them would cost more than a table.
    private const int FewMax = 8;

    private Dictionary<string, uint>? _places;

    /// <summary>Those that were named; null for none.</summary>
    public StoredNames? Names { get; private set; }

    /// <summary>The place of a principal, plus 1; 0 for none.</summary>
    public uint PlaceOf(string principal)
    {
        if (principal.Length == 0)
        {
            return 0;
        }

        var names = (Names ??= new StoredNames()).Names;
        if (_places is null)
        {
            for (var i = names.Count - 1; i >= 0; i--)
            {
                if (string.Equals(names[i], principal, StringComparison.Ordinal))
                {
                    return (uint)i + 1;
                }
            }
        }
        else if (_places.TryGetValue(principal, out var known))
        {
            return known;
        }

        names.Add(principal);
        var place = (uint)names.Count;
        if (_places is not null)
        {
            _places.Add(principal, place);
        }
        else if (names.Count > FewMax)
        {
            _places = new Dictionary<string, uint>(StringComparer.Ordinal);
            for (var i = 0; i < names.Count; i++)
            {
                _places.Add(names[i], (uint)i + 1);
            }
        }

        return place;
    }

    /// <summary>The principal at a place.</summary>
    /// <exception cref="JournalCorruptException">There is none.</exception>
    public static string At(StoredNames? stored, uint place) => place == 0 ? ""
        : stored is not null && place <= stored.Names.Count ? stored.Names[(int)place - 1]
        : throw new JournalCorruptException($"Principal {place} of {stored?.Names.Count ?? 0} is named.");
}
