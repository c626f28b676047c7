using System.Data.Common;
using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Ledger.Actors.Tests;

/// <summary>A storage of one test: a new SQLite file or a new PostgreSQL database.</summary>
public abstract class TestStorage : IDisposable
{
    public abstract bool Clustered { get; }

    /// <summary>Whether a ledger on it is started with shared commits (R8').</summary>
    public bool SharesCommits { get; init; }

    public abstract void Use(LedgerOptions options);

    public abstract DbConnection Open();

    public virtual void Dispose()
    {
    }

    /// <summary>Puts a row into the journal behind everybody's back.</summary>
    internal void Append(
        AccountAddress account, long sequenceNr, byte[] payload, string manifest = LedgerSerializer.RowManifest)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier,
                writer_uuid)
            VALUES (0, @deleted, @id, @nr, @message, @manifest, 8140, 'test')
            """;
        Add(command, "deleted", false);
        Add(command, "id", AccountActor.PersistenceIdOf(account));
        Add(command, "nr", sequenceNr);
        Add(command, "message", payload);
        Add(command, "manifest", manifest);
        command.ExecuteNonQuery();
    }

    /// <summary>Puts other bytes in a row's place.</summary>
    public void Replace(AccountAddress account, long sequenceNr, byte[] payload)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            "UPDATE journal SET message = @message WHERE persistence_id = @id AND sequence_number = @nr";
        Add(command, "id", AccountActor.PersistenceIdOf(account));
        Add(command, "nr", sequenceNr);
        Add(command, "message", payload);
        command.ExecuteNonQuery();
    }

    public long Count(string sql)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>All rows of the journal, as bytes, in the order of their streams.</summary>
    internal IReadOnlyList<(string Stream, long SequenceNr, byte[] Row)> Rows()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT persistence_id, sequence_number, message FROM journal ORDER BY persistence_id, sequence_number";
        using var reader = command.ExecuteReader();
        var rows = new List<(string, long, byte[])>();
        while (reader.Read())
        {
            rows.Add((reader.GetString(0), reader.GetInt64(1), (byte[])reader.GetValue(2)));
        }

        return rows;
    }

    public void Execute(string sql)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }
}

public sealed class SqliteTestStorage : TestStorage
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-test-").FullName;

    public override bool Clustered => false;

    /// <summary>The file.</summary>
    public string Path => System.IO.Path.Combine(directory, "ledger.db");

    public override void Use(LedgerOptions options) => options.UseSqlite(Path);

    /// <summary>Restores a copy into the file, which may be open, as SQLite's shell does by <c>.restore</c>.</summary>
    public void Restore(string copy)
    {
        using var from = new SqliteConnection($"Data Source={copy};Mode=ReadOnly;Pooling=False");
        from.Open();
        using var to = (SqliteConnection)Open();
        from.BackupDatabase(to);
    }

    /// <summary>Removes the snapshots, as must be done beside a journal that was put back. Not under a running
    /// ledger.</summary>
    public void DropSnapshots()
    {
        foreach (var file in Directory.EnumerateFiles(directory, "ledger.snapshots.db*"))
        {
            File.Delete(file);
        }
    }

    public override DbConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={Path};Pooling=False;Default Timeout=10");
        connection.Open();
        return connection;
    }

    public override void Dispose() => Directory.Delete(directory, recursive: true);
}

public sealed class PostgresTestStorage(bool clustered, PostgresServer? server = null) : TestStorage
{
    private readonly string connectionString = (server ?? PostgresServer.Shared).CreateDatabase();

    public string ConnectionString => connectionString;

    public override bool Clustered => clustered;

    public override void Use(LedgerOptions options) => options.UsePostgreSql(connectionString);

    public override DbConnection Open()
    {
        var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        connection.Open();
        return connection;
    }
}

/// <summary>A running ledger: a real host and a real actor system, as an application has them.</summary>
public sealed class LedgerHost : IAsyncDisposable
{
    // A cluster of one has nobody to wait for. With Akka's own times each start and each stop takes seconds, and the
    // tests make hundreds.
    private const string Soon = """
        akka.cluster {
          periodic-tasks-initial-delay = 20ms
          gossip-interval = 50ms
          leader-actions-interval = 50ms
          sharding.retry-interval = 200ms
          singleton.hand-over-retry-interval = 200ms
        }
        """;

    private readonly IHost host;

    private LedgerHost(IHost host) => this.host = host;

    public ILedger Ledger => host.Services.GetRequiredService<ILedger>();

    public ILedgerAdmin Admin => System.GetLedgerAdmin();

    public ActorSystem System => host.Services.GetRequiredService<ActorSystem>();

    public static async Task<LedgerHost> StartAsync(
        TestStorage storage, Action<LedgerOptions>? configure = null,
        Action<AkkaConfigurationBuilder>? configureAkka = null,
        LedgerHost? seed = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLedger();
        builder.Services.AddAkka("ledger-test", (akka, _) =>
        {
            akka.ConfigureLoggers(static loggers => loggers.LogLevel = Akka.Event.LogLevel.ErrorLevel);
            akka.WithStrictSerialization();
            if (storage.Clustered)
            {
                akka.WithRemoting(new RemoteOptions { HostName = "127.0.0.1", Port = 0 });
                akka.WithClustering(new ClusterOptions());
                akka.AddHocon(Soon, HoconAddMode.Prepend);

                akka.AddStartup((system, _) =>
                {
                    var cluster = Akka.Cluster.Cluster.Get(system);
                    cluster.Join(
                        seed is null ? cluster.SelfAddress : Akka.Cluster.Cluster.Get(seed.System).SelfAddress);
                });
            }

            akka.WithLedger(options =>
            {
                storage.Use(options);
                options.Mode = storage.Clustered ? LedgerExecutionMode.Clustered : LedgerExecutionMode.Local;
                options.CallTimeout = TimeSpan.FromSeconds(30);
                options.SharedCommits = storage.SharesCommits;
                configure?.Invoke(options);
            });
            configureAkka?.Invoke(akka);
        });
        var host = builder.Build();
        await host.StartAsync();
        return new LedgerHost(host);
    }

    /// <summary>Ends the process as a crash does, as far as one process can: nothing that was put off is
    /// written.</summary>
    public async Task KillAsync()
    {
        var system = System;
        ((ExtendedActorSystem)system).Abort();
        await system.WhenTerminated.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }
}
