using Ledger.Simulation;

var from = args.Length > 0 ? ulong.Parse(args[0]) : 0;
var count = args.Length > 1 ? ulong.Parse(args[1]) : 1;
var trace = args.Contains("--trace");
var bad = 0;
var watch = System.Diagnostics.Stopwatch.StartNew();
long steps = 0;
var kinds = new SortedDictionary<string, List<ulong>>();
for (var seed = from; seed < from + count; seed++)
{
    var history = World.Run(seed, trace: trace);
    steps += history.Steps;
    foreach (var line in history.Trace)
    {
        Console.WriteLine(line);
    }

    if (history.Violation is { } violation)
    {
        bad++;
        var first = violation.Split('\n')[0];
        var kind = System.Text.RegularExpressions.Regex.Replace(first.Length > 110 ? first[..110] : first, "[0-9a-f]{8}-[0-9a-f-]*|a:[0-9]*|[0-9]+", "_");
        if (!kinds.TryGetValue(kind, out var list)) { kinds[kind] = list = []; Console.WriteLine($"seed {seed}: {(violation.Length > 900 ? violation[..900] : violation)}"); }
        list.Add(seed);
    }
}

foreach (var (kind, list) in kinds.OrderByDescending(static one => one.Value.Count))
{
    Console.WriteLine($"{list.Count,5} {kind}   seeds {string.Join(' ', list.Take(8))}");
}

Console.WriteLine($"{count} histories, {bad} violations, {steps} steps, {count / watch.Elapsed.TotalSeconds:F0}/s");
return bad > 0 ? 1 : 0;
