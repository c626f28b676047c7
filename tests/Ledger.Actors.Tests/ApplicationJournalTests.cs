using Akka.Actor;
using Akka.Hosting;
using Akka.Persistence;
using Ledger.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Actors.Tests;

/// <summary>Goal: a ledger in an actor system that has persistent actors of its own takes nothing from them and gives
/// them nothing. Method: such an actor with the application's default journal, the ledger added before and after it, on
/// both stores.</summary>
public sealed class ApplicationJournalTests : IClassFixture<PostgresCollection.Lifetime>, IDisposable
{
    private const string Default = """
        akka.persistence.journal.plugin = "akka.persistence.journal.inmem"
        akka.persistence.snapshot-store.plugin = "akka.persistence.snapshot-store.inmem"
        """;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-application-");

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task The_default_journal_stays_the_applications(bool ledgerFirst, bool onPostgreSql)
    {
        var options = new LedgerOptions();
        _ = onPostgreSql
            ? options.UsePostgreSql(PostgresServer.Shared.CreateDatabase())
            : options.UseSqlite(Path.Combine(directory.FullName, "ledger.db"));
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        builder.Services.AddAkka("application", (akka, _) =>
        {
            if (ledgerFirst)
            {
                akka.WithLedger(options);
            }

            akka.AddHocon(Default, HoconAddMode.Prepend);
            if (!ledgerFirst)
            {
                akka.WithLedger(options);
            }
        });
        using var host = builder.Build();
        await host.StartAsync();
        var system = host.Services.GetRequiredService<ActorSystem>();
        system.Settings.Config.GetString("akka.persistence.journal.plugin").ShouldBe("akka.persistence.journal.inmem");

        var counter = system.ActorOf(Props.Create(() => new Counter("counter")));
        (await counter.Ask<int>("once", s_timeout)).ShouldBe(1);
        (await counter.Ask<int>("again", s_timeout)).ShouldBe(2);
        await counter.GracefulStop(s_timeout);
        (await system.ActorOf(Props.Create(() => new Counter("counter"))).Ask<int>("after waking", s_timeout))
            .ShouldBe(3);

        var account = AccountAddress.Parse("a");
        await system.GetLedger().OpenAccountsAsync([new AccountSpec(account, Asset.Parse("USD/2"), Code: 1)]);
        (await system.GetLedger().GetAccountAsync(account)).ShouldNotBeNull();
        await using (var streams = options.Storage!.OpenStreams())
        {
            (await streams.ListStreamsAsync("", null, 10, CancellationToken.None)).ShouldBe(["ledger-account-a"]);
        }

        await host.StopAsync();
    }

    public void Dispose() => directory.Delete(recursive: true);

    private sealed class Counter : ReceivePersistentActor
    {
        private int count;

        public Counter(string persistenceId)
        {
            PersistenceId = persistenceId;
            Recover<string>(_ => count++);
            Command<string>(text => Persist(text, _ => Sender.Tell(++count)));
        }

        public override string PersistenceId { get; }
    }
}
