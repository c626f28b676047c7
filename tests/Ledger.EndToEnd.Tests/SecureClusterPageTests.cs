using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using CliWrap;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: who follows docs/operating/secure-cluster.md has three nodes that ask who calls, and is refused what
/// the page says. Method: the page's commands are run as they stand, in one shell, with real nodes, certificates and
/// tokens; only the addresses and the database are the test's.</summary>
[Collection(ClusterCollection.Name)]
public sealed partial class SecureClusterPageTests
{
    [Fact]
    public async Task The_page_works_as_it_stands()
    {
        if (!OperatingSystem.IsLinux())
        {
            // Only there is all of 127.0.0.0/8 this machine.
            return;
        }

        using var store = new Store(Database.PostgreSql);
        var root = FindRoot();
        var programs = Directory.CreateDirectory(Path.Combine(store.Root, "bin")).FullName;
        foreach (var (name, program) in new[] { ("Ledger.Node", Programs.Node), ("ledger", Programs.Cli) })
        {
            var file = Path.Combine(programs, name);
            await File.WriteAllTextAsync(file, $"#!/bin/sh\nexec '{program}' \"$@\"\n");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        Directory.CreateSymbolicLink(Path.Combine(store.Root, "eng"), Path.Combine(root, "eng"));
        var network = $"127.{Random.Shared.Next(20, 250)}.{Random.Shared.Next(1, 250)}.";
        var script = new StringBuilder("set -eu\n");
        foreach (var line in Commands(
            await File.ReadAllLinesAsync(Path.Combine(root, "docs", "operating", "secure-cluster.md"))))
        {
            script.Append(
                line.StartsWith("export LEDGER_DB=", StringComparison.Ordinal) ? $"export "
                    + $"LEDGER_DB='{store.ConnectionString}'"
                : line.StartsWith("! ", StringComparison.Ordinal) ? $"if {NodeAddress().Replace(line[2..], network)}; "
                    + "then exit 9; fi"
                : NodeAddress().Replace(line, network)).Append('\n');
        }

        var output = new StringBuilder();
        try
        {
            // Three nodes start and a dozen programs run, on a machine that may be busy.
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(10));
            var ended = await CliWrap.Cli.Wrap("bash").WithArguments(["-c", script.ToString()])
                .WithWorkingDirectory(store.Root)
                .WithEnvironmentVariables(
                    set => set.Set("PATH", $"{programs}:{Environment.GetEnvironmentVariable("PATH")}"))
                .WithValidation(CommandResultValidation.None)
                .WithStandardOutputPipe(PipeTarget.ToStringBuilder(output))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(output))
                .ExecuteAsync(patience.Token);
            ended.ExitCode.ShouldBe(0, output.ToString());
        }
        catch (OperationCanceledException waited)
        {
            throw new TimeoutException($"The page did not come to its end.\n{output}", waited);
        }
        finally
        {
            await KillAsync(Path.Combine(store.Root, "nodes.pid"));
        }

        var said = output.ToString();
        Regex.Count(said, @"refused \(PERMISSION_DENIED\)").ShouldBe(4, said);
        Regex.Count(said, @"refused \(UNAUTHENTICATED\)").ShouldBe(1, said);
    }

    // What the script has started, where it could not end it itself.
    private static async Task KillAsync(string file)
    {
        foreach (var line in File.Exists(file) ? await File.ReadAllLinesAsync(file) : [])
        {
            try
            {
                using var node = Process.GetProcessById(int.Parse(
                    line, System.Globalization.CultureInfo.InvariantCulture));
                node.Kill();
            }
            catch (ArgumentException)
            {
                // It has ended.
            }
        }
    }

    private static IEnumerable<string> Commands(string[] page)
    {
        var isCode = false;
        foreach (var line in page)
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                isCode = line == "```sh";
            }
            else if (isCode)
            {
                yield return line;
            }
        }
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null;
            directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Ledger.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("The repository is not around the tests.");
    }

    [GeneratedRegex(@"127\.0\.0\.(?=[123$])")]
    private static partial Regex NodeAddress();
}
