using System.Data.Common;
using System.Globalization;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>Fills in what a connection string for money should say.</summary>
internal static class PostgreSqlConnections
{
    public static NpgsqlConnectionStringBuilder Complete(string connectionString, PostgreSqlStorageOptions options)
    {
        NpgsqlConnectionStringBuilder builder;
        HashSet<string> given;
        try
        {
            builder = new NpgsqlConnectionStringBuilder(connectionString);
            given = Given(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            // Npgsql's message names the keyword; the string itself may hold a password and is not shown.
            throw new ArgumentException(
                $"The PostgreSQL connection string can't be read: {e.Message}", nameof(connectionString), e);
        }

        if (string.IsNullOrWhiteSpace(builder.Host))
        {
            throw new ArgumentException(
                "The PostgreSQL connection string names no Host.", nameof(connectionString));
        }

        if (!given.Contains("timeout"))
        {
            builder.Timeout = 3;
        }

        // Longer than a lease is good: while commits wait for a standby, renewals do too, so by the time that one is broken off, and
        // can be seen although the standby lacks it, accounts are silent until a later renewal has reached the standby, and with
        // it everything before.
        if (!given.Contains("commandtimeout"))
        {
            builder.CommandTimeout = 4;
        }

        // Whatever is given: after a timeout the connection is broken, and nothing is read any more. A server that is asked to
        // cancel a commit which waits for its standby answers that it has committed, although the standby may lack it.
        builder.CancellationTimeout = -1;

        if (!given.Contains("keepalive") && !given.Contains("tcpkeepalive"))
        {
            builder.KeepAlive = 5;
        }

        if (!given.Contains("maximumpoolsize") && !given.Contains("maxpoolsize"))
        {
            builder.MaxPoolSize = Math.Max(25, builder.MinPoolSize);
        }

        if (!given.Contains("applicationname"))
        {
            builder.ApplicationName = "ledger";
        }

        // A replica may show a past that never was; with one host there is nothing to choose.
        if (!given.Contains("targetsessionattributes") && builder.Host.Contains(',', StringComparison.Ordinal))
        {
            builder.TargetSessionAttributes = "primary";
        }

        builder.Options = CompleteOptions(builder.Options, options);
        return builder;
    }

    /// <summary>The string without its password, for people.</summary>
    public static string Mask(NpgsqlConnectionStringBuilder builder)
    {
        var user = string.IsNullOrEmpty(builder.Username) ? string.Empty : builder.Username + ":***@";
        var port = builder.Host!.Contains(',', StringComparison.Ordinal)
            || builder.Host.Contains(':', StringComparison.Ordinal)
            ? string.Empty
            : ":" + builder.Port.ToString(CultureInfo.InvariantCulture);
        return $"postgresql://{user}{builder.Host}{port}/{builder.Database ?? builder.Username}";
    }

    /// <summary>The connection of a writer: its own, outside of the pool, so that no reader can be in its way.</summary>
    public static string ForWriter(string connectionString)
        => new NpgsqlConnectionStringBuilder(connectionString)
        {
            Pooling = false,
            WriteBufferSize = 64 * 1024,
            MaxAutoPrepare = 0,
        }.ToString();

    /// <summary>The connection that looks at the database once at start, when nobody waits for an answer yet: a slow
    /// one is no reason to fail.</summary>
    public static string ForStart(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
        builder.Timeout = Math.Max(builder.Timeout, 15);
        builder.CommandTimeout = Math.Max(builder.CommandTimeout, 15);
        return builder.ToString();
    }

    private static string CompleteOptions(string? given, PostgreSqlStorageOptions options)
    {
        var result = given ?? string.Empty;
        result = Add(result, "statement_timeout", options.StatementTimeout);
        result = Add(result, "lock_timeout", options.LockTimeout);
        return Add(result, "idle_in_transaction_session_timeout", options.IdleInTransactionTimeout);
    }

    private static string Add(string options, string setting, TimeSpan value)
    {
        if (options.Contains(setting, StringComparison.OrdinalIgnoreCase))
        {
            return options;
        }

        var milliseconds = ((long)value.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        return $"{options} -c {setting}={milliseconds}".TrimStart();
    }

    private static HashSet<string> Given(string connectionString)
    {
        var keywords = new HashSet<string>(StringComparer.Ordinal);
        foreach (string keyword in new DbConnectionStringBuilder { ConnectionString = connectionString }.Keys)
        {
            keywords.Add(keyword.Replace(" ", string.Empty, StringComparison.Ordinal).ToLowerInvariant());
        }

        return keywords;
    }
}
