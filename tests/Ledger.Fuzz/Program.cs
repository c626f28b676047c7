using System.Runtime.InteropServices;
using Ledger.Chaos.Processes;
using Ledger.Fuzz;

if (args is [Reaper.Command])
{
    return Reaper.Run(Console.In);
}

try
{
    var options = FuzzOptions.Parse(args);
    if (options.IsHelp)
    {
        Console.WriteLine(FuzzOptions.Usage);
        return 0;
    }

    using var interrupted = new CancellationTokenSource();
    void Interrupt(PosixSignalContext context)
    {
        // Everything is cleaned up on the way out.
        context.Cancel = true;
        interrupted.Cancel();
    }

    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
    try
    {
        return await new FuzzRun(options, Console.Out, TimeProvider.System).RunAsync(interrupted.Token);
    }
    catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
    {
        Console.Error.WriteLine("fuzz: interrupted; the run proves nothing.");
        return 130;
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine("fuzz: " + e.Message);
    return 2;
}
catch (Exception e) when (e is TimeoutException or InvalidOperationException)
{
    Console.Error.WriteLine("fuzz: " + e.Message);
    return 3;
}
