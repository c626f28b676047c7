using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>Carries a plan out: opens the accounts, then posts the transfers, many at once.</summary>
/// <remarks>Everything it sends may be sent again without harm, so it survives a node that restarts, and a run that was
/// cut off is finished by another.</remarks>
internal sealed class ImportRunner(CliContext context, LedgerClient client, string file, TimeSpan retryFor)
{
    private const int InFlight = 256;
    private const int AccountBatch = 500;

    private readonly ImportSummary summary = new();
    private readonly Lock gate = new();
    private LedgerClientException? gaveUp;

    public ImportSummary Summary => summary;

    /// <summary>Why transfers were left unknown; null when none was.</summary>
    public LedgerClientException? GaveUp => gaveUp;

    /// <summary>Opens the accounts of a plan.</summary>
    /// <returns>Whether all are open with the asset that the plan needs.</returns>
    public async Task<bool> OpenAccountsAsync(ImportPlan plan, CancellationToken cancellationToken)
    {
        var request = new RequestOptions { RetryUnknownFor = retryFor };
        var progress = new ProgressLine(context, "accounts", plan.Accounts.Count);
        var allOpen = true;
        foreach (var batch in plan.Accounts.Chunk(AccountBatch))
        {
            var outcomes = await client.OpenAccountsAsync(
                [.. batch.Select(account => account.Spec)], request, cancellationToken);
            foreach (var (account, outcome) in batch.Zip(outcomes))
            {
                if (outcome.Status == AccountStatus.Created)
                {
                    summary.AccountsOpened++;
                }
                else if (outcome.Status == AccountStatus.Exists
                    || await HoldsAssetAsync(account.Spec, outcome.Status, cancellationToken))
                {
                    summary.AccountsExisting++;
                }
                else
                {
                    allOpen = false;
                    progress.Clear();
                    await context.Error.WriteLineAsync(
                        $"{file}:{account.Line}: account {account.Spec.Address} was rejected: {Names.Of(outcome.Status)}");
                }

                progress.Advance();
            }
        }

        progress.End();
        return allOpen;
    }

    /// <summary>Posts the transfers of a plan. Their order doesn't matter: nothing in a posting file sets limits.</summary>
    public async Task PostTransfersAsync(ImportPlan plan, CancellationToken cancellationToken)
    {
        var progress = new ProgressLine(context, "transfers", plan.Transfers.Count);
        await using var stream = client.OpenTransferStream(new TransferStreamOptions
        {
            InFlightMax = InFlight,
            RetryUnknownFor = retryFor,
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = InFlight, CancellationToken = stop.Token };
        try
        {
            await Parallel.ForEachAsync(plan.Transfers, parallel, async (planned, token) =>
            {
                try
                {
                    Count(planned, await stream.PostAsync(planned.Transfer, token), progress);
                }
                catch (LedgerClientException failure) when (IsRefusal(failure))
                {
                    Refused(planned, failure.Message, progress);
                }
                catch (LedgerClientException failure)
                {
                    // One that was not decided in all the time allowed: the others would fare no better.
                    Interlocked.CompareExchange(ref gaveUp, failure, null);
                    await stop.CancelAsync();
                }
            });
        }
        catch (OperationCanceledException) when (gaveUp is not null)
        {
            // Told by the counts.
        }

        progress.End();
        summary.TransfersUnknown = plan.Transfers.Count
            - summary.TransfersCreated - summary.TransfersExisting - summary.TransfersRejected;
    }

    private static bool IsRefusal(LedgerClientException failure) =>
        !failure.OutcomeUnknown && failure.Code == Grpc.Core.StatusCode.InvalidArgument;

    private void Count(PlannedTransfer planned, TransferOutcome outcome, ProgressLine progress)
    {
        if (outcome.IsRejected)
        {
            Refused(planned, Names.Of(outcome.Status), progress);
            return;
        }

        lock (gate)
        {
            if (outcome.Status == TransferStatus.Created)
            {
                summary.TransfersCreated++;
            }
            else
            {
                summary.TransfersExisting++;
            }

            progress.Advance();
        }
    }

    private void Refused(PlannedTransfer planned, string reason, ProgressLine progress)
    {
        lock (gate)
        {
            summary.TransfersRejected++;
            progress.Clear();
            var transfer = planned.Transfer;
            context.Error.WriteLine(
                $"{file}:{planned.Line}: transfer {transfer.Id:D} of {transfer.Amount} {transfer.Asset} from "
                + $"{transfer.DebitAccount} to {transfer.CreditAccount} was rejected: {LedgerCli.OneLine(reason)}");
            progress.Advance();
        }
    }

    // An account that people opened before, with a code or limits of their own, will do: only the asset must be right.
    private async Task<bool> HoldsAssetAsync(AccountSpec spec, AccountStatus status, CancellationToken cancellationToken)
    {
        if (status is not (AccountStatus.ExistsWithDifferentCode
            or AccountStatus.ExistsWithDifferentFlags
            or AccountStatus.ExistsWithDifferentAllowance
            or AccountStatus.ExistsWithDifferentReference
            or AccountStatus.ExistsWithDifferentMetadata))
        {
            return false;
        }

        var account = await client.GetAccountAsync(spec.Address, cancellationToken: cancellationToken);
        return account is not null && string.Equals(account.Spec.Asset, spec.Asset, StringComparison.Ordinal);
    }
}
