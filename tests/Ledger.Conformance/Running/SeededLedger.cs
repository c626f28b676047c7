using Ledger.Actors;
using Ledger.Core;
using Microsoft.Extensions.Logging;

namespace Ledger.Conformance.Running;

/// <summary>A new ledger with nothing in it, as the testing kit starts one. What only tests may do to a ledger is asked
/// for here and nowhere else.</summary>
internal sealed class SeededLedger : IAsyncDisposable
{
    private readonly Testing.TestLedger ledger;

    private SeededLedger(Testing.TestLedger ledger, VirtualClock clock) => (this.ledger, Clock) = (ledger, clock);

    public VirtualClock Clock { get; }

    public ILedger Ledger => ledger.Ledger;

    public static async Task<SeededLedger> StartAsync(CancellationToken cancellationToken)
    {
        var clock = new VirtualClock();
        return new SeededLedger(
            await Testing.TestLedger.StartAsync(
                options =>
                {
                    options.TimeProvider = clock;
                    options.AllowSeeding = true;
                },
                static builder => builder.Logging.SetMinimumLevel(LogLevel.Error)
                    .AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace),
                cancellationToken),
            clock);
    }

    /// <summary>Sets the counters of an account.</summary>
    public Task SeedAsync(AccountAddress account, Balances balances) => ledger.Calls.SeedAsync(account, balances);

    /// <summary>Expires what is due at the clock's time, and returns when that is done.</summary>
    public Task ExpireDueHoldsAsync() => ledger.Calls.ExpireDueHoldsAsync();

    public ValueTask DisposeAsync() => ledger.DisposeAsync();
}
