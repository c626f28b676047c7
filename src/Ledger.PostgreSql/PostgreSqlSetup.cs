using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>How the plugins of an actor system connect. Beside its configuration, which applications print and log, so
/// that no password stands there.</summary>
internal sealed class PostgreSqlSetup(string connectionString) : Setup
{
    private const string Key = "connection-string";

    /// <summary>The connection string, with its secrets.</summary>
    public string ConnectionString { get; } = connectionString;

    /// <summary>The connection string for a plugin.</summary>
    public static string Of(ActorSystem system, Config plugin) =>
        system.Settings.Setup.Get<PostgreSqlSetup>() is { HasValue: true } setup
            ? setup.Value.ConnectionString
            : plugin.GetString(Key);

    /// <summary>A connection string without its secrets.</summary>
    public static string WithoutSecrets(string connectionString)
    {
        var bare = new NpgsqlConnectionStringBuilder(connectionString);
        bare.Remove("Password");
        bare.Remove("SSL Password");
        return bare.ConnectionString;
    }
}
