using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Processes;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Judging;
using Ledger.Fuzz.Processes;
using Ledger.Fuzz.Shrinking;

namespace Ledger.Fuzz;

/// <summary>A run: world by world inputs are sent while a bystander works on; then what was found is made small, and
/// the books are read.</summary>
internal sealed class FuzzRun(FuzzOptions options, TextWriter output, TimeProvider clock)
{
    private const int KindsMax = 40;
    private const int ShrunkMax = 8;
    private static readonly TimeSpan s_shrinkPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan s_killPause = TimeSpan.FromSeconds(5);

    // What was under way when a node went may be lost; connections to others break a little later.
    private static readonly TimeSpan s_lossTime = TimeSpan.FromSeconds(15);

    private readonly InputMaker maker = new(options.Seed, clock.GetUtcNow());
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private int saved;

    /// <summary>Runs.</summary>
    /// <returns>The exit code: 0 when nothing was found.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.Output);
        using var reaper = Reaper.Start();
        if (options.File is not null || options.Input is not null)
        {
            return await ReplayAsync(reaper, cancellationToken);
        }

        Say($"seed {options.Seed}; logs and inputs go to {options.Output}");
        var (found, sent) = (0, 0L);
        for (var place = 0; place < options.Worlds.Count; place++)
        {
            var share = Share(place);
            var end = options.Length is { } length ? length * (place + 1) / options.Worlds.Count : (TimeSpan?)null;
            var (findings, count) = await RunAsync(
                options.Worlds[place], share.From, share.Count, end, reaper, cancellationToken);
            found += findings;
            sent += count;
        }

        Say($"{sent:N0} inputs of seed {options.Seed} in {watch.Elapsed.TotalSeconds:F0} s: {found} findings");
        return found == 0 ? 0 : 1;
    }

    private (long From, long Count) Share(int place)
    {
        var each = (options.Inputs + options.Worlds.Count - 1) / options.Worlds.Count;
        return (options.From + (place * each), Math.Min(each, options.Inputs - (place * each)));
    }

    private async Task<(int Found, long Sent)> RunAsync(
        WorldKind kind, long from, long count, TimeSpan? end, Reaper reaper, CancellationToken cancellationToken)
    {
        await using var world = await World.StartAsync(kind, options, reaper, options.Output, cancellationToken);
        var begun = watch.Elapsed;

        // Where a busy machine took all its time to start it, there is a little left.
        end = end < begun + s_least ? begun + s_least : end;
        Say($"{kind} serves");
        var tally = new Tally();
        var kinds = new Dictionary<string, Finding>(StringComparer.Ordinal);
        var bystander = new Bystander(world);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sent = 0L;
        var beside = bystander.RunAsync(enough.Token);
        var killing = world.Nodes.Count > 1 ? KillAsync(world, enough.Token) : Task.CompletedTask;

        // So that what ends the run is found while it runs.
        var lost = 0;
        await Task.WhenAll(Enumerable.Range(0, options.Callers).Select(_ => Task.Run(SendAllAsync, cancellationToken)));
        await enough.CancelAsync();
        await beside;
        await killing;

        var took = watch.Elapsed - begun;
        var died = world.Nodes.Where(static node => node.HasDied).ToArray();
        foreach (var node in died)
        {
            Note(
                new Finding(
                    "a node has ended by itself",
                    string.Join(Environment.NewLine, File.ReadLines(node.Log).TakeLast(20)), null));
        }

        foreach (var finding in bystander.Findings)
        {
            Note(finding);
        }

        if (bystander.Moved == 0)
        {
            Note(new Finding("bystander: nothing was moved", "No call of the bystander came through.", null));
        }

        await ShrinkAllAsync(world, kinds.Values, cancellationToken);
        var books = new Books();
        if (died.Length == 0)
        {
            await using var client = world.Connect();
            foreach (var finding in await books.CheckAsync(client, clock, cancellationToken))
            {
                Note(finding);
            }
        }

        output.Write(tally);
        foreach (var finding in kinds.Values)
        {
            Say($"FOUND {finding.Kind}{Environment.NewLine}    {finding.Detail}{Environment.NewLine}    input "
                + $"{finding.Input?.Number}: {finding.Input?.Faults}");
        }

        Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{kind}: {sent:N0} inputs from {from} on in {took.TotalSeconds:F0} s, {tally.Of("OK"):N0} answered OK, "
            + $"{tally.Of("not sent")} not sent, {lost} lost with {world.Kills} nodes killed; {kinds.Count} findings. "
            + $"Bystander: {bystander.Moved} moved, {bystander.Blocked} blocked, p99 {bystander.P99:F0} ms. Books: "
            + $"{books.Accounts} accounts, {books.Entries:N0} entries. Memory: "
            + $"{string.Join(", ", world.Nodes.Select(static node => node.Memory >> 20))} MiB."));
        return (kinds.Count, sent);

        async Task SendAllAsync()
        {
            while (!cancellationToken.IsCancellationRequested && !world.Nodes.Any(static node => node.HasDied)
                && (end is null || watch.Elapsed < end) && Interlocked.Increment(ref sent) is var next)
            {
                if (next > count)
                {
                    Interlocked.Decrement(ref sent);
                    return;
                }

                var input = maker.Make(from + next - 1);
                var kills = world.Kills;
                var answer = await world.SendAsync(input, cancellationToken);
                tally.Add(input, Judge.ReasonOf(input, answer));
                if (Judge.Find(input, answer) is not { } finding)
                {
                    continue;
                }

                if (answer.Failure is not null && WasLost(world, kills))
                {
                    Interlocked.Increment(ref lost);
                    continue;
                }

                Note(finding);
            }
        }

        void Note(Finding finding)
        {
            lock (kinds)
            {
                if (kinds.Count < KindsMax)
                {
                    kinds.TryAdd(finding.Kind, finding);
                }
            }
        }
    }

    private static bool WasLost(World world, int killsBefore) => world.Kills > killsBefore
        || (world.Kills > 0
            && (world.LastGone == long.MaxValue || Stopwatch.GetElapsedTime(world.LastGone) < s_lossTime));

    // One after the other goes, and comes back before the next one does.
    private async Task KillAsync(World world, CancellationToken cancellationToken)
    {
        var draw = new Draw(options.Seed, -1);
        try
        {
            while (true)
            {
                await Task.Delay(s_killPause, cancellationToken);
                await world.KillAsync(draw.Below(world.Nodes.Count), CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The inputs are at their end.
        }
    }

    private async Task ShrinkAllAsync(
        World world, IReadOnlyCollection<Finding> findings, CancellationToken cancellationToken)
    {
        foreach (var finding in findings.Where(static one => one.Input is not null).Take(ShrunkMax).ToArray())
        {
            var shrinker = new Shrinker(
                async input =>
                    Judge.Find(input, await world.SendAsync(input, cancellationToken))?.Kind == finding.Kind,
                    s_shrinkPatience);
            var smallest = await shrinker.ShrinkAsync(finding.Input!);
            var path = Path.Combine(options.Output, FormattableString.Invariant($"finding-{++saved}.json"));
            SavedInput.Write(path, world.Kind, finding, smallest ?? finding.Input!, smallest is not null);
            Say(smallest is null
                ? $"{path}: the input alone does not bring it about; what came before it does"
                : $"{path}: {finding.Input!.Body.Length} bytes became {smallest.Body.Length} in {shrinker.Tries} "
                    + "tries");
        }
    }

    private async Task<int> ReplayAsync(Reaper reaper, CancellationToken cancellationToken)
    {
        var file = options.File is { } path ? SavedInput.Read(path) : null;
        var input = file?.Input ?? maker.Make(options.Input!.Value);
        IReadOnlyList<WorldKind> kinds = file is null ? options.Worlds : [file.World];
        var found = 0;
        Say($"{input.Form} {input.Verb} {input.Path}, {input.Body.Length} bytes, as {input.Credential}: "
            + $"{input.Faults}");
        foreach (var kind in kinds)
        {
            await using var world = await World.StartAsync(kind, options, reaper, options.Output, cancellationToken);
            var answer = await world.SendAsync(input, cancellationToken);
            var finding = Judge.Find(input, answer);
            var seen = finding is null ? "" : $"; FOUND {finding.Kind}: {finding.Detail}";
            Say($"{kind}: {Judge.ReasonOf(input, answer)}{seen}");
            found += finding is null ? 0 : 1;
        }

        return found == 0 ? 0 : 1;
    }

    private void Say(string text) => output.WriteLine("fuzz: " + text);
}
