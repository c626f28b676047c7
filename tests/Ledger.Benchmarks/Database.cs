using System.Data.Common;
using System.Globalization;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.Benchmarks;

/// <summary>What the journal holds.</summary>
/// <param name="Rows">How many rows.</param>
/// <param name="Bytes">The bytes of their payloads.</param>
/// <param name="LastRow">The newest row's number.</param>
internal readonly record struct JournalSize(long Rows, long Bytes, long LastRow);

/// <summary>A database of the benchmark's own, durable as in production, and the view into it.</summary>
internal abstract class Database : IAsyncDisposable
{
    private const string SizeSql =
        "SELECT count(*), coalesce(sum(length(message)), 0), coalesce(max(ordering), 0) FROM journal WHERE ordering > ";

    private DbConnection? connection;

    public abstract string Name { get; }

    /// <summary>What makes a node use it.</summary>
    public abstract IEnumerable<string> NodeArguments { get; }

    public static Database Create(string name) =>
        name == "sqlite" ? new SqliteDatabase() : new PostgreSqlDatabase(new PostgresServer(), isOwn: true);

    /// <summary>One on a server that others use too.</summary>
    public static Database On(PostgresServer server) => new PostgreSqlDatabase(server, isOwn: false);

    /// <summary>Adds the rows after those that are known to a size.</summary>
    public async Task<JournalSize> SizeAsync(JournalSize known, CancellationToken cancellationToken)
    {
        connection ??= await OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = SizeSql + known.LastRow.ToString(CultureInfo.InvariantCulture);
        command.CommandTimeout = 300;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new JournalSize(
            known.Rows + reader.GetInt64(0),
            known.Bytes + Convert.ToInt64(reader.GetValue(1), CultureInfo.InvariantCulture),
            Math.Max(known.LastRow, reader.GetInt64(2)));
    }

    /// <summary>The processor time of the database's own processes.</summary>
    public abstract TimeSpan Processor();

    public virtual async ValueTask DisposeAsync()
    {
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
    }

    protected abstract Task<DbConnection> OpenAsync(CancellationToken cancellationToken);

    private sealed class SqliteDatabase : Database
    {
        private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-bench-");

        public override string Name => "sqlite";

        public override IEnumerable<string> NodeArguments => ["--Ledger:Sqlite:Path", File];

        private string File => Path.Combine(directory.FullName, "ledger.db");

        // It runs within the node.
        public override TimeSpan Processor() => TimeSpan.Zero;

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            directory.Delete(recursive: true);
        }

        protected override async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
        {
            var opened = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = File,
                Mode = SqliteOpenMode.ReadOnly,
                Pooling = false,
            }.ToString());
            await opened.OpenAsync(cancellationToken);
            return opened;
        }
    }

    private sealed class PostgreSqlDatabase : Database
    {
        private readonly PostgresServer server;
        private readonly bool isOwn;
        private readonly string connectionString;
        private readonly int postmaster;

        public PostgreSqlDatabase(PostgresServer server, bool isOwn)
        {
            (this.server, this.isOwn) = (server, isOwn);
            connectionString = server.CreateDatabase();

            // The server does not say its process id, but a session does, and its parent is the server.
            using var session = new NpgsqlConnection(connectionString);
            session.Open();
            postmaster = ProcessTimes.ParentOf(session.ProcessID);
        }

        public override string Name => "postgresql";

        public override IEnumerable<string> NodeArguments => ["--Ledger:PostgreSql:ConnectionString", connectionString];

        public override TimeSpan Processor() => ProcessTimes.OfFamily(postmaster);

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            NpgsqlConnection.ClearAllPools();
            if (isOwn)
            {
                server.Dispose();
            }
        }

        protected override async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
        {
            var opened = new NpgsqlConnection(connectionString);
            await opened.OpenAsync(cancellationToken);
            return opened;
        }
    }
}
