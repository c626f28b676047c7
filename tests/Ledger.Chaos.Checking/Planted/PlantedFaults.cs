using System.Diagnostics;
using System.Globalization;

namespace Ledger.Chaos.Checking.Planted;

/// <summary>What is to be driven: a node with a fault in it.</summary>
/// <param name="Fault">The fault.</param>
/// <param name="Node">The built node, a DLL to be run with <c>dotnet</c>.</param>
/// <param name="Output">A directory of the run's own.</param>
public sealed record PlantedRun(PlantedFault Fault, string Node, string Output);

/// <summary>What the checker says of a run, as far as matters here.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Rules">The rules that were broken.</param>
/// <param name="Text">What there is to be read about it.</param>
public sealed record PlantedOutcome(Verdict Verdict, IReadOnlyCollection<string> Rules, string Text)
{
    /// <summary>Stands among the rules where not all accounts answered in the end, although nothing was wrong any
    /// more.</summary>
    public const string Unfinished = "unfinished";

    /// <summary>Takes it from a report.</summary>
    /// <param name="report">The report.</param>
    public static PlantedOutcome Of(CheckReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return new PlantedOutcome(
            report.Verdict,
            [.. report.Counts.Keys, .. report.Reason.StartsWith(ChaosChecker.Unfinished, StringComparison.Ordinal)
                ? [Unfinished]
                : Array.Empty<string>()],
            report.Summary());
    }
}

/// <summary>Runs the chaos suite with a node, and returns what its checker says.</summary>
/// <param name="run">The run.</param>
/// <param name="cancellationToken">Ends it.</param>
public delegate Task<PlantedOutcome> PlantedDriver(PlantedRun run, CancellationToken cancellationToken);

/// <summary>Proves that the suite finds faults: plants them one by one, builds the node with each, and drives
/// it.</summary>
public static class PlantedFaults
{
    private static readonly TimeSpan BuildTimeMax = TimeSpan.FromMinutes(15);

    // What a build of the node needs.
    private static readonly string[] Parts =
    [
        "src", "proto", "eng", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props",
        "global.json",
        "README.md", ".editorconfig", "nuget.config", "NuGet.config",
    ];

    /// <summary>Runs the faults.</summary>
    /// <param name="root">The root of the repository.</param>
    /// <param name="only">The name of the only one to run; null for all.</param>
    /// <param name="drive">Runs the suite.</param>
    /// <param name="timeMax">How long one run may take.</param>
    /// <param name="writer">Where it is told how it goes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether all were found.</returns>
    public static async Task<bool> RunAsync(
        string root, string? only, PlantedDriver drive, TimeSpan timeMax, TextWriter writer,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(drive);
        ArgumentNullException.ThrowIfNull(writer);
        var faults = PlantedFault.ReadAll(Path.Combine(root, "tests", "Ledger.Chaos", "Planted"));
        if (only is not null)
        {
            faults = [.. faults.Where(fault => fault.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
            if (faults.Count == 0)
            {
                throw new FormatException($"There is no planted fault '{only}'.");
            }
        }

        var found = 0;
        var work = Directory.CreateTempSubdirectory("ledger-planted-");
        try
        {
            var sources = Path.Combine(work.FullName, "sources");
            foreach (var fault in faults)
            {
                var clock = Stopwatch.StartNew();
                await writer.WriteLineAsync($"{fault.Name}: {fault.About}");
                Copy(root, sources);
                fault.Apply(sources);
                var node = await BuildAsync(sources, cancellationToken);
                using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                end.CancelAfter(timeMax);
                PlantedOutcome? outcome = null;
                var why = "";
                try
                {
                    outcome = await drive(
                        new PlantedRun(
                            fault, node, Directory.CreateDirectory(Path.Combine(work.FullName, fault.Name)).FullName),
                            end.Token);
                }
                catch (Exception e) when (e is TimeoutException or InvalidOperationException
                    || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
                {
                    // A node so broken that the run could not go on proves nothing about the checker.
                    why = $" ({e.Message})";
                }

                var isFound = outcome is { Verdict: not Verdict.Clean } && fault.Expects.Any(outcome.Rules.Contains);
                found += isFound ? 1 : 0;
                await writer.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {(isFound ? "found" : "NOT FOUND")} in {clock.Elapsed.TotalSeconds:0} s: "
                        + $"{outcome?.Text ?? "no report"}{why}"));
                await writer.FlushAsync(cancellationToken);
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }

        await writer.WriteLineAsync(
            string.Create(CultureInfo.InvariantCulture, $"planted: {found} of {faults.Count} found"));
        return found == faults.Count;
    }

    /// <summary>The root of the repository that a directory lies in.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="InvalidOperationException">It lies in none.</exception>
    public static string RootOf(string directory)
    {
        for (var at = new DirectoryInfo(directory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Ledger.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("The planted faults need the sources: run this from a checkout.");
    }

    /// <summary>A driver that runs the suite's program as a process, and reads the last line of its checker.</summary>
    /// <param name="program">The program, a DLL.</param>
    public static PlantedDriver Program(string program) => async (run, cancellationToken) =>
    {
        ArgumentNullException.ThrowIfNull(run);
        var start = Dotnet(run.Output);
        foreach (var argument in (string[])
            [program, .. run.Fault.Run, "--node", run.Node, "--seed", SeedOf(run.Fault.Name), "--output",
                Path.Combine(run.Output, "run")])
        {
            start.ArgumentList.Add(argument);
        }

        // What it has started is ended by its reaper, which must outlive it.
        var (_, output) = await RunAsync(start, withChildren: false, cancellationToken);
        var lines = output.Split('\n');
        var said = Array.FindLast(
            lines, static line => line.StartsWith(CheckReport.SummaryPrefix, StringComparison.Ordinal));
        if (said is null)
        {
            // What it died of stands before where.
            var death = Array.FindIndex(
                lines, static line => line.StartsWith("Unhandled exception", StringComparison.Ordinal));
            var told = death < 0 ? lines.TakeLast(5) : lines.Skip(death).Take(8);
            throw new InvalidOperationException(
                $"its checker has said nothing; it ended with: {string.Join(" / ", told)}");
        }

        var words = said[CheckReport.SummaryPrefix.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new PlantedOutcome(
            words is ["clean", ..] ? Verdict.Clean : words is ["VIOLATED", ..] ? Verdict.Violated : Verdict.Unknown,
            [
                .. words.Select(static word => word.Split('x')[0]).Where(static word => Rule.All.Contains(word)),
                .. said.Contains(ChaosChecker.Unfinished, StringComparison.Ordinal)
                ? [PlantedOutcome.Unfinished]
                : Array.Empty<string>(),
            ],
            said.Trim());
    };

    // The same every time, and another for each.
    private static string SeedOf(string name) =>
        name.Aggregate(17u, static (seed, letter) => unchecked((seed * 31) + letter))
            .ToString(CultureInfo.InvariantCulture);

    // Files that did not change keep their times, so that only what a fault touches is built again.
    private static void Copy(string root, string sources)
    {
        foreach (var part in Parts)
        {
            var from = Path.Combine(root, part);
            if (File.Exists(from))
            {
                CopyFile(from, Path.Combine(sources, part));
            }
            else if (Directory.Exists(from))
            {
                foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
                {
                    var relative = Path.GetRelativePath(root, file);
                    if (!relative.Contains("/bin/", StringComparison.Ordinal)
                        && !relative.Contains("/obj/", StringComparison.Ordinal))
                    {
                        CopyFile(file, Path.Combine(sources, relative));
                    }
                }
            }
        }
    }

    private static void CopyFile(string from, string to)
    {
        var bytes = File.ReadAllBytes(from);
        if (!File.Exists(to) || !File.ReadAllBytes(to).AsSpan().SequenceEqual(bytes))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.WriteAllBytes(to, bytes);
        }
    }

    private static async Task<string> BuildAsync(string sources, CancellationToken cancellationToken)
    {
        var start = Dotnet(sources);

        // A fault may look like one to an analyzer; whether it compiles is all that matters.
        foreach (var argument in (string[])
            [
                "build", Path.Combine("src", "Ledger.Node"), "-c", "Release", "-nologo", "-v", "q",
                "-p:RunAnalyzers=false",
                "-p:TreatWarningsAsErrors=false", "-p:MSBuildTreatWarningsAsErrors=false", "--disable-build-servers",
            ])
        {
            start.ArgumentList.Add(argument);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(BuildTimeMax);
        var (code, output) = await RunAsync(start, withChildren: true, end.Token);
        if (code != 0)
        {
            throw new FormatException($"The node does not build with the fault in it:\n{output}");
        }

        var node = Path.Combine(sources, "artifacts", "bin", "Ledger.Node", "release", "Ledger.Node.dll");
        return File.Exists(node) ? node : throw new InvalidOperationException($"The build left no {node}.");
    }

    private static ProcessStartInfo Dotnet(string directory) => new("dotnet")
    {
        WorkingDirectory = directory,
        RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
    };

    private static async Task<(int Code, string Output)> RunAsync(
        ProcessStartInfo start, bool withChildren, CancellationToken cancellationToken)
    {
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet can't be started.");
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: withChildren);
            throw;
        }
    }
}
