using Akka.Actor;
using Ledger.Actors;
using Ledger.Actors.Calls;
using Ledger.Core;
using Ledger.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ledger.Conformance.Running;

/// <summary>A new ledger with nothing in it: the real stack, as an application has it, in a directory that goes with
/// it. What only tests may do to a ledger is asked for here and nowhere else.</summary>
internal sealed class TestLedger : IAsyncDisposable
{
    private readonly IHost host;
    private readonly DirectoryInfo directory;

    private TestLedger(IHost host, DirectoryInfo directory, VirtualClock clock)
    {
        this.host = host;
        this.directory = directory;
        Clock = clock;
    }

    public VirtualClock Clock { get; }

    public ILedger Ledger => host.Services.GetRequiredService<ILedger>();

    private TestCalls Calls => LedgerExtension.Of(host.Services.GetRequiredService<ActorSystem>()).TestCalls;

    public static async Task<TestLedger> StartAsync(CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-conformance-");
        try
        {
            var clock = new VirtualClock();
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Logging.SetMinimumLevel(LogLevel.Error)
                .AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
            builder.Services.AddLedger(options =>
            {
                options.UseSqlite(Path.Combine(directory.FullName, "ledger.db"));
                options.TimeProvider = clock;
                options.AllowSeeding = true;
            });
            var host = builder.Build();
            try
            {
                await host.StartAsync(cancellationToken);
                return new TestLedger(host, directory, clock);
            }
            catch
            {
                host.Dispose();
                throw;
            }
        }
        catch
        {
            directory.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Sets the counters of an account.</summary>
    public Task SeedAsync(AccountAddress account, Balances balances) => Calls.SeedAsync(account, balances);

    /// <summary>Expires what is due at the clock's time, and returns when that is done.</summary>
    public Task ExpireDueHoldsAsync() => Calls.ExpireDueHoldsAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            await host.StopAsync(CancellationToken.None);
        }
        finally
        {
            host.Dispose();
            directory.Delete(recursive: true);
        }
    }
}
