using Akka.Actor;
using Akka.Configuration;
using Ledger.Actors.Storage;
using Ledger.Sqlite;

namespace Ledger.Actors.Tests;

/// <summary>The journal on SQLite, of which appends go wrong as <see cref="AppendFaults"/> say.</summary>
internal sealed class FaultyJournal(Config config) : SqliteJournal(config)
{
    /// <summary>The configuration that puts it in the place of the ledger's.</summary>
    public static readonly string Hocon =
        $"{StorageHocon.JournalPlugin}.class = \"{typeof(FaultyJournal).FullName}, "
            + $"{typeof(FaultyJournal).Assembly.GetName().Name}\"";

    private readonly AppendFaults faults = Context.System.Settings.Setup.Get<AppendFaults>().Value;

    protected override IJournalAppender CreateAppender(DatabaseWatch database) =>
        new FaultyAppender(base.CreateAppender(database), faults);
}
