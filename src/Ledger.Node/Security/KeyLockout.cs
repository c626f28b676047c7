using System.Collections.Concurrent;
using System.Net;

namespace Ledger.Node.Security;

/// <summary>Keeps guessers of keys waiting: by the address that they come from with the key's id, and by the address
/// alone. Never by the id or its principal alone, so that no stranger locks anybody out. Thread-safe.</summary>
/// <remarks>Many callers may share one address, behind a proxy or a gateway. A key that was right from there is looked
/// at although wrong keys of other ids have locked the address; only wrong keys of its own id from there lock it. What
/// is kept is bounded. Where more addresses fail than are kept, the oldest are forgotten, and only begin to count
/// anew.</remarks>
internal sealed class KeyLockout(TimeProvider clock)
{
    private const int FailuresOfKeyMax = 10;
    private const int FailuresOfAddressMax = 100;
    private const int KeptMax = 10_000;
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_rightFor = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<(IPAddress Address, string Id), Failures> failures = new();
    private readonly ConcurrentDictionary<(IPAddress Address, string Id), DateTimeOffset> right = new();

    /// <summary>How many right keys are remembered.</summary>
    public int Kept => right.Count;

    /// <summary>Whether a key of this id is not even looked at from there.</summary>
    public bool IsLocked(IPAddress? address, string id) =>
        address is not null && (IsLocked((address, id)) || (IsLocked((address, "")) && !WasRight((address, id))));

    /// <summary>Notes that a right key came.</summary>
    public void Passed(IPAddress? address, string id)
    {
        if (address is null)
        {
            return;
        }

        // Most calls find it noted not long ago.
        var now = clock.GetUtcNow();
        if (right.TryGetValue((address, id), out var before) && now - before < s_window)
        {
            return;
        }

        if (right.Count >= KeptMax)
        {
            // A copy: others come and go while it is put in order.
            foreach (var (who, _) in right.ToArray().OrderBy(static pair => pair.Value).Take(KeptMax / 10))
            {
                right.TryRemove(who, out _);
            }
        }

        right[(address, id)] = now;
    }

    /// <summary>Notes that a wrong key came.</summary>
    /// <returns>What is locked from now on, and for how long: keys of this id, or, where the id is empty, all keys from
    /// there.</returns>
    public IReadOnlyList<(string Id, TimeSpan LockTime)> Failed(IPAddress? address, string id)
    {
        if (address is null)
        {
            return [];
        }

        var ofKey = Count((address, id), FailuresOfKeyMax);
        var ofAddress = Count((address, ""), FailuresOfAddressMax);
        return ofKey is null && ofAddress is null
            ? []
            : [.. ofKey is { } one
                ? [(id, one)]
                : Array.Empty<(string, TimeSpan)>(), .. ofAddress is { } all
                ? [("", all)]
                : Array.Empty<(string, TimeSpan)>()];
    }

    private bool IsLocked((IPAddress, string) who) =>
        failures.TryGetValue(who, out var one) && one.LockedUntil > clock.GetUtcNow();

    private bool WasRight((IPAddress, string) who) =>
        right.TryGetValue(who, out var at) && clock.GetUtcNow() - at < s_rightFor;

    // For how long it is locked from now on; null where it is not.
    private TimeSpan? Count((IPAddress, string) who, int most)
    {
        if (failures.Count >= KeptMax)
        {
            Forget();
        }

        var now = clock.GetUtcNow();
        var counted = failures.AddOrUpdate(who, _ => new Failures(1, now, default, default), (_, before) =>
        {
            var next = now - before.Since > s_window
                ? before with { Count = 1, Since = now }
                : before with { Count = before.Count + 1 };
            if (next.Count < most)
            {
                return next;
            }

            var lockTime = before.LockTime == default || now - before.LockedUntil > s_longest
                ? s_window
                : before.LockTime * 2;
            lockTime = lockTime < s_longest ? lockTime : s_longest;
            return new Failures(0, now, now + lockTime, lockTime);
        });
        return counted is { Count: 0, LockTime: var locked } ? locked : null;
    }

    private void Forget()
    {
        foreach (var (who, one) in failures.ToArray().OrderBy(static pair => pair.Value.Since).Take(KeptMax / 10))
        {
            failures.TryRemove(KeyValuePair.Create(who, one));
        }
    }

    private sealed record Failures(int Count, DateTimeOffset Since, DateTimeOffset LockedUntil, TimeSpan LockTime);
}
