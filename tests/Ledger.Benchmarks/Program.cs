using System.Runtime.InteropServices;
using Ledger.Benchmarks;

if (args is ["--help" or "-h", ..])
{
    Console.WriteLine(Settings.Usage);
    return 0;
}

Settings settings;
try
{
    settings = Settings.Parse(args);
}
catch (FormatException exception)
{
    Console.Error.WriteLine(exception.Message);
    Console.Error.WriteLine(Settings.Usage);
    return 2;
}

// Nodes and servers must not outlive the benchmark, however it is told to end.
using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var report = new Report(settings);
try
{
    foreach (var mode in settings.Modes)
    {
        await (mode switch
        {
            "compare" => CompareBenchmark.RunAsync(settings, report, stop.Token),
            "core" => CoreBenchmark.RunAsync(settings, report),
            "load" => LoadBenchmarks.LoadAsync(settings, report, stop.Token),
            "stream" => LoadBenchmarks.StreamAsync(settings, report, stop.Token),
            "pair" => PairBenchmark.RunAsync(settings, report, stop.Token),
            "share" => ShareBenchmark.RunAsync(settings, report, stop.Token),
            "wake" => LoadBenchmarks.WakeAsync(settings, report, stop.Token),
            "deep" => LoadBenchmarks.DeepAsync(settings, report, stop.Token),
            "holds" => HoldsBenchmark.RunAsync(settings, stop.Token),
            "expiry" => ExpiryBenchmark.RunAsync(settings, stop.Token),
            "ids" => IdsBenchmark.RunAsync(settings, stop.Token),
            "index" => IndexBenchmark.RunAsync(settings, stop.Token),
            "capacity" => CapacityBenchmark.RunAsync(settings, report, stop.Token),
            "memory" => LoadBenchmarks.MemoryAsync(settings, report, stop.Token),
            _ => throw new InvalidOperationException(mode),
        });
    }
}
catch (FormatException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
catch (BooksException exception)
{
    // A fast ledger that is wrong has no speed.
    Console.Error.WriteLine("The books are wrong: " + exception.Message);
    report.Write();
    return 1;
}
catch (Exception) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("Stopped.");
    report.Write();
    return 1;
}
catch (Grpc.Core.RpcException exception)
{
    Console.Error.WriteLine("A call had no outcome for too long: " + exception.Status);
    report.Write();
    return 1;
}

report.Write();
return 0;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
