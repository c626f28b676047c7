using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Actors.Tests;

/// <summary>A ledger does not run over a journal that its storage knows nothing of, whatever the application has
/// configured.</summary>
public sealed class JournalRefusalTests
{
    [Theory]
    [InlineData(
        "akka.persistence.journal.ledger.class = \"Akka.Persistence.Journal.MemoryJournal, Akka.Persistence\"",
        "MemoryJournal")]
    [InlineData("akka.persistence.snapshot-store.ledger.class = \"No.Such.Store, Nowhere\"", "No.Such.Store")]
    public async Task A_journal_in_memory_is_refused(string hocon, string named)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-refused-");
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddLogging();
            builder.Services.AddAkka("refused", (akka, _) => akka
                .WithStrictSerialization()
                .WithLedger(options => options.UseSqlite(Path.Combine(directory.FullName, "ledger.db")))
                .AddHocon(hocon, HoconAddMode.Prepend));
            using var host = builder.Build();
            var refused = await Should.ThrowAsync<Exception>(() => host.StartAsync());
            refused.ToString().ShouldContain("not the ledger's storage");
            refused.ToString().ShouldContain(named);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
