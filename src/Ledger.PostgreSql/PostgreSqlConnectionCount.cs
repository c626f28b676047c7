using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>How many connections a node opens at most, and whether it may.</summary>
internal static class PostgreSqlConnectionCount
{
    /// <summary>Those that a new shard's claim goes through.</summary>
    public const int Claims = 4;

    // The one that renews the lease.
    private const int Leases = 1;

    private const string LimitsSql = """
        SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0),
            role.rolconnlimit, database.datconnlimit, role.rolsuper, role.rolname::text
        FROM pg_roles AS role CROSS JOIN pg_database AS database
        WHERE role.rolname = session_user AND database.datname = current_database()
        """;

    /// <summary>How many a node opens at most.</summary>
    public static int Of(int readersMax, int writers) => readersMax + writers + Leases + Claims;

    /// <summary>Compares.</summary>
    /// <returns>Why a node can't open as many as it may need; null when it can.</returns>
    public static string? FaultIn(NpgsqlConnection connection, int readersMax, int writers)
    {
        using var command = new NpgsqlCommand(LimitsSql, connection);
        using var reader = command.ExecuteReader();
        if (!reader.Read())
        {
            return null;
        }

        var (server, role, database) = (reader.GetInt32(0), reader.GetInt32(1), reader.GetInt32(2));
        var isSuperuser = reader.GetBoolean(3);

        // The limits of roles and databases do not hold for superusers; -1 is none.
        (string What, int Count)[] limits =
        [
            ("the server, by max_connections less those that are reserved,", server),
            ($"the role {reader.GetString(4)}, by its CONNECTION LIMIT,", isSuperuser ? -1 : role),
            ("the database, by its CONNECTION LIMIT,", isSuperuser ? -1 : database),
        ];
        var needed = Of(readersMax, writers);
        var (what, least) = limits.Where(static one => one.Count >= 0).MinBy(static one => one.Count);
        return least >= needed
            ? null
            : $"A node may need {needed} connections ({readersMax} to read, by Maximum Pool Size; {writers} to write;"
                + $" {Leases} for its lease; {Claims} for shards), and {what} allows {least} in all. Raise that to "
                + "what all nodes together need, or set a smaller Maximum Pool Size in the connection string.";
    }
}
