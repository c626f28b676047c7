using System.Runtime.InteropServices;
using Ledger.Chaos;
using Ledger.Chaos.Attacks;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Checking.Planted;
using Ledger.Chaos.Faults;
using Ledger.Chaos.Processes;

if (args is [Reaper.Command])
{
    return Reaper.Run(Console.In);
}

try
{
    if (args is [AttackerProgram.Command, .. var attack])
    {
        return await AttackerProgram.RunAsync(attack);
    }

    var options = ChaosOptions.Parse(args);
    using var interrupted = new CancellationTokenSource();
    void Interrupt(PosixSignalContext context)
    {
        // Everything is cleaned up on the way out.
        context.Cancel = true;
        interrupted.Cancel();
    }

    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
    using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);
    try
    {
        switch (options.Mode)
        {
            case ChaosMode.Help:
                Console.WriteLine(ChaosOptions.Usage);
                return 0;
            case ChaosMode.List:
                Console.WriteLine(FaultCatalog.Describe());
                Console.WriteLine(AttackCatalog.Describe());
                return 0;
            case ChaosMode.Check:
                var report = await ChaosChecker.RunAsync(
                    options.History, options.Connection, Console.Out, interrupted.Token);
                return report.Verdict == Verdict.Clean ? 0 : 1;
            case ChaosMode.Planted:
                return await PlantedFaults.RunAsync(
                    PlantedFaults.RootOf(AppContext.BaseDirectory), options.Only,
                    PlantedFaults.Program(typeof(ChaosOptions).Assembly.Location), TimeSpan.FromMinutes(15),
                    Console.Out,
                    interrupted.Token)
                    ? 0 : 1;
            case ChaosMode.Failover:
                return await new FailoverRun(options, Console.Out).RunAsync(interrupted.Token);
            case ChaosMode.Split:
                return await new SplitRun(options, Console.Out).RunAsync(interrupted.Token);
            case ChaosMode.Attack when options.IsCluster:
                return await new AttackDrill(options, Console.Out).RunAsync(interrupted.Token);
            case ChaosMode.Attack:
                return await new AttackRun(options, Console.Out).RunAsync(interrupted.Token);
            default:
                return await new ChaosRun(options, Console.Out).RunAsync(interrupted.Token);
        }
    }
    catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
    {
        Console.Error.WriteLine("chaos: interrupted; the run proves nothing.");
        return 130;
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine("chaos: " + e.Message);
    return 2;
}
catch (Exception e) when (e is TimeoutException or InvalidOperationException)
{
    Console.Error.WriteLine("chaos: " + e.Message);
    return 3;
}
