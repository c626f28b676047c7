namespace Ledger.Audit;

/// <summary>Sums up what callers who are refused can cause as often as they like, so that the log of an attack stays
/// short. Thread-safe.</summary>
/// <remarks>In each window the first refusal of a caller is put on record at once, and how many followed at its end. Of
/// further callers than a window has places for, only how many refusals there were.</remarks>
internal sealed class AuditSums(TimeProvider clock)
{
    /// <summary>How long a window is.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>How many callers of a window are told apart, for each kind of event: so that nobody hides behind a
    /// crowd of another kind.</summary>
    public const int PlacesMax = 16;

    private readonly Lock gate = new();
    private readonly Dictionary<Place, long> places = [];
    private readonly Dictionary<AuditKind, long> others = [];
    private DateTimeOffset began;
    private long beganAt;

    /// <summary>Whether an event is to be put on record by itself. Else it is in a sum later.</summary>
    public bool IsFirst(AuditEvent entry)
    {
        if (!entry.IsRefusal)
        {
            return true;
        }

        lock (gate)
        {
            if (places.Count == 0 && others.Count == 0)
            {
                (began, beganAt) = (clock.GetUtcNow(), clock.GetTimestamp());
            }

            // Of the same caller the method and what it was about may differ each time.
            // And what was shown in vain is made up as easily: only of what sort it was counts.
            var credential = entry.Kind == AuditKind.AuthenticationFailed ? SortOf(entry.Credential) : entry.Credential;
            var place = new Place(entry.Kind, entry.Principal, credential, entry.Address, entry.Outcome);
            if (places.TryGetValue(place, out var count))
            {
                places[place] = count + 1;
                return false;
            }

            if (places.Keys.Count(one => one.Kind == entry.Kind) < PlacesMax)
            {
                places.Add(place, 0);
                return true;
            }

            others[entry.Kind] = others.GetValueOrDefault(entry.Kind) + 1;
            return false;
        }
    }

    /// <summary>The sums of the window, where it is over.</summary>
    /// <param name="atOnce">Whether it is over in any case.</param>
    public IReadOnlyList<(AuditEvent Event, long Count, DateTimeOffset Since)> Take(bool atOnce = false)
    {
        lock (gate)
        {
            if ((places.Count == 0 && others.Count == 0) || (!atOnce && clock.GetElapsedTime(beganAt) < Window))
            {
                return [];
            }

            List<(AuditEvent, long, DateTimeOffset)> sums =
            [
                .. places.Where(static one => one.Value > 0).Select(one => (one.Key.Event, one.Value, began)),
                .. others.Select(one => (
                    new AuditEvent(one.Key) { Detail = "further callers" }, one.Value, began)),
            ];
            places.Clear();
            others.Clear();
            return sums;
        }
    }

    private static string? SortOf(string? credential) =>
        credential is not null && credential.IndexOf(':', StringComparison.Ordinal) is > 0 and var end
        ? credential[..end]
        : credential;

    private readonly record struct Place(
        AuditKind Kind, string? Principal, string? Credential, string? Address, string? Outcome)
    {
        public AuditEvent Event => new(Kind)
        {
            Principal = Principal, Credential = Kind == AuditKind.AuthenticationFailed
                ? null
                : Credential, Address = Address,
            Outcome = Outcome, Detail = "further ones of the same caller",
        };
    }
}
