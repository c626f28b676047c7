namespace Ledger.Node;

/// <summary>Where settings come from.</summary>
internal static class NodeConfiguration
{
    private const string FileName = "appsettings.json";

    /// <summary>File, then environment, then command line; the later wins. Nothing is reloaded while the node runs: a
    /// setting that half of a node has seen is worse than one that waits for a restart.</summary>
    public static IConfigurationRoot Build(string[] args)
    {
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
}
