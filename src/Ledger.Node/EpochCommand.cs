using Ledger.Actors.Storage;

namespace Ledger.Node;

/// <summary>What an operator does when the database has lost rows that it had acknowledged: <c>epoch begin</c> has the
/// ledger go on with what there is, and keeps who did that, and why.</summary>
internal static class EpochCommand
{
    public const string Name = "epoch";

    /// <summary>Runs the command.</summary>
    /// <param name="args">What stands behind the command's name; settings of the node included.</param>
    /// <param name="output">Where to print.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SettingsException">The command is incomplete.</exception>
    public static int Run(string[] args, TextWriter output)
    {
        switch (args)
        {
            case ["begin", .. var rest]:
                var given = NodeConfiguration.Build(rest, "by", "reason");
                var by = Required(given["by"], "--by");
                var reason = Required(given["reason"], "--reason");
                Describe(Storage(given).BeginEpoch(by, reason), output);
                output.WriteLine(
                    "It has begun. Nodes that were silent begin anew within seconds; start those that have ended.");
                return 0;
            case ["show", .. var rest]:
                Describe(Storage(NodeConfiguration.Build(rest)).ReadIdentity(), output);
                return 0;
            default:
                throw new SettingsException(
                    "epoch begin --by NAME --reason TEXT, or epoch show; then the node's settings");
        }
    }

    private static LedgerStorage Storage(IConfigurationRoot given) => NodeSettings.Read(given).Ledger.Storage!;

    private static string Required(string? text, string option) => text?.Trim() switch
    {
        null or "" => throw new SettingsException($"{option} is missing: who begins the epoch, and why, is kept"),
        { Length: > LedgerEpoch.TextLengthMax } => throw new SettingsException(
            $"{option} is longer than {LedgerEpoch.TextLengthMax} characters"),
        var trimmed => trimmed,
    };

    private static void Describe(LedgerIdentity identity, TextWriter output) => output.WriteLine(
        $"Ledger {identity}, begun at {identity.Epoch.BegunAt.ToDateTimeOffset():u} by {identity.Epoch.BegunBy}:"
        + $" {identity.Epoch.Reason}");
}
