using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Processes;

namespace Ledger.Chaos.Attacks;

/// <summary>An attack that goes on in a process of its own, within a quota.</summary>
internal sealed class AttackerProcess : IAsyncDisposable
{
    // What an attack needs to end after its time.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly TimeSpan length;

    private AttackerProcess(Process process, TimeSpan length) => (this.process, this.length) = (process, length);

    /// <summary>Starts one, and waits until it begins.</summary>
    public static async Task<AttackerProcess> StartAsync(
        AttackKind kind, Uri grpc, Uri json, TimeSpan length, string? key, ProcessorQuota quota, Reaper reaper,
        CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true,
        };
        foreach (var argument in (string[])
        [
            "-c", (quota.Members is { } members ? $"echo $$ >{members}; " : "") + "exec \"$@\"", "attacker", "dotnet",
            typeof(AttackerProcess).Assembly.Location, AttackerProgram.Command, kind.Name,
            grpc.GetLeftPart(UriPartial.Authority),
            json.GetLeftPart(UriPartial.Authority), length.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            quota.OwnCores.ToString(CultureInfo.InvariantCulture),
        ])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[AttackerProgram.KeyVariable] = key ?? "";
        var process = Process.Start(start)!;
        reaper.Watch(process.Id);
        var attacker = new AttackerProcess(process, length);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync(cancellationToken).AsTask()
                .WaitAsync(s_grace, cancellationToken);
            return line == AttackerProgram.Begun
                ? attacker
                : throw new InvalidOperationException($"The attack {kind.Name} did not begin: {line}");
        }
        catch
        {
            await attacker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it has ended.</summary>
    /// <returns>What it counted.</returns>
    public async Task<string> EndAsync(CancellationToken cancellationToken)
    {
        var line = await process.StandardOutput.ReadLineAsync(cancellationToken).AsTask()
            .WaitAsync(length + s_grace, cancellationToken);
        await process.WaitForExitAsync(cancellationToken).WaitAsync(s_grace, cancellationToken);
        return line ?? "ended without a word";
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }
}
