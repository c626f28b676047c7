namespace Ledger.Node;

/// <summary>Where settings come from.</summary>
internal static class NodeConfiguration
{
    private const string FileName = "appsettings.json";

    // What has a meaning for a node or for the server and the log in it.
    private static readonly string[] s_sections = ["Ledger", "ConnectionStrings", "Kestrel", "Logging", "environment"];

    /// <summary>File, then environment, then command line; the later wins. Nothing is reloaded while the node runs: a
    /// setting that half of a node has seen is worse than one that waits for a restart.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="others">Options of a command that are no settings.</param>
    /// <exception cref="SettingsException">The command line holds what means nothing.</exception>
    public static IConfigurationRoot Build(string[] args, params string[] others)
    {
        RefuseOthers(args, others);
        var builder = new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, FileName), optional: true, reloadOnChange: false);
        var local = Path.GetFullPath(FileName);
        if (!string.Equals(Path.GetDirectoryName(local), Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory),
            StringComparison.Ordinal))
        {
            builder.AddJsonFile(local, optional: true, reloadOnChange: false);
        }

        return builder.AddEnvironmentVariables().AddCommandLine(args).Build();
    }

    /// <summary>A warning where a command line holds a password: who else is on the machine can read it there; null
    /// where it holds none.</summary>
    public static string? WarningOf(string[] args) =>
        Array.Exists(args, static arg => SettingSection.Mask(arg.Split('=', 2)[^1]) != arg.Split('=', 2)[^1])
            ? "WARNING: the command line holds a password, and whoever is on this machine can read it there. Use"
                + " Ledger:PostgreSql:PasswordFile, or a passfile in the connection string."
            : null;

    // The environment may hold anything; what is typed is meant for the node.
    private static void RefuseOthers(string[] args, string[] others)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                throw new SettingsException($"there is no command '{args[i]}'; --help tells which there are.");
            }

            var key = args[i][2..].Split('=', 2)[0];
            if (!args[i].Contains('=', StringComparison.Ordinal) && ++i == args.Length)
            {
                throw new SettingsException($"--{key} has no value; say --{key}=VALUE.");
            }

            var section = key.Split(':', 2)[0];
            if (section.Equals("ConnectionStrings", StringComparison.OrdinalIgnoreCase)
                && !key.Equals("ConnectionStrings:Ledger", StringComparison.OrdinalIgnoreCase))
            {
                throw new SettingsException($"there is no setting {key}; a node reads ConnectionStrings:Ledger.");
            }

            if (!s_sections.Contains(section, StringComparer.OrdinalIgnoreCase)
                && !others.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                throw new SettingsException(
                    $"there is no setting {key}; those of a node begin with --Ledger:, as --Ledger:Grpc:Url. --help "
                        + "tells more.");
            }
        }
    }
}
