using System.Diagnostics;
using Ledger.Chaos.Processes;

namespace Ledger.Fuzz.Processes;

/// <summary>One node: a process that may be killed and started again at its own addresses.</summary>
internal sealed class FuzzNode : IDisposable
{
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(2) };

    private readonly string program;
    private readonly string log;
    private readonly IReadOnlyList<string> settings;
    private readonly Reaper reaper;
    private Process? process;

    /// <summary>A node that does not run yet.</summary>
    /// <param name="program">Its program, a .dll.</param>
    /// <param name="log">The file that it logs to.</param>
    /// <param name="grpc">Where it serves gRPC.</param>
    /// <param name="json">Where it serves JSON.</param>
    /// <param name="settings">All else that it is told.</param>
    /// <param name="reaper">Ends it when nobody else can.</param>
    public FuzzNode(string program, string log, Uri grpc, Uri json, IReadOnlyList<string> settings, Reaper reaper)
    {
        (this.program, this.log, this.settings, this.reaper) = (program, log, settings, reaper);
        (Grpc, Json) = (grpc, json);
    }

    public Uri Grpc { get; }

    public Uri Json { get; }

    public string Log => log;

    /// <summary>Whether inputs are sent to it.</summary>
    public bool Serves { get; private set; }

    /// <summary>Its memory, in bytes; 0 where it does not run.</summary>
    public long Memory
    {
        get
        {
            if (process is not { HasExited: false })
            {
                return 0;
            }

            process.Refresh();
            return process.WorkingSet64;
        }
    }

    /// <summary>Whether it ended and nobody had killed it.</summary>
    public bool HasDied => Serves && process is { HasExited: true };

    public void Start()
    {
        process?.Dispose();
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        string[] command =
        [
            "-c", "exec setsid \"$@\" >>\"$0\" 2>&1 </dev/null", log, "dotnet", program,
            $"--Ledger:Grpc:Url={Bare(Grpc)}",
            $"--Ledger:Http:Url={Bare(Json)}", .. settings,
        ];
        foreach (var argument in command)
        {
            start.ArgumentList.Add(argument);
        }

        // Without certificates a node does without TLS only there.
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        process = Process.Start(start)!;
        reaper.Watch(process.Id);
    }

    /// <summary>Waits until it says that it can be sent calls.</summary>
    public async Task ReadyAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (waiting.Elapsed > patience || process is not { HasExited: false })
            {
                throw new TimeoutException(
                    $"The node at {Grpc} was not ready within {patience.TotalSeconds} s:{Environment.NewLine}"
                    + string.Join(Environment.NewLine, File.Exists(log) ? File.ReadLines(log).TakeLast(20) : []));
            }

            await Task.Delay(100, cancellationToken);
        }

        Serves = true;
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        Serves = false;
        if (process is { HasExited: false })
        {
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
        }
    }

    public void Dispose()
    {
        Serves = false;
        if (process is { HasExited: false })
        {
            Signals.Send(process.Id, Signals.Kill);
            process.WaitForExit();
        }

        process?.Dispose();
    }

    private static string Bare(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await s_http.GetAsync(new Uri(Json, "/health/ready"), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }
}
