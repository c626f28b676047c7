using System.Data.Common;
using System.Globalization;
using System.Text;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>Fills in what a connection string for money should say.</summary>
internal static class PostgreSqlConnections
{
    private const StringSplitOptions SplitOptions =
        StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

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

        // Longer than a lease is good: while commits wait for a standby, renewals do too, so by the time that one is
        // broken off, and can be seen although the standby lacks it, accounts are silent until a later renewal has
        // reached the standby, and with it everything before.
        if (!given.Contains("commandtimeout"))
        {
            builder.CommandTimeout = 4;
        }

        // Whatever is given: after a timeout the connection is broken, and nothing is read any more. A server that is
        // asked to cancel a commit which waits for its standby answers that it has committed, although the standby may
        // lack it.
        builder.CancellationTimeout = -1;

        if (!given.Contains("keepalive") && !given.Contains("tcpkeepalive"))
        {
            builder.KeepAlive = 5;
        }

        if (!given.Contains("maximumpoolsize") && !given.Contains("maxpoolsize"))
        {
            builder.MaxPoolSize = Math.Max(25, builder.MinPoolSize);
        }

        // Nothing is set for a session but its name, which says that it was looked at: see PostgreSqlReaders.
        if (!given.Contains("noresetonclose"))
        {
            builder.NoResetOnClose = true;
        }

        if (!given.Contains("applicationname"))
        {
            builder.ApplicationName = "ledger";
        }

        // A replica may show a past that never was; with one host there is nothing to choose.
        if (builder.Host.Contains(',', StringComparison.Ordinal)
            && builder.TargetSessionAttributes is { } wanted
            && !(wanted.Equals("primary", StringComparison.OrdinalIgnoreCase)
                || wanted.Equals("read-write", StringComparison.OrdinalIgnoreCase)))
        {
            throw new ArgumentException(
                $"The PostgreSQL connection string has Target Session Attributes={wanted}. The ledger works on the "
                + "server that is written to: with several hosts leave it out, or set it to primary.",
                nameof(connectionString));
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

    /// <summary>The connection of a writer: its own, outside of the pool, so that no reader can be in its
    /// way.</summary>
    /// <param name="connectionString">As it was completed.</param>
    /// <param name="process">Whose it is: whoever revokes that one's lease finds its sessions by it.</param>
    public static string ForWriter(string connectionString, Guid process)
        => new NpgsqlConnectionStringBuilder(connectionString)
        {
            Pooling = false,
            WriteBufferSize = 64 * 1024,
            MaxAutoPrepare = 0,
            ApplicationName = WriterName(process),
        }.ToString();

    /// <summary>What the writing sessions of a process are called. At most 63 bytes.</summary>
    public static string WriterName(Guid process) => $"ledger writer {process:N}";

    /// <summary>Has all sessions find their tables in one schema, whatever is set for the role or the
    /// database.</summary>
    /// <param name="builder">Of a completed string; what it says of a search path goes.</param>
    /// <param name="schema">The schema's name.</param>
    public static void InSchema(NpgsqlConnectionStringBuilder builder, string schema)
    {
        // Among the options, and not as a parameter of its own: a proxy drops either both or what says that the session
        // has been given all of it. Of several the last one counts.
        builder.SearchPath = null;
        builder.Options = $"{builder.Options} -c search_path={Escaped(PostgreSqlTables.Quoted(schema))}".TrimStart();
    }

    private static string Escaped(string value)
    {
        var escaped = new StringBuilder(value.Length);
        foreach (var c in value)
        {
            if (c == '\\' || char.IsWhiteSpace(c))
            {
                escaped.Append('\\');
            }

            escaped.Append(c);
        }

        return escaped.ToString();
    }

    /// <summary>The connection that looks at the database once at start, when nobody waits for an answer yet: a slow
    /// one is no reason to fail.</summary>
    public static string ForStart(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
        builder.Timeout = Math.Max(builder.Timeout, 15);
        builder.CommandTimeout = Math.Max(builder.CommandTimeout, 15);
        return builder.ToString();
    }

    /// <summary>The connection string of each host that a connection string names.</summary>
    public static string[] ForEachHost(NpgsqlConnectionStringBuilder builder)
    {
        if (!builder.Host!.Contains(',', StringComparison.Ordinal))
        {
            return [builder.ConnectionString];
        }

        return
        [
            .. builder.Host.Split(',', SplitOptions).Select(host =>
            {
                var one = new NpgsqlConnectionStringBuilder(builder.ConnectionString);
                one.Remove("Target Session Attributes");
                one.Remove("Load Balance Hosts");
                one.Remove("Host Recheck Seconds");
                one.Host = host;

                // As Npgsql itself reads them: a port after the last colon, where that is not within an IPv6 address.
                var colon = host.LastIndexOf(':');
                if (colon > 0 && (host.IndexOf(':', StringComparison.Ordinal) == colon || host[colon - 1] == ']')
                    && int.TryParse(
                        host.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
                {
                    (one.Host, one.Port) = (host[..colon], port);
                }

                return one.ConnectionString;
            }),
        ];
    }

    /// <summary>What a connection sets for its session at its start, for the case that something between drops
    /// it.</summary>
    public static (string[] Names, string[] Values) SettingsOf(NpgsqlConnectionStringBuilder builder)
    {
        var settings = SettingsIn(builder.Options ?? string.Empty);
        if (!string.IsNullOrEmpty(builder.SearchPath))
        {
            // As PostgreSQL has it: what is given by itself comes after the options.
            settings["search_path"] = builder.SearchPath;
        }

        return ([.. settings.Keys], [.. settings.Values]);
    }

    // PostgreSQL takes a dash for an underscore here.
    private static Dictionary<string, string> SettingsIn(string options)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var words = Words(options);
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            var setting = word switch
            {
                "-c" when i + 1 < words.Count => words[++i],
                _ when word.StartsWith("--", StringComparison.Ordinal) => word[2..],
                _ when word.StartsWith("-c", StringComparison.Ordinal) => word[2..],
                _ => string.Empty,
            };
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                settings[setting[..equals].Replace('-', '_')] = setting[(equals + 1)..];
            }
        }

        return settings;
    }

    // Separated by spaces; a backslash takes the next character as it is.
    private static List<string> Words(string options)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        for (var i = 0; i <= options.Length; i++)
        {
            if (i == options.Length || char.IsWhiteSpace(options[i]))
            {
                if (word.Length > 0)
                {
                    words.Add(word.ToString());
                    word.Clear();
                }
            }
            else
            {
                word.Append(options[i] == '\\' && i + 1 < options.Length ? options[++i] : options[i]);
            }
        }

        return words;
    }

    private static string CompleteOptions(string? given, PostgreSqlStorageOptions options)
    {
        var result = given ?? string.Empty;
        result = Add(result, "statement_timeout", options.StatementTimeout);
        result = Add(result, "lock_timeout", options.LockTimeout);
        result = Add(result, "idle_in_transaction_session_timeout", options.IdleInTransactionTimeout);

        // R19 d: a connection's own setting wins over what is set for the database or the role, now or later.
        result = Add(result, "synchronous_commit", "on");
        result = Add(result, "default_transaction_isolation", @"read\ committed");
        return Add(
            result, PostgreSqlProbe.SessionSetting,
            options.AllowUnsafeDurability ? PostgreSqlProbe.Unsafe : PostgreSqlProbe.Durable);
    }

    private static string Add(string options, string setting, TimeSpan value) =>
        Add(options, setting, ((long)value.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));

    private static string Add(string options, string setting, string value)
    {
        if (SettingsIn(options).ContainsKey(setting))
        {
            return options;
        }

        return $"{options} -c {setting}={value}".TrimStart();
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
