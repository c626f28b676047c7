using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>Finds out whether what a connection string leads to gives each connection a session of its own.</summary>
/// <remarks>The ledger prepares its statements, sets what its commits need and remembers which server it has looked
/// at, all of that for a session. A proxy that gives the sessions of its connections to others between two
/// transactions (PgBouncer with <c>pool_mode = transaction</c>), or between two statements, takes all three away; and
/// it does so silently, as long as nothing else happens to be under way. So two connections get into each other's way
/// on purpose: while one has a transaction open, the other can't be given the session that this one is in; and
/// afterwards there are two sessions to choose from.</remarks>
internal static class PostgreSqlProxy
{
    /// <summary>What to do about a proxy that can't be used.</summary>
    public const string WayOut =
        "Connect to PostgreSQL directly, or through a proxy that gives every connection a session of its own"
        + " (pool_mode = session).";

    private const string SessionSql = "SELECT pg_backend_pid()";
    private const int Rounds = 2;

    /// <summary>Looks.</summary>
    /// <param name="first">A connection.</param>
    /// <param name="open">Opens another one to the same place.</param>
    /// <returns>Why it can't be used; null when it can.</returns>
    public static string? FaultIn(NpgsqlConnection first, Func<NpgsqlConnection> open)
    {
        try
        {
            using var second = open();
            for (var round = 0; round < Rounds; round++)
            {
                var before = SessionOf(first);
                using var other = second.BeginTransaction();
                var taken = SessionOf(second);
                if (taken == before || SessionOf(first) != before)
                {
                    return Shared;
                }

                using (var own = first.BeginTransaction())
                {
                    if (SessionOf(first) != before)
                    {
                        return Shared;
                    }

                    own.Commit();
                }

                other.Commit();
                if (SessionOf(first) != before || SessionOf(second) != taken)
                {
                    return Shared;
                }
            }

            return null;
        }
        catch (PostgresException e) when (IsOfStatements(e))
        {
            return "Something between the ledger and PostgreSQL refuses transactions of several statements, such as"
                + " PgBouncer with pool_mode = statement. " + WayOut;
        }
    }

    /// <summary>What a proxy means that refuses a connection for what it sets for its session; null for another
    /// failure.</summary>
    public static string? RefusalIn(NpgsqlException failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.ProtocolViolation } refusal
        && refusal.MessageText.Contains("startup parameter", StringComparison.OrdinalIgnoreCase)
            ? "Something between the ledger and PostgreSQL refuses what a connection sets for its session"
                + $" ({refusal.MessageText}). For PgBouncer: pool_mode = session, and ignore_startup_parameters ="
                + " extra_float_digits, options, search_path; the ledger then sets it by statement."
            : null;

    private const string Shared =
        "Something between the ledger and PostgreSQL gives the session of one connection to others, such as PgBouncer"
        + " with pool_mode = transaction. " + WayOut;

    private static bool IsOfStatements(PostgresException failure) =>
        failure.MessageText.Contains("statement pooling", StringComparison.OrdinalIgnoreCase);

    private static int SessionOf(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(SessionSql, connection);
        return (int)command.ExecuteScalar()!;
    }
}
