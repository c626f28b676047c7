using System.Globalization;
using System.Text;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Persistence.Sql;

namespace Ledger.Actors.Storage;

/// <summary>The configuration that all storages share. It is put before everything else, since a default here loses
/// events or minutes.</summary>
internal static class StorageHocon
{
    /// <summary>The journal's plugin id. One of the ledger's own: the default plugins stay the application's, whose
    /// persistent actors have nothing to do in the ledger's journal.</summary>
    public const string JournalPlugin = "akka.persistence.journal.ledger";

    /// <summary>The snapshot store's plugin id.</summary>
    public const string SnapshotPlugin = "akka.persistence.snapshot-store.ledger";

    /// <summary>The id of the plugin's queries.</summary>
    public const string QueryPlugin = "akka.persistence.query.journal.ledger";

    /// <summary>Adds the journal, the snapshot store and the query plugin.</summary>
    public static void Add(
        AkkaConfigurationBuilder builder,
        string providerName,
        Type journal,
        string journalConnection,
        Type snapshotStore,
        string snapshotConnection,
        int writers)
    {
        // replay-filter: the unique key makes interleaved writers impossible, so `fail` costs nothing, while the
        // default silently drops acknowledged events.
        // circuit-breaker: by default ten failures, that is one bad batch, stop all writes and recoveries of the node
        // for 30 seconds.
        // snapshot-is-optional: what can't be read at this moment may be read at the next. Without it all of the past
        // would be replayed, for as long as that takes; the recovery fails instead, and is tried again. A snapshot
        // whose content can't be read is left out all the same, by DirectSnapshotStore.
        // journal-sequence-retrieval: the plugin's queries skip a row for ever that commits later than this.
        var hocon = $$"""
            akka.persistence {
              max-concurrent-recoveries = 50
              journal {
                ledger {
                  plugin-id = "{{JournalPlugin}}"
                  class = {{Quote(TypeName(journal))}}
                  connection-string = {{Quote(journalConnection)}}
                  provider-name = {{Quote(providerName)}}
                  serializer = null
                  table-mapping = default
                  auto-initialize = false
                  read-isolation-level = read-committed
                  write-isolation-level = read-committed
                  recovery-event-timeout = 10s
                  replay-filter.mode = fail
                  circuit-breaker {
                    max-failures = 500
                    call-timeout = 5s
                    reset-timeout = 2s
                  }
                  writers = {{writers.ToString(CultureInfo.InvariantCulture)}}
                  queue-size = 100000
                  batch-rows-max = {{LedgerSizes.GroupRowsMax}}
                  batch-bytes-max = {{LedgerSizes.GroupFull}}
                  batch-ids-max = {{LedgerSizes.GroupIdsMax}}
                  followers-wait-max = 1ms
                  row-bytes-max = {{LedgerSizes.RowMax}}
                  read-page-rows = 300
                  read-page-bytes = {{LedgerSizes.PageMax}}
                }
              }
              snapshot-store {
                ledger {
                  plugin-id = "{{SnapshotPlugin}}"
                  class = {{Quote(TypeName(snapshotStore))}}
                  connection-string = {{Quote(snapshotConnection)}}
                  provider-name = {{Quote(providerName)}}
                  table-mapping = default
                  auto-initialize = false
                  snapshot-is-optional = false
                  snapshot-bytes-max = {{LedgerSizes.SnapshotMax}}
                  read-isolation-level = read-committed
                  write-isolation-level = read-committed
                  circuit-breaker {
                    max-failures = 500
                    call-timeout = 5s
                    reset-timeout = 2s
                  }
                }
              }
              query.journal.ledger {
                class = "Akka.Persistence.Sql.Query.SqlReadJournalProvider, Akka.Persistence.Sql"
                plugin-id = "{{QueryPlugin}}"
                write-plugin = "{{JournalPlugin}}"
                connection-string = {{Quote(journalConnection)}}
                provider-name = {{Quote(providerName)}}
                table-mapping = default
                refresh-interval = 100ms
                journal-sequence-retrieval {
                  query-delay = 100ms
                  max-tries = 150
                }
              }
            }
            """;
        builder.AddHocon(ConfigurationFactory.ParseString(hocon), HoconAddMode.Prepend);
        builder.AddHocon(SqlPersistence.DefaultConfiguration, HoconAddMode.Append);

        // Akka's scheduler starts when it is first used, and blocks its caller until a pool thread has run it. When the
        // first callers are many actors that wake at once, they hold all pool threads and the system stands still for
        // seconds (measured: up to 20 s with 50 actors on 2 cores). So it is used once before there are any.
        builder.AddStartup(
            (system, _) => system.Scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds(1), () => { }));
    }

    /// <summary>Refuses an actor system whose configuration puts another journal or snapshot store in the place of the
    /// ledger's: what the ledger answers as committed must be where its storage says.</summary>
    /// <exception cref="InvalidOperationException">Another one is configured.</exception>
    public static void RefuseOtherPlugins(Config config)
    {
        Refuse(config, JournalPlugin, typeof(GroupCommitJournal));
        Refuse(config, SnapshotPlugin, typeof(DirectSnapshotStore));
    }

    private static void Refuse(Config config, string plugin, Type expected)
    {
        var type = config.GetString(plugin + ".class", string.Empty);
        if (!expected.IsAssignableFrom(Type.GetType(type, throwOnError: false)))
        {
            throw new InvalidOperationException(
                $"{plugin}.class is '{type}', which is not the ledger's storage; with another journal, as one in "
                + "memory, committed transfers would be lost. Leave this section to WithLedger(...). For actors of "
                + "your own set akka.persistence.journal.plugin, which the ledger does not use.");
        }
    }

    /// <summary>A quoted HOCON string.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => quoted.Append('\\').Append(c),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }

    private static string TypeName(Type type) => $"{type.FullName}, {type.Assembly.GetName().Name}";
}
