using System.Globalization;
using System.Collections.Concurrent;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Workload;
using Ledger.Client;

namespace Ledger.Chaos;

/// <summary>After all faults: waits until everything answers, then reads every account and looks every unknown id up,
/// so that nothing is left open.</summary>
internal sealed class FinalPhase(
    Cluster cluster, Recorder recorder, Books books, Load load, Action<string> log)
{
    // A hold is released within seconds of its time.
    private static readonly TimeSpan ExpiryGrace = TimeSpan.FromSeconds(3);

    private const int Parallelism = 16;
    private const int SilentMax = 20;

    private long _until;

    public async Task<bool> RunAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        var from = recorder.Now;
        _until = from + (long)patience.TotalNanoseconds;
        var unknowns = load.Unknowns;
        var read = 0;
        var lookedUp = 0;
        var reason = "";
        var silent = new ConcurrentQueue<string>();
        try
        {
            await cluster.WaitReadyAsync(cluster.Nodes, patience, cancellationToken);
            var expired = load.LastExpiry + (long)ExpiryGrace.TotalNanoseconds;
            if (expired > recorder.Now)
            {
                await Task.Delay(TimeSpan.FromMicroseconds((expired - recorder.Now) / 1000), cancellationToken);
            }

            // Many at once, so that one account that does not answer does not hide the others.
            var client = load.NewClient(-1);
            var asked = books.Accounts
                .Select(static account => (CallKind.Read, new CallRequest { Account = account.Address }))
                .Concat(unknowns.Select(static unknown => (
                    unknown.IsTransaction ? CallKind.LookupTransaction : CallKind.Lookup,
                    new CallRequest { Account = unknown.Account, Id = unknown.Id })));
            await Parallel.ForEachAsync(
                asked,
                new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken },
                async (one, token) =>
                {
                    var (kind, request) = one;
                    if (!await InsistAsync(client, recorder.NextProcess(), kind, request, token))
                    {
                        silent.Enqueue($"{kind} {request.Account} {request.Id}");
                    }
                    else if (kind == CallKind.Read)
                    {
                        Interlocked.Increment(ref read);
                    }
                    else
                    {
                        Interlocked.Increment(ref lookedUp);
                    }
                });
        }
        catch (TimeoutException e)
        {
            reason = e.Message;
        }

        var finished = reason.Length == 0 && read == books.Accounts.Count && lookedUp == unknowns.Count;
        if (!finished && reason.Length == 0)
        {
            reason = string.Create(
                CultureInfo.InvariantCulture,
                $"{read} of {books.Accounts.Count} accounts and {lookedUp} of {unknowns.Count} unknown ids answered "
                + $"in {patience.TotalSeconds} s");
        }

        recorder.Write(new FinalRecord
        {
            From = from,
            To = recorder.Now,
            Finished = finished,
            Accounts = read,
            Unknowns = lookedUp,
            Reason = reason,
        });
        foreach (var line in silent.Take(SilentMax))
        {
            log("  no answer: " + line);
        }

        log(finished
            ? FormattableString.Invariant($"final phase: {read} accounts read, {lookedUp} unknown ids looked up")
            : "the final phase did not finish: " + reason);
        return finished;
    }

    private async Task<bool> InsistAsync(
        LedgerClient client, long process, CallKind kind, CallRequest request, CancellationToken cancellationToken)
    {
        while (recorder.Now < _until)
        {
            var record = await load.Calls.DoAsync(
                client, -1, process, kind, request, isFinal: true, cancellationToken: cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (record.Outcome == CallOutcome.Ok)
            {
                return true;
            }

            await Task.Delay(250, cancellationToken);
        }

        return false;
    }
}
