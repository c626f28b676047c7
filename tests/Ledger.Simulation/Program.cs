using System.Globalization;
using Ledger.Simulation;

return Options.Parse(args) is { } options ? new Runner(options, Console.Out).Run() : 2;
