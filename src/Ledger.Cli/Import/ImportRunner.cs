using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>Carries a plan out: opens the accounts, then posts the transactions, many at once, each all or not at all.</summary>
/// <remarks>Everything it sends may be sent again without harm, so it survives a node that restarts, and a run that was
/// cut off is finished by another. Books that were imported before there were transactions have all their transfers in
/// the ledger, with the same ids, each alone: a transaction that is refused because of that counts as imported.</remarks>
internal sealed class ImportRunner(CliContext context, LedgerClient client, string file, TimeSpan retryFor)
{
    private const int InFlight = 256;
    private const int AccountBatch = 500;
    private static readonly TimeSpan ReadPause = TimeSpan.FromMilliseconds(100);

    private readonly ImportSummary summary = new();
    private readonly Lock gate = new();
    private LedgerClientException? gaveUp;

    public ImportSummary Summary => summary;

    /// <summary>Why transactions were left unknown; null when none was.</summary>
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

    /// <summary>Posts the transactions of a plan. Their order doesn't matter: nothing in a posting file sets limits.</summary>
    public async Task PostTransactionsAsync(ImportPlan plan, CancellationToken cancellationToken)
    {
        var progress = new ProgressLine(context, "transactions", plan.Transactions.Count);
        await using var stream = client.OpenTransferStream(new TransferStreamOptions
        {
            InFlightMax = InFlight,
            RetryUnknownFor = retryFor,
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = InFlight, CancellationToken = stop.Token };
        try
        {
            await Parallel.ForEachAsync(plan.Transactions, parallel, async (planned, token) =>
            {
                try
                {
                    var outcome = planned.Transfers.Count == 1
                        ? await PostOneAsync(stream, planned, token)
                        : await PostWholeAsync(planned, token);
                    Count(planned, outcome, progress);
                }
                catch (LedgerClientException failure) when (IsRefusal(failure))
                {
                    Count(planned, new Outcome(Fate.Rejected, planned.Transfers[0], failure.Message), progress);
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
        summary.TransactionsUnknown = plan.Transactions.Count
            - summary.TransactionsCreated - summary.TransactionsExisting - summary.TransactionsRejected;
        summary.TransfersUnknown = plan.Transfers.Count
            - summary.TransfersCreated - summary.TransfersExisting - summary.TransfersRejected;
    }

    private enum Fate
    {
        Created,
        Existing,
        Rejected,
    }

    private static bool IsRefusal(LedgerClientException failure) =>
        !failure.OutcomeUnknown && failure.Code == Grpc.Core.StatusCode.InvalidArgument;

    // One transfer needs no transaction around it, and the stream is the fastest way.
    private static async Task<Outcome> PostOneAsync(
        TransferStream stream, PlannedTransaction planned, CancellationToken cancellationToken)
    {
        var outcome = await stream.PostAsync(planned.Transfers[0].Transfer, cancellationToken);
        return outcome.Status switch
        {
            TransferStatus.Created => Outcome.Created,
            TransferStatus.Exists => Outcome.Existing,
            _ => new Outcome(Fate.Rejected, planned.Transfers[0], Names.Of(outcome.Status)),
        };
    }

    private async Task<Outcome> PostWholeAsync(PlannedTransaction planned, CancellationToken cancellationToken)
    {
        var transaction = Transaction.Of(planned.Id, planned.Transfers.Select(static transfer => transfer.Transfer));
        var outcome = await client.PostTransactionAsync(
            transaction, new RequestOptions { RetryUnknownFor = retryFor }, cancellationToken);
        if (outcome.IsCommitted)
        {
            return outcome.Status == TransferStatus.Created ? Outcome.Created : Outcome.Existing;
        }

        var failed = planned.Transfers[outcome.FailedLeg is { } leg && leg < planned.Transfers.Count ? leg : 0];
        var reason = Names.Of(outcome.Status);
        if (!IsKnown(outcome.Status))
        {
            return new Outcome(Fate.Rejected, failed, reason);
        }

        var known = await CountKnownAsync(planned, cancellationToken);
        return known == planned.Transfers.Count
            ? Outcome.Existing
            : new Outcome(
                Fate.Rejected, failed,
                $"{reason}; {known} of its {planned.Transfers.Count} transfers were imported before, each alone");
    }

    // The reasons that an id gives which is in the ledger already.
    private static bool IsKnown(TransferStatus status) => status is TransferStatus.Exists
        or TransferStatus.ExistsWithDifferentFlags or TransferStatus.ExistsWithDifferentTransfers;

    private async Task<int> CountKnownAsync(PlannedTransaction planned, CancellationToken cancellationToken)
    {
        var known = 0;
        foreach (var (_, transfer) in planned.Transfers)
        {
            var record = await FindAsync(transfer, cancellationToken);
            if (record is { Status: TransferStatus.Created } && IsSame(record.Transfer, transfer))
            {
                known++;
            }
        }

        return known;
    }

    // A read has no patience of its own, and a node may be restarting.
    private async Task<TransferRecord?> FindAsync(Transfer transfer, CancellationToken cancellationToken)
    {
        var started = context.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return await client.GetTransferAsync(
                    transfer.DebitAccount, transfer.Id, cancellationToken: cancellationToken);
            }
            catch (LedgerClientException) when (context.Time.GetElapsedTime(started) < retryFor)
            {
                await Task.Delay(ReadPause, context.Time, cancellationToken);
            }
        }
    }

    private static bool IsSame(Transfer one, Transfer other) =>
        (one with { Metadata = other.Metadata }) == other
        && one.Metadata.Count == other.Metadata.Count
        && one.Metadata.All(pair => other.Metadata.TryGetValue(pair.Key, out var value)
            && string.Equals(value, pair.Value, StringComparison.Ordinal));

    private void Count(PlannedTransaction planned, Outcome outcome, ProgressLine progress)
    {
        lock (gate)
        {
            var transfers = planned.Transfers.Count;
            switch (outcome.Fate)
            {
                case Fate.Created:
                    summary.TransactionsCreated++;
                    summary.TransfersCreated += transfers;
                    break;
                case Fate.Existing:
                    summary.TransactionsExisting++;
                    summary.TransfersExisting += transfers;
                    break;
                default:
                    summary.TransactionsRejected++;
                    summary.TransfersRejected += transfers;
                    Tell(planned, outcome, progress);
                    break;
            }

            progress.Advance();
        }
    }

    private void Tell(PlannedTransaction planned, Outcome outcome, ProgressLine progress)
    {
        progress.Clear();
        var transfer = outcome.Failed!.Transfer;
        context.Error.WriteLine(
            $"{file}:{outcome.Failed.Line}: transaction '{planned.Key}' was rejected: "
            + $"{LedgerCli.OneLine(outcome.Reason)} (transfer {transfer.Id:D} of {transfer.Amount} {transfer.Asset} from "
            + $"{transfer.DebitAccount} to {transfer.CreditAccount})");
    }

    private sealed record Outcome(Fate Fate, PlannedTransfer? Failed = null, string Reason = "")
    {
        public static readonly Outcome Created = new(Fate.Created);
        public static readonly Outcome Existing = new(Fate.Existing);
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
