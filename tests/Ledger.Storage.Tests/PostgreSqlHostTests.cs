using System.Diagnostics;
using System.Globalization;
using Ledger.Actors.Storage;
using Ledger.PostgreSql;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Storage.Tests;

/// <summary>What stands around a database: several hosts, servers that come and go, limits. On servers of its
/// own.</summary>
public sealed class PostgreSqlHostTests : IDisposable
{
    private readonly PostgresServer _server = new();
    private readonly string _database;

    public PostgreSqlHostTests() => _database = _server.CreateDatabase();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task A_restart_with_several_hosts_fails_no_write()
    {
        await using var node = await Node.StartAsync(Open(Hosts(LoopbackPort.Next(), Port)));
        var actors = Enumerable.Range(0, 5).Select(i => node.Open($"several-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));

        // Npgsql by itself would not look at this host again for ten seconds, and none of these would be stored.
        _server.Restart();
        (await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("2")))))
            .ShouldAllBe(number => number == 2);
        (await node.TryUntilWokenAsync("several-0")).SequenceNr.ShouldBe(2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_host_that_takes_over_is_found_and_the_one_before_is_not_gone_back_to(bool isPooled)
    {
        var standby = _server.Copy(follows: true);
        var port = _server.StartBeside(standby);
        try
        {
            var completed = PostgreSqlConnections.Complete(Hosts(port, Port), new PostgreSqlStorageOptions());
            completed.Pooling = isPooled;
            var sessions = new PostgreSqlSessions(completed.ToString(), mustLast: true);
            (await PortOfAsync(sessions)).ShouldBe(Port);
            (await PortOfAsync(sessions)).ShouldBe(Port);
            sessions.Open().Dispose();

            // What lies in a pool is handed out as it is, and fails where it is used.
            _server.Stop(immediate: true);
            sessions.ClearPools();
            var failure = await Should.ThrowAsync<NpgsqlException>(async () => await PortOfAsync(sessions));
            failure.Message.ShouldContain("is a standby");
            failure.IsTransient.ShouldBeTrue();

            _server.Promote(standby);
            var promoted = Stopwatch.GetTimestamp();
            (await PortOfAsync(sessions)).ShouldBe(port);
            Stopwatch.GetElapsedTime(promoted).ShouldBeLessThan(TimeSpan.FromSeconds(3));

            // It comes back as if it were the primary still, first in the list or not.
            _server.Start();
            sessions.ClearPools();
            (await PortOfAsync(sessions)).ShouldBe(port);
            using var other = sessions.Open();
            other.Port.ShouldBe(port);
            sessions.ClearPools();
        }
        finally
        {
            _server.StopBeside(standby);
        }
    }

    [Fact]
    public void Attributes_that_lead_to_a_standby_are_refused()
    {
        foreach (var bad in (string[])["any", "standby", "prefer-standby", "read-only", "prefer-primary"])
        {
            Should.Throw<ArgumentException>(() => Open(Hosts(Port, Port) + ";Target Session Attributes=" + bad))
                .Message.ShouldContain($"Target Session Attributes={bad}");
        }

        Open(Hosts(LoopbackPort.Next(), Port) + ";Target Session Attributes=Read-Write").Prepare();
    }

    [Fact]
    public void Too_few_connections_are_refused_with_both_numbers()
    {
        const string role = "ledger_few";
        Execute($"CREATE ROLE {role} LOGIN CONNECTION LIMIT 31");
        Execute($"GRANT ALL ON SCHEMA public TO {role}");
        var few = new NpgsqlConnectionStringBuilder(_database) { Username = role }.ToString();

        var refusal = Should.Throw<InvalidOperationException>(Open(few).Prepare).Message;
        refusal.ShouldContain("may need 32 connections");
        refusal.ShouldContain($"the role {role}, by its CONNECTION LIMIT, allows 31");
        Open(few + ";Maximum Pool Size=24").Prepare();

        Execute($"ALTER ROLE {role} CONNECTION LIMIT -1");
        var database = new NpgsqlConnectionStringBuilder(_database).Database;
        Execute($"ALTER DATABASE {database} CONNECTION LIMIT 20");
        Should.Throw<InvalidOperationException>(Open(few).Prepare).Message
            .ShouldContain("the database, by its CONNECTION LIMIT, allows 20");
        Execute($"ALTER DATABASE {database} CONNECTION LIMIT -1");

        Should.Throw<InvalidOperationException>(Open(_database + ";Maximum Pool Size=500").Prepare)
            .Message.ShouldContain("max_connections less those that are reserved, allows 397");
    }

    [Fact]
    public async Task A_session_that_reads_claims_or_renews_must_last_as_one_that_writes()
    {
        Open(_database).Prepare();
        var weak = PostgreSqlConnections.Complete(
            _database + ";Options=-c synchronous_commit=off -c ledger.session=durable", new PostgreSqlStorageOptions())
                .ToString();

        (await Should.ThrowAsync<NpgsqlException>(new PostgreSqlReaders(weak).OpenAsync(CancellationToken.None)))
            .Message.ShouldContain("synchronous_commit = off");
        (await Should.ThrowAsync<NpgsqlException>(
            new PostgreSqlReaders(weak, new DatabaseWatch()).OpenAsync(CancellationToken.None)))
            .Message.ShouldContain("synchronous_commit = off");
        using var leases = new PostgreSqlLeaseStore(weak);
        (await Should.ThrowAsync<NpgsqlException>(leases.ClaimAsync(Guid.NewGuid(), "s", 1, [])))
            .Message.ShouldContain("synchronous_commit = off");
        Should.Throw<NpgsqlException>(() => leases.Leave(Guid.NewGuid())).Message
            .ShouldContain("synchronous_commit = off");
    }

    [Fact]
    public async Task A_session_that_lost_its_settings_on_the_way_is_given_them_by_statement()
    {
        Open(_database).Prepare();
        var asked = PostgreSqlConnections.Complete(
            _database + ";Search Path=public;Options=-c statement_timeout=3210 --lock-timeout=1234",
            new PostgreSqlStorageOptions());

        // As a proxy does that passes over what a connection asks for: the session itself begins without.
        var (names, values) = PostgreSqlConnections.SettingsOf(asked);
        names.Zip(values).ShouldContain(("default_transaction_isolation", "read committed"));
        names.Zip(values).ShouldContain(("lock_timeout", "1234"));
        asked.Options = string.Empty;
        var sessions = new PostgreSqlSessions(asked.ToString(), mustLast: true);
        (await Should.ThrowAsync<NpgsqlException>(async () => await sessions.OpenAsync(CancellationToken.None)))
            .Message.ShouldContain("PgBouncer");
    }

    private int Port => new NpgsqlConnectionStringBuilder(_database).Port;

    private string Hosts(params int[] ports) => new NpgsqlConnectionStringBuilder(_database)
    {
        Host = string.Join(
            ',', ports.Select(static port => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"))),
    }.ToString();

    private static LedgerStorage Open(string connectionString) =>
        new LedgerOptions().UsePostgreSql(connectionString).Storage!;

    private static async Task<int> PortOfAsync(PostgreSqlSessions sessions)
    {
        await using var connection = await sessions.OpenAsync(CancellationToken.None);
        return connection.Port;
    }

    private void Execute(string sql)
    {
        using var connection = new NpgsqlConnection(_database + ";Pooling=False");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
