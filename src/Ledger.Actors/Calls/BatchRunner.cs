using System.Collections.Immutable;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Runs a batch as it is planned. Thread-safe.</summary>
/// <param name="poster">Has its groups decided.</param>
/// <param name="counter">Counts its transfers.</param>
internal sealed class BatchRunner(TransferPoster poster, TransferCounter counter)
{
    /// <summary>Runs a batch.</summary>
    /// <param name="plan">The batch.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>What became of its items, in order.</returns>
    public async Task<IReadOnlyList<BatchItemResult>> RunAsync(BatchPlan plan, CallEnd end)
    {
        var order = plan.Order();
        var groups = new Task<ImmutableArray<BatchStepResult>>[plan.Groups.Length];
        for (var i = 0; i < groups.Length; i++)
        {
            groups[i] = RunAsync(plan.Groups[i], [Task.CompletedTask, .. order[i].Select(other => groups[other])], end);
        }

        return [.. (await ManyCalls.AllAsync(groups))
            .SelectMany(static group => group)
            .Select(static result => new BatchItemResult(result.Transfer, result.Opening))];
    }

    private async Task<ImmutableArray<BatchStepResult>> RunAsync(
        BatchGroup group, IReadOnlyList<Task> before, CallEnd end)
    {
        foreach (var task in before)
        {
            // What failed there is told there; whether this can be, the accounts know.
            await ((Task)task.ContinueWith(
                static _ => { }, end.CancellationToken, TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default));
        }

        return group.IsChain ? await RunChainAsync(group, end) : [await RunAloneAsync(group.Legs[0], end)];
    }

    private async Task<ImmutableArray<BatchStepResult>> RunChainAsync(BatchGroup group, CallEnd end)
    {
        var chain = group.ToTransaction();
        var result = group.Complete(await poster.PostAsync(chain, chainOpen: group.IsOpen, end));
        counter.Count(chain, result);
        return group.ResultsOf(result);
    }

    private async Task<BatchStepResult> RunAloneAsync(TransactionLeg leg, CallEnd end)
    {
        if (leg.Transfer is not { } transfer)
        {
            return new BatchStepResult(null, await poster.OpenAsync(leg.Opening!, end, retryOverload: true));
        }

        var shape = TransferContent.CheckShape(transfer, ledgerRequired: true);
        var result = shape == TransferStatus.None
            ? await poster.PostAsync(transfer, end, retryOverload: true)
            : new TransferResult(transfer.Id, shape, default, false, null);
        counter.Count(transfer, result);
        return new BatchStepResult(result, null);
    }
}
