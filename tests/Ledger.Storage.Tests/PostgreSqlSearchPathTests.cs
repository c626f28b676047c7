using Ledger.Actors.Storage;
using Ledger.PostgreSql;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Storage.Tests;

/// <summary>Goal: all sessions of a ledger work on the tables of one schema, and nobody comes to a second ledger
/// without noticing it; a role that lacks a right is told which. Method: search paths of the connection string, the
/// role and the database, and tables of the same names, on a real server.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgreSqlSearchPathTests : IDisposable
{
    private const string TablesSql =
        "SELECT string_agg(DISTINCT schemaname, ',' ORDER BY schemaname) FROM pg_tables WHERE tablename IN "
            + "('journal', 'ledger_shard')";

    private readonly string _database = PostgresServer.Shared.CreateDatabase();
    private readonly string _role = $"path_{Guid.NewGuid():N}";

    public void Dispose()
    {
        if (Ask($"SELECT count(*) FROM pg_roles WHERE rolname = '{_role}'") is 1L)
        {
            Execute($"DROP OWNED BY {_role} CASCADE; DROP ROLE {_role}");
        }
    }

    [Theory]
    [InlineData("string")]
    [InlineData("options")]
    [InlineData("role")]
    [InlineData("database")]
    public async Task The_tables_are_made_and_found_where_the_search_path_leads_to(string where)
    {
        Execute($"CREATE ROLE {_role} LOGIN; CREATE SCHEMA \"My ledger\\1\" AUTHORIZATION {_role}");
        const string path = "\"My ledger\\1\"";
        var given = new NpgsqlConnectionStringBuilder(_database) { Username = _role };
        switch (where)
        {
            case "string":
                given.SearchPath = path;
                break;
            case "options":
                given.Options = "-c search_path=\"My\\ ledger\\\\1\"";
                break;
            case "role":
                Execute($"ALTER ROLE {_role} SET search_path = {path}");
                break;
            default:
                Execute($"ALTER DATABASE {given.Database} SET search_path = {path}");
                break;
        }

        for (var start = 1; start <= 2; start++)
        {
            await using var node = await Node.StartAsync(Storage(given.ToString()));
            await Node.WriteAsync(node.Open("a" + start), new Noted("1"));
        }

        Ask(TablesSql).ShouldBe("My ledger\\1");
        Ask($"SELECT count(*) FROM {path}.journal").ShouldBe(2L);
    }

    [Fact]
    public async Task What_is_put_in_front_of_the_tables_of_a_running_ledger_changes_nothing()
    {
        Execute("CREATE SCHEMA front; CREATE SCHEMA own");
        Execute("SET search_path = own;" + PostgreSqlSchema.Script);
        var storage = Storage(_database + ";Search Path=front,own;Minimum Pool Size=0");
        await using (var node = await Node.StartAsync(storage))
        {
            storage.Schema.ShouldBe("own");
            await Node.WriteAsync(node.Open("a"), new Noted("1"));

            // A whole ledger in front, another path for the database, and no session that was opened before.
            Execute("SET search_path = front;" + PostgreSqlSchema.Script);
            Execute($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(_database).Database} SET search_path = front");
            Execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                    + "pg_backend_pid()");
            var tries = 0;
            await Until.TrueAsync(async () =>
            {
                // Whoever meets a session that was ended stops, and is started again.
                var actor = node.Open($"b{++tries}");
                var write = Node.WriteAsync(actor, new Noted("2"));
                _ = write.ContinueWith(static task => task.Exception, TaskScheduler.Default);
                return await Task.WhenAny(write, node.StopsAsync(actor)) == write && write.IsCompletedSuccessfully;
            });
        }

        Ask("SELECT count(*) FROM front.journal").ShouldBe(0L);
        ((long)Ask("SELECT count(*) FROM own.journal")!).ShouldBeGreaterThanOrEqualTo(2);

        // The next start is told that it is not clear any more which is meant.
        var message = Refused(_database + ";Search Path=front,own");
        message.ShouldContain("several ledgers, in the schemas front, own");
        message.ShouldContain("Set Search Path");
        Storage(_database + ";Search Path=own").Prepare();
    }

    [Fact]
    public void Who_comes_by_another_search_path_is_told_of_the_ledger_that_is_there()
    {
        Execute("CREATE SCHEMA one; CREATE SCHEMA two");
        Storage(_database + ";Search Path=one").Prepare();

        foreach (var initialize in new[] { true, false })
        {
            foreach (var path in new[] { "two", "public", "nowhere" })
            {
                var message = Refused(_database + ";Search Path=" + path, initialize);
                message.ShouldContain(
                    path == "nowhere" ? "leads to no schema" : $"leads to schema '{path}', where no ledger is");
                message.ShouldContain("schema 'one' of this database has one.");
                message.ShouldContain("set Search Path=one");
            }
        }

        Ask(TablesSql).ShouldBe("one");

        // Who means it has it.
        Execute("SET search_path = two;" + PostgreSqlSchema.Script);
        var (first, second) = (Storage(_database + ";Search Path=one"), Storage(_database + ";Search Path=two"));
        first.Prepare();
        second.Prepare();
        second.ReadIdentity().Id.ShouldNotBe(first.ReadIdentity().Id);
    }

    [Fact]
    public async Task Of_two_that_begin_at_once_by_different_search_paths_one_is_told()
    {
        Execute("CREATE SCHEMA one; CREATE SCHEMA two");
        var starts = new[] { "one", "two", "one", "two" }.Select(path => Task.Run(() =>
        {
            try
            {
                Storage(_database + ";Search Path=" + path).Prepare();
                return path;
            }
            catch (InvalidOperationException e)
            {
                e.Message.ShouldContain("of this database has one");
                return "";
            }
        }));
        var begun = (await Task.WhenAll(starts)).Where(static path => path.Length > 0).ToArray();
        begun.Length.ShouldBe(2);
        begun.Distinct().ShouldHaveSingleItem().ShouldBe((string)Ask(TablesSql)!);
    }

    [Fact]
    public void Tables_in_several_schemas_are_refused_and_named()
    {
        Storage(_database).Prepare();
        Execute("CREATE SCHEMA front; CREATE TABLE front.snapshot (LIKE public.snapshot INCLUDING ALL)");
        var message = Refused(_database + ";Search Path=front,public");
        message.ShouldContain("journal in public, ");
        message.ShouldContain("snapshot in front, ");
        Storage(_database + ";Search Path=public").Prepare();
    }

    [Fact]
    public void Tables_of_an_older_ledger_are_completed_where_they_are()
    {
        Storage(_database).Prepare();
        Execute("DROP TABLE ledger_shard; CREATE SCHEMA front");
        Storage(_database + ";Search Path=front,public").Prepare();
        Ask(TablesSql).ShouldBe("public");
    }

    [Fact]
    public void A_new_epoch_begins_in_the_ledger_that_the_nodes_have()
    {
        Execute("CREATE SCHEMA own; CREATE SCHEMA other");
        var storage = Storage(_database + ";Search Path=own");
        storage.Prepare();
        Should.Throw<InvalidOperationException>(() => Storage(_database + ";Search Path=other").BeginEpoch("o", "r"))
            .Message.ShouldContain("schema 'own' of this database has one");
        Storage(_database + ";Search Path=other,own").BeginEpoch("o", "r").Epoch.Number.ShouldBe(2);
        storage.ReadIdentity().Epoch.Number.ShouldBe(2);
    }

    [Fact]
    public void A_right_that_the_role_lacks_is_named()
    {
        Storage(_database).Prepare();
        Execute($"CREATE ROLE {_role} LOGIN");
        var given = new NpgsqlConnectionStringBuilder(_database) { Username = _role }.ToString();
        Refused(given).ShouldContain($"the role '{_role}' lacks SELECT, INSERT on journal; SELECT, INSERT on tags;");

        string[] kept = ["journal", "tags", "ledger_loss"];
        string[] noted =
        [
            "snapshot", "ledger_id", "ledger_hold", "ledger_work_checkpoint", "ledger_unfinished", "ledger_lease",
            "ledger_shard",
            "ledger_index", "ledger_block",
        ];
        string[] emptied =
        [
            "ledger_transfer", "ledger_transfer_metadata", "ledger_account", "ledger_account_metadata",
            "ledger_index_prepared",
        ];
        string[] all = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"];
        Execute(
            $"GRANT SELECT, INSERT ON {string.Join(", ", kept)} TO {_role}; GRANT SELECT ON ledger_identity TO {_role};"
            + $" GRANT SELECT, INSERT, UPDATE, DELETE ON {string.Join(", ", noted)} TO {_role};"
            + $" GRANT {string.Join(", ", all)} ON {string.Join(", ", emptied)} TO {_role}");
        Storage(given).Prepare();
        foreach (var (table, right) in (IEnumerable<(string, string)>)
        [
            .. kept.SelectMany(static table => new[] { "SELECT", "INSERT" }.Select(right => (table, right))),
            ("ledger_identity", "SELECT"),
            .. noted.SelectMany(
                static table => new[] { "SELECT", "INSERT", "UPDATE", "DELETE" }.Select(right => (table, right))),
            .. emptied.SelectMany(table => all.Select(right => (table, right))),
        ])
        {
            Execute($"REVOKE {right} ON {table} FROM {_role}");
            var message = Refused(given);
            message.ShouldContain($"the role '{_role}' lacks {right} on {table}. ");
            message.ShouldContain("Ledger.Node schema --role NAME");
            Execute($"GRANT {right} ON {table} TO {_role}");
        }

        Storage(given).Prepare();
    }

    [Fact]
    public void A_schema_that_the_role_may_not_use_or_make_tables_in_is_named_with_the_right()
    {
        Execute($"CREATE ROLE {_role} LOGIN; CREATE SCHEMA closed; GRANT USAGE ON SCHEMA closed TO {_role}");
        var given = new NpgsqlConnectionStringBuilder(_database) { Username = _role, SearchPath = "closed" }.ToString();
        var message = Refused(given);
        message.ShouldContain($"permission denied for schema closed: the role '{_role}' lacks CREATE on it.");
        message.ShouldContain("Ledger.Node schema --role NAME");

        Storage(_database + ";Search Path=closed").Prepare();
        Execute($"REVOKE USAGE ON SCHEMA closed FROM {_role}");
        Refused(given)
            .ShouldContain($"schema 'closed' of this database has one. The role '{_role}' lacks USAGE on it.");
    }

    private static PostgreSqlStorage Storage(string connectionString, bool initialize = true) =>
        (PostgreSqlStorage)new LedgerOptions()
            .UsePostgreSql(connectionString, o => o.AutoInitialize = initialize).Storage!;

    private static string Refused(string connectionString, bool initialize = true) =>
        Should.Throw<InvalidOperationException>(Storage(connectionString, initialize).Prepare).Message;

    private void Execute(string sql) => Ask(sql);

    private object? Ask(string sql)
    {
        using var connection = new NpgsqlConnection(_database + ";Pooling=False");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }
}
