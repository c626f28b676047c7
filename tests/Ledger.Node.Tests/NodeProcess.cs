using System.Diagnostics;
using System.Text;

namespace Ledger.Node.Tests;

/// <summary>A node as a process of its own, in a directory of its own, on free ports.</summary>
internal sealed class NodeProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly TaskCompletionSource<Uri> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Uri> grpc = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public NodeProcess(string directory, params string[] arguments)
        : this(directory, new Dictionary<string, string>(), arguments)
    {
    }

    /// <summary>Starts a node with more in its environment.</summary>
    public NodeProcess(string directory, IReadOnlyDictionary<string, string> environment, params string[] arguments)
        : this(directory, [], environment, arguments)
    {
    }

    /// <summary>Starts a node by a program that arranges something for it and then becomes it.</summary>
    public NodeProcess(
        string directory, string[] around, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        string[] program = [.. around, "dotnet"];
        var start = new ProcessStartInfo(program[0], program[1..])
        {
            UseShellExecute = false,
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // A command of the node stands before its settings.
        string[] all =
        [
            Path.Combine(AppContext.BaseDirectory, "Ledger.Node.dll"),
            .. arguments.TakeWhile(static argument => !argument.StartsWith("--", StringComparison.Ordinal)),
            "--Ledger:Grpc:Url=http://127.0.0.1:0",
            "--Ledger:Http:Url=http://127.0.0.1:0",
            "--Ledger:Shutdown:DrainDelay=00:00:00.2",
            .. arguments.SkipWhile(static argument => !argument.StartsWith("--", StringComparison.Ordinal)),
        ];
        foreach (var argument in all)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    /// <summary>Where JSON is served; waits until it is.</summary>
    public Task<Uri> ListeningAsync() => listening.Task.WaitAsync(Patience);

    /// <summary>Where gRPC is served; waits until it is.</summary>
    public Task<Uri> GrpcListeningAsync() => grpc.Task.WaitAsync(Patience);

    /// <summary>The number of the process.</summary>
    public int Id => process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => process.HasExited;

    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString()]);
        kill.WaitForExit();
    }

    public async Task<int> ExitAsync()
    {
        await process.WaitForExitAsync().WaitAsync(Patience);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
    }

    private void Read(string? line)
    {
        const string prefix = "JSON listening on ";
        const string grpcPrefix = "gRPC listening on ";
        lock (output)
        {
            output.AppendLine(line);
        }

        if (line?.StartsWith(grpcPrefix, StringComparison.Ordinal) == true)
        {
            grpc.TrySetResult(new Uri(line[grpcPrefix.Length..]));
        }

        if (line?.StartsWith(prefix, StringComparison.Ordinal) == true)
        {
            listening.TrySetResult(new Uri(line[prefix.Length..]));
        }
    }
}
