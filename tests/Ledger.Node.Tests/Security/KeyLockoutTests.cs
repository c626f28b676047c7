using System.Net;
using Ledger.Node.Security;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Node.Tests.Security;

/// <summary>Who guesses keys waits, and nobody else does.</summary>
public sealed class KeyLockoutTests
{
    private static readonly IPAddress s_shared = IPAddress.Parse("10.0.0.7");

    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 11, 30, 9, 0, 0, TimeSpan.Zero));

    [Fact]
    public void A_key_is_locked_by_its_id_and_where_it_came_from()
    {
        var lockout = new KeyLockout(clock);
        Fail(lockout, "one", 10);
        lockout.IsLocked(s_shared, "one").ShouldBeTrue();
        lockout.IsLocked(s_shared, "two").ShouldBeFalse();
        lockout.IsLocked(IPAddress.Parse("10.0.0.8"), "one").ShouldBeFalse();
        clock.Advance(TimeSpan.FromMinutes(1));
        lockout.IsLocked(s_shared, "one").ShouldBeFalse();
    }

    [Fact]
    public void Whoever_was_right_behind_a_shared_address_is_served_while_it_is_locked()
    {
        var lockout = new KeyLockout(clock);
        lockout.Passed(s_shared, "neighbour");
        for (var guess = 0; guess < 100; guess++)
        {
            lockout.Failed(s_shared, $"guess{guess}");
        }

        lockout.IsLocked(s_shared, "another").ShouldBeTrue();
        lockout.IsLocked(s_shared, "neighbour").ShouldBeFalse();

        // Guesses at that very key are held back all the same, and what was right a day ago counts no more.
        Fail(lockout, "neighbour", 10);
        lockout.IsLocked(s_shared, "neighbour").ShouldBeTrue();
        clock.Advance(TimeSpan.FromDays(2));
        for (var guess = 0; guess < 100; guess++)
        {
            lockout.Failed(s_shared, $"guess{guess}");
        }

        lockout.IsLocked(s_shared, "neighbour").ShouldBeTrue();
    }

    [Fact]
    public void What_is_kept_is_bounded()
    {
        var lockout = new KeyLockout(clock);
        for (var caller = 0; caller < 25_000; caller++)
        {
            lockout.Passed(new IPAddress([10, 1, (byte)(caller >> 8), (byte)(caller & 0xFF)]), "k");
            clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        lockout.Kept.ShouldBeLessThanOrEqualTo(10_000);
    }

    private static void Fail(KeyLockout lockout, string id, int times)
    {
        for (var i = 0; i < times; i++)
        {
            lockout.Failed(s_shared, id);
        }
    }
}
