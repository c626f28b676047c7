using System.Data.Common;
using System.Diagnostics;
using Ledger.Actors.Leasing;

namespace Ledger.Actors.Timing;

/// <summary>Begins the time of a node that shares its database (R21, T2): with that of the others where there are any,
/// and else with the database's.</summary>
/// <param name="clock">The clock.</param>
/// <param name="leases">Where the others are.</param>
/// <param name="options">The ledger's options.</param>
internal sealed class ClockStart(LedgerClock clock, ILeaseStore leases, LedgerOptions options)
{
    // Who lives has renewed its lease meanwhile.
    private static readonly TimeSpan s_looksApart = TimeSpan.FromMilliseconds(600);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Begins; waits for a while for clocks to agree.</summary>
    /// <exception cref="ClockException">They don't.</exception>
    public async Task RunAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await TryAsync().ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is ClockException or DbException
                && Stopwatch.GetElapsedTime(started) < LedgerExtension.LeasePatience)
            {
                // Another node, or somebody who sets a clock, may settle it.
                await Task.Delay(s_pause).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Takes a sample, where the database can be reached.</summary>
    public static void TrySample(LedgerClock clock, ILeaseStore leases)
    {
        try
        {
            var sent = Stopwatch.GetTimestamp();
            var times = leases.ReadTimes();
            clock.Sample(sent, Stopwatch.GetTimestamp(), times.Database, Lead(times.Holders));
        }
        catch (DbException)
        {
            // The time runs on; what can't be reached is told elsewhere.
        }
    }

    private async Task TryAsync()
    {
        // The first one may have to connect.
        var first = await Task.Run(leases.ReadTimes).ConfigureAwait(false);
        var sent = Stopwatch.GetTimestamp();
        var second = await Task.Run(leases.ReadTimes).ConfigureAwait(false);
        if (first.Holders.Any(static one => !one.IsRevoked && one.Lead is not null))
        {
            await Task.Delay(s_looksApart).ConfigureAwait(false);
            sent = Stopwatch.GetTimestamp();
            second = await Task.Run(leases.ReadTimes).ConfigureAwait(false);
        }

        var received = Stopwatch.GetTimestamp();
        var now = second.Database.Add(Stopwatch.GetElapsedTime(sent, received) / 2);
        var living = second.Holders.Where(one => first.Holders.Any(
            before => before.Holder == one.Holder && before.RenewedAt != one.RenewedAt)).ToArray();
        if (Lead(living) is { } lead)
        {
            clock.StartBeside(now, lead);
        }
        else
        {
            var newest = options.Storage!.ReadClockMark().Newest;
            foreach (var one in second.Holders)
            {
                if (one.Lead is { } ahead)
                {
                    var last = new LedgerTime(one.RenewedAt.UnixMicroseconds + (long)ahead.TotalMicroseconds);
                    newest = newest is { } known && known > last ? known : last;
                }
            }

            clock.StartWith(now, newest, options.Clock.Accept);
        }

        clock.Sample(sent, received, second.Database, Lead(living));
    }

    private static TimeSpan? Lead(IEnumerable<LeaseTime> holders)
    {
        TimeSpan? most = null;
        foreach (var one in holders)
        {
            most = one is { IsRevoked: false, Lead: { } lead } && (most is null || lead > most) ? lead : most;
        }

        return most;
    }
}
