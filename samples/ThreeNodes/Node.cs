using System.Diagnostics;
using System.Net;
using Ledger.Tests.Shared;

namespace ThreeNodesSample;

/// <summary>A node as a process, with ports of its own, that can be killed and started again.</summary>
internal sealed class Node(string name, string database, string directory) : IDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly int grpcPort = LoopbackPort.Next();
    private readonly int httpPort = LoopbackPort.Next();
    private Process? process;

    public string Name => name;

    public int ClusterPort { get; } = LoopbackPort.Next();

    public Uri Grpc => new($"http://127.0.0.1:{grpcPort}");

    public bool IsRunning => process is { HasExited: false };

    public void Start(IEnumerable<Node> cluster)
    {
        process?.Dispose();
        string[] settings =
        [
            "--Ledger:Mode=Clustered",
            $"--ConnectionStrings:Ledger={database}",
            $"--Ledger:Grpc:Url={Grpc}",
            $"--Ledger:Http:Url=http://127.0.0.1:{httpPort}",
            $"--Ledger:Cluster:Port={ClusterPort}",

            // Nobody but this machine reaches these ports.
            "--Ledger:Cluster:Tls:Enabled=false",
            .. cluster.Select(static (node, i) => $"--Ledger:Cluster:SeedNodes:{i}=127.0.0.1:{node.ClusterPort}"),
        ];
        var start = new ProcessStartInfo(FindNode())
        {
            UseShellExecute = false,
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var setting in settings)
        {
            start.ArgumentList.Add(setting);
        }

        process = new Process { StartInfo = start };
        var log = TextWriter.Synchronized(
            new StreamWriter(Path.Combine(directory, name + ".log"), append: true) { AutoFlush = true });
        process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Whether the node has joined and serves.</summary>
    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await Http.GetAsync(new Uri($"http://127.0.0.1:{httpPort}/health/ready"));
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>SIGKILL: the node has no time for a word.</summary>
    public void Kill()
    {
        process!.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (IsRunning)
        {
            Kill();
        }

        process?.Dispose();
    }

    // This program lies in <artifacts>/bin/<project>/<configuration>/, and so does the node.
    private static string FindNode()
    {
        var own = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var path = Path.Combine(own.Parent!.Parent!.FullName, "Ledger.Node", own.Name, "Ledger.Node");
        return OperatingSystem.IsWindows() ? path + ".exe" : path;
    }
}
