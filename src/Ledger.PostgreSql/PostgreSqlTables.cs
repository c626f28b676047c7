using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>The ledger's tables: in which schema they are, and what the role may do with them.</summary>
/// <remarks>The search path is followed once, at the start. From then on all sessions name the one schema that it led
/// to (<see cref="PostgreSqlConnections.InSchema"/>): a search path that is set for the role or the database later, or
/// a table of the same name that somebody makes in a schema in front, must not lead a new connection of a running
/// ledger to other tables than the old ones.</remarks>
internal static class PostgreSqlTables
{
    // What an account's row rests on is never changed; the others are the ledger's own notes.
    private static readonly (string Table, string[] Rights)[] s_all =
    [
        ("journal", ["SELECT", "INSERT"]),
        ("tags", ["SELECT", "INSERT"]),
        ("ledger_loss", ["SELECT", "INSERT"]),
        ("ledger_identity", ["SELECT"]),
        ("snapshot", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_id", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_hold", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_work_checkpoint", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_unfinished", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_transfer", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
        ("ledger_transfer_metadata", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
        ("ledger_account", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
        ("ledger_account_metadata", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
        ("ledger_index_prepared", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
        ("ledger_index", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_block", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_lease", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("ledger_shard", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ];

    private static readonly string[] s_names = [.. s_all.Select(static one => one.Table)];

    /// <summary>Whether all tables are there.</summary>
    public static bool AreThere(NpgsqlConnection connection, NpgsqlTransaction? transaction) =>
        Places(connection, transaction).Count == s_names.Length;

    /// <summary>The schema that the search path leads to: that of the tables that are there; null where none
    /// is.</summary>
    /// <exception cref="PostgreSqlSessionException">It leads to more than one.</exception>
    public static string? FindSchema(NpgsqlConnection connection, NpgsqlTransaction? transaction)
    {
        var places = Places(connection, transaction);
        var schemas = places.Select(static one => one.Schema).Distinct(StringComparer.Ordinal).ToList();
        if (schemas.Count > 1)
        {
            throw new PostgreSqlSessionException(
                "The search path leads to tables in several schemas: "
                + string.Join(", ", places.Select(static one => $"{one.Table} in {one.Schema}"))
                + ". A ledger's tables are in one. Set Search Path in the connection string to the schema of the ledger"
                + " alone.");
        }

        const string onPath = "AND n.nspname = ANY (current_schemas(false))";
        if (schemas is [var found] && Ledgers(connection, transaction, onPath) is { Count: > 1 } several)
        {
            throw new PostgreSqlSessionException(
                $"The search path leads to several ledgers, in the schemas {string.Join(", ", several)}, of which"
                + $" '{found}' is the first. Set Search Path in the connection string to the schema of one of them "
                + "alone.");
        }

        return schemas.Count == 0 ? null : schemas[0];
    }

    /// <summary>The schema in which tables are made where there are none yet.</summary>
    /// <exception cref="PostgreSqlSessionException">There is none, the role may make no tables there, or another schema
    /// has a ledger: whoever came by another search path would not notice that there are two.</exception>
    public static string SchemaToMakeIn(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        RefuseElsewhere(connection, transaction);
        var (role, schema) = Ask(connection, transaction);
        if (schema is null)
        {
            throw new PostgreSqlSessionException(
                $"The search path of the role '{role}' leads to no schema that exists and that it may use. Create one "
                + "and give the role USAGE on it, or set Search Path in the connection string.");
        }

        using var command = new NpgsqlCommand("SELECT has_schema_privilege($1, 'CREATE')", connection, transaction)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = schema } },
        };
        return command.ExecuteScalar() is true
            ? schema
            : throw new PostgreSqlSessionException(
                $"permission denied for schema {schema}: the role '{role}' lacks CREATE on it. {WayOut}");
    }

    /// <summary>Refuses a search path that leads to no table, where a schema that it does not name has a
    /// ledger.</summary>
    /// <exception cref="PostgreSqlSessionException">It is so.</exception>
    public static void RefuseElsewhere(NpgsqlConnection connection, NpgsqlTransaction? transaction)
    {
        if (Ledgers(connection, transaction, "") is not [var first, ..] elsewhere)
        {
            return;
        }

        var (role, schema) = Ask(connection, transaction);
        using var command = new NpgsqlCommand(
            "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1", connection, transaction)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = first } },
        };
        var right = command.ExecuteScalar() is true ? "" : $" The role '{role}' lacks USAGE on it.";
        throw new PostgreSqlSessionException(
            $"The search path of the role '{role}' leads to {(schema is null ? "no schema" : $"schema '{schema}'")},"
            + $" where no ledger is; schema '{string.Join("', '", elsewhere)}' of this database has one.{right} Nobody"
            + $" would notice that there are two. For that one set Search Path={first} in the connection string of all"
            + " nodes; for another one have the owner of a schema apply there what 'Ledger.Node schema' prints.");
    }

    /// <summary>The rights that the role lacks, named; null where it has all of them.</summary>
    public static string? MissingRights(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(
            "SELECT r.name, r.privilege"
            + " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (name, privilege, place)"
            + " WHERE NOT has_table_privilege(to_regclass(r.name), r.privilege) ORDER BY r.place", connection);
        var all = s_all.SelectMany(static one => one.Rights.Select(right => (one.Table, Right: right))).ToList();
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. all.Select(static one => one.Table)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. all.Select(static one => one.Right)] });
        var missing = new List<(string Table, string Right)>();
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                missing.Add((reader.GetString(0), reader.GetString(1)));
            }
        }

        if (missing.Count == 0)
        {
            return null;
        }

        var named = missing.GroupBy(static one => one.Table)
            .Select(static table => $"{string.Join(", ", table.Select(static one => one.Right))} on {table.Key}");
        return $"the role '{Ask(connection, null).Role}' lacks {string.Join("; ", named)}. {WayOut}";
    }

    /// <summary>The rights by which the role could change what is never changed, named, with what takes them away; null
    /// where it has none of them.</summary>
    public static string? ExcessRights(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(
            "SELECT string_agg(r.privilege || ' on ' || t.name, ', ' ORDER BY t.place, r.place)"
            + " FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place),"
            + " unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) WITH ORDINALITY AS r (privilege, place)"
            + " WHERE has_table_privilege(to_regclass(t.name), r.privilege)", connection);
        string[] kept = [.. s_all.Where(static one => !one.Rights.Contains("UPDATE")).Select(static one => one.Table)];
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = kept });
        return command.ExecuteScalar() is string excess
            ? $"the role '{Ask(connection, null).Role}' has {excess}. {WayOfExcess(connection, kept)}"
            : null;
    }

    // To revoke is of no use where somebody owns the table, or may do everything.
    private static string WayOfExcess(NpgsqlConnection connection, string[] kept)
    {
        using var command = new NpgsqlCommand(
            "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
            + " EXISTS (SELECT FROM unnest($1::text[]) AS t (name) JOIN pg_class c ON c.oid = to_regclass(t.name)"
            + " WHERE pg_has_role(c.relowner, 'USAGE'))", connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = kept });
        var (isSuper, isOwner) = Read(command, static reader => (reader.GetBoolean(0), reader.GetBoolean(1)))[0];
        return isSuper ? "It is a superuser: give the nodes a role of their own."
            : isOwner ? "It owns tables: give the nodes a role that does not."
            : $"REVOKE UPDATE, DELETE, TRUNCATE ON {string.Join(", ", kept)} FROM {Quoted(Ask(connection, null).Role)};"
                + " takes that away, unless it comes from another role that it is in.";
    }

    /// <summary>A name as SQL has it.</summary>
    public static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>What to do where a right is missing.</summary>
    public const string WayOut = "Where the ledger's role may create no tables, have their owner apply what"
        + " 'Ledger.Node schema --role NAME' prints, which also gives the role its rights.";

    private static List<(string Table, string Schema)> Places(
        NpgsqlConnection connection, NpgsqlTransaction? transaction)
    {
        using var command = new NpgsqlCommand(
            """
            SELECT t.name, n.nspname FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place)
            JOIN pg_class c ON c.oid = to_regclass(t.name) JOIN pg_namespace n ON n.oid = c.relnamespace
            ORDER BY t.place
            """,
            connection, transaction);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = s_names });
        return Read(command, static reader => (reader.GetString(0), reader.GetString(1)));
    }

    // Seen whether or not the role may use the schema.
    private static List<string> Ledgers(NpgsqlConnection connection, NpgsqlTransaction? transaction, string condition)
    {
        using var command = new NpgsqlCommand(
            $"""
            SELECT n.nspname FROM pg_namespace n
            WHERE (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
                   AND c.relname IN ('journal', 'ledger_identity')) = 2 {condition}
            ORDER BY 1
            """,
            connection, transaction);
        return Read(command, static reader => reader.GetString(0));
    }

    private static (string Role, string? Schema) Ask(NpgsqlConnection connection, NpgsqlTransaction? transaction)
    {
        using var command = new NpgsqlCommand("SELECT current_user, current_schema()", connection, transaction);
        return Read(
            command, static reader => (reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1)))[0];
    }

    private static List<T> Read<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> row)
    {
        var rows = new List<T>();
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(row(reader));
        }

        return rows;
    }
}
