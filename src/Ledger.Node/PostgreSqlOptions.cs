using Npgsql;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:PostgreSql</c>.</summary>
internal sealed class PostgreSqlOptions
{
    /// <summary>Npgsql's connection string; null means SQLite. <c>ConnectionStrings:Ledger</c> is the same.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>A file whose first line is the password, for a connection string without one. What stands on a command
    /// line or in the environment others may read.</summary>
    public string? PasswordFile { get; set; }

    /// <summary>Puts the password of the file into the connection string.</summary>
    /// <exception cref="SettingsException">There is no such file, or nothing to put it into.</exception>
    public void Complete()
    {
        if (PasswordFile is not { Length: > 0 } path)
        {
            return;
        }

        const string setting = "Ledger:PostgreSql:PasswordFile";
        if (!File.Exists(path))
        {
            throw new SettingsException($"{setting}: there is no file {path}");
        }

        try
        {
            var connection = new NpgsqlConnectionStringBuilder(ConnectionString);
            if (ConnectionString is not { Length: > 0 } || connection.Password is { Length: > 0 })
            {
                throw new SettingsException(
                    $"{setting} is for a connection string without a password, and there is "
                    + (ConnectionString is { Length: > 0 }
                        ? "one with a password."
                        : "none: set ConnectionStrings:Ledger."));
            }

            connection.Password = File.ReadLines(path).FirstOrDefault();
            ConnectionString = connection.ConnectionString;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SettingsException($"{setting}: {path} can't be used with ConnectionStrings:Ledger: {e.Message}");
        }
    }
}
