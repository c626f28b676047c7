namespace Ledger.Node;

/// <summary>What an operator does with the index of transfers and accounts: <c>index rebuild</c> empties it, so that it
/// is made again from the journal's first row; <c>index show</c> says how far it has got.</summary>
internal static class IndexCommand
{
    public const string Name = "index";

    /// <summary>Runs the command.</summary>
    /// <param name="args">What stands behind the command's name; settings of the node included.</param>
    /// <param name="output">Where to print.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SettingsException">The command is incomplete.</exception>
    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (args is not [("rebuild" or "show") and var what, .. var rest])
        {
            throw new SettingsException("index rebuild, or index show; then the node's settings");
        }

        var storage = NodeSettings.Read(NodeConfiguration.Build(rest)).Ledger.Storage!;
        using var file = storage as IDisposable;
        storage.Prepare();
        await using var index = storage.OpenIndex();
        await using var journal = storage.OpenJournalReader();
        if (what == "rebuild")
        {
            await index.EmptyAsync(CancellationToken.None);
            await output.WriteLineAsync(
                "The index of transfers and accounts is empty. A node on which it is enabled makes it again; until "
                    + "then searches are refused.");
            return 0;
        }

        var state = await index.ReadStateAsync(CancellationToken.None);
        var head = await journal.HeadAsync(CancellationToken.None);
        await output.WriteLineAsync(
            $"The index has folded the journal up to place {state.Checkpoint} of {head.Highest}"
            + (state.Last.IsNone ? "." : $"; its newest event is of {state.AsOf.ToDateTimeOffset():u}."));
        return 0;
    }
}
