using System.Globalization;
using Ledger.Chaos.Proxy;

namespace Ledger.Chaos.Faults;

/// <summary>Faults at the moment of a commit, which the proxy finds in PostgreSQL's protocol.</summary>
internal static class CommitFaults
{
    private static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(10);

    public static async Task HeldAsync(FaultContext context)
    {
        var node = context.PickNode();
        var target = NodeFaults.Name(context, node);
        var length = context.Between(1, 15);
        var trap = new CommitTrap(CommitTrapKind.Hold);
        var from = context.Recorder.Now;
        if (!await SpringAsync(context, node.Number, trap))
        {
            context.Note(target, from, "no commit came by");
            return;
        }

        // The commit reaches the server while the node still stands; then the node learns of it.
        await context.InjectAsync(
            target,
            node.Pause,
            length,
            () =>
            {
                trap.Release();
                node.Resume();
            },
            length.TotalSeconds.ToString("0.0 s", CultureInfo.InvariantCulture));
    }

    public static Task LostAsync(FaultContext context) => BreakAsync(context, CommitTrapKind.LoseCommit);

    public static Task AnswerLostAsync(FaultContext context) => BreakAsync(context, CommitTrapKind.LoseAnswer);

    private static async Task BreakAsync(FaultContext context, CommitTrapKind kind)
    {
        var from = context.Recorder.Now;
        var broken = 0;
        var node = context.PickNode();
        for (var i = context.Random.Next(1, 6); i > 0; i--)
        {
            broken += await SpringAsync(context, node.Number, new CommitTrap(kind)) ? 1 : 0;
            node = context.PickNode();
        }

        context.Note("database links", from, FormattableString.Invariant($"{broken} commits"));
    }

    private static async Task<bool> SpringAsync(FaultContext context, int node, CommitTrap trap)
    {
        var watch = context.Network.Databases[node];
        watch.Trap = trap;
        try
        {
            await trap.Sprung.WaitAsync(CommitPatience, context.Cancellation);
            return true;
        }
        catch (TimeoutException)
        {
            trap.Release();
            return false;
        }
        finally
        {
            watch.Trap = null;
        }
    }
}
