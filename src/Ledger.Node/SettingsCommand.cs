namespace Ledger.Node;

/// <summary>Prints every setting with the value that is in effect.</summary>
internal static class SettingsCommand
{
    public const string Name = "settings";

    /// <summary>Runs the command. It checks as a start does, and starts nothing.</summary>
    /// <param name="args">What stands behind the command's name: the settings of the node.</param>
    /// <param name="output">Where to print.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SettingsException">A setting is unknown or out of range.</exception>
    public static int Run(string[] args, TextWriter output)
    {
        output.WriteLine(NodeSettings.Read(NodeConfiguration.Build(args)).DescribeAll());
        return 0;
    }
}
