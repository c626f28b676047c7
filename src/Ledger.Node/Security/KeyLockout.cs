using System.Collections.Concurrent;
using System.Net;

namespace Ledger.Node.Security;

/// <summary>Keeps guessers of keys waiting: by the address that they come from with the key's id, and by the address
/// alone. Never by the id or its principal alone, so that no stranger locks anybody out. Thread-safe.</summary>
/// <remarks>What is kept is bounded. Where more addresses fail than are kept, the oldest are forgotten, and only begin
/// to count anew.</remarks>
internal sealed class KeyLockout(TimeProvider clock)
{
    private const int FailuresOfKeyMax = 10;
    private const int FailuresOfAddressMax = 100;
    private const int KeptMax = 10_000;
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<(IPAddress Address, string Id), Failures> failures = new();

    /// <summary>Whether a key of this id is not even looked at from there.</summary>
    public bool IsLocked(IPAddress? address, string id) =>
        address is not null && (IsLocked((address, id)) || IsLocked((address, "")));

    /// <summary>Notes that a wrong key came.</summary>
    public void Failed(IPAddress? address, string id)
    {
        if (address is null)
        {
            return;
        }

        Count((address, id), FailuresOfKeyMax);
        Count((address, ""), FailuresOfAddressMax);
    }

    private bool IsLocked((IPAddress, string) who) =>
        failures.TryGetValue(who, out var one) && one.LockedUntil > clock.GetUtcNow();

    private void Count((IPAddress, string) who, int most)
    {
        if (failures.Count >= KeptMax)
        {
            Forget();
        }

        var now = clock.GetUtcNow();
        failures.AddOrUpdate(who, _ => new Failures(1, now, default, default), (_, before) =>
        {
            var counted = now - before.Since > s_window
                ? before with { Count = 1, Since = now }
                : before with { Count = before.Count + 1 };
            if (counted.Count < most)
            {
                return counted;
            }

            var lockTime = before.LockTime == default || now - before.LockedUntil > s_longest ? s_window : before.LockTime * 2;
            lockTime = lockTime < s_longest ? lockTime : s_longest;
            return new Failures(0, now, now + lockTime, lockTime);
        });
    }

    private void Forget()
    {
        foreach (var (who, one) in failures.OrderBy(static pair => pair.Value.Since).Take(KeptMax / 10))
        {
            failures.TryRemove(KeyValuePair.Create(who, one));
        }
    }

    private sealed record Failures(int Count, DateTimeOffset Since, DateTimeOffset LockedUntil, TimeSpan LockTime);
}
