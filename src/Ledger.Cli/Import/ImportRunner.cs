using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>Carries a plan out: opens the accounts, then posts the transactions, many at once, each all or not at all,
/// and on each account in the order of the file.</summary>
/// <remarks>Everything it sends may be sent again without harm, so it survives a node that restarts, and a run that was
/// cut off is finished by another.</remarks>
internal sealed class ImportRunner(CliContext context, LedgerClient client, string file, TimeSpan retryFor)
{
    private const int InFlight = 128;
    private const int AccountBatch = 500;
    private static readonly TimeSpan ReadPause = TimeSpan.FromMilliseconds(100);

    private readonly RequestOptions request = new() { RetryUnknownFor = retryFor };
    private readonly Lock gate = new();
    private LedgerClientException? gaveUp;

    public ImportSummary Summary { get; } = new();

    /// <summary>Why transactions were left unknown or not sent; null when none was, or when the caller
    /// interrupted.</summary>
    public LedgerClientException? GaveUp => gaveUp;

    /// <summary>Opens the accounts of a plan.</summary>
    /// <returns>Whether all are open with the asset that the plan needs.</returns>
    public async Task<bool> OpenAccountsAsync(ImportPlan plan, CancellationToken cancellationToken)
    {
        Summary.TransactionsNotSent = plan.Transactions.Count;
        Summary.TransfersNotSent = plan.Transfers.Count;
        var progress = new ProgressLine(context, "accounts", plan.Accounts.Count);
        var allOpen = await OpenRegisterAsync(plan.Register, cancellationToken);
        foreach (var batch in plan.Accounts.Chunk(AccountBatch))
        {
            var outcomes = await client.OpenAccountsAsync(
                [.. batch.Select(account => account.Spec)], request, cancellationToken);
            foreach (var (account, outcome) in batch.Zip(outcomes))
            {
                if (outcome.Status == AccountStatus.Created)
                {
                    Summary.AccountsOpened++;
                }
                else if (outcome.Status == AccountStatus.Exists
                    || await HoldsAssetAsync(account.Spec, outcome.Status, cancellationToken))
                {
                    Summary.AccountsExisting++;
                }
                else
                {
                    allOpen = false;
                    progress.Clear();
                    await context.Error.WriteLineAsync(
                        $"{file}:{account.Line}: account {account.Spec.Address} was rejected: "
                            + $"{Names.Of(outcome.Status)}");
                }

                progress.Advance();
            }
        }

        progress.End();
        return allOpen;
    }

    /// <summary>Posts the transactions of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="cancellationToken">Interrupts: nothing more is sent, and what is under way is unknown.</param>
    public async Task PostTransactionsAsync(ImportPlan plan, CancellationToken cancellationToken)
    {
        var progress = new ProgressLine(context, "transactions", plan.Transactions.Count);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var order = new AccountOrder(InFlight);
        foreach (var planned in plan.Transactions)
        {
            // Not by the register: it has no limits, and all would wait for all.
            var accounts = planned.Transfers
                .SelectMany(static one => new[] { one.Transfer.DebitAccount, one.Transfer.CreditAccount })
                .ToHashSet(StringComparer.Ordinal);
            order.Add(accounts, () => RunAsync(plan.Register, planned, progress, stop), stop.Token);
        }

        await order.WhenAllAsync();
        progress.End();
    }

    private async Task RunAsync(
        ImportRegister register, PlannedTransaction planned, ProgressLine progress, CancellationTokenSource stop)
    {
        try
        {
            Count(planned, await PostAsync(register, planned, stop.Token), progress);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Count(planned, Outcome.Unknown, progress);
        }
        catch (LedgerClientException failure) when (IsRefusal(failure))
        {
            Count(planned, Outcome.Rejected($"was rejected: {failure.Message}"), progress);
        }
        catch (LedgerClientException failure)
        {
            if (!stop.IsCancellationRequested)
            {
                // One that was not decided in all the time allowed: the others would fare no better.
                Interlocked.CompareExchange(ref gaveUp, failure, null);
            }

            if (failure.OutcomeUnknown)
            {
                Count(planned, Outcome.Unknown, progress);
            }

            await stop.CancelAsync();
        }
    }

    private static bool IsRefusal(LedgerClientException failure) =>
        !failure.OutcomeUnknown && failure.Code == Grpc.Core.StatusCode.InvalidArgument;

    private async Task<Outcome> PostAsync(
        ImportRegister register, PlannedTransaction planned, CancellationToken cancellationToken)
    {
        var answer = await client.PostTransactionAsync(planned.ToTransaction(), request, cancellationToken);
        if (answer.IsCommitted)
        {
            return answer.Status == TransferStatus.Created ? Outcome.Created : Outcome.Existing;
        }

        // Whatever this attempt is told: the register knows whether one was booked.
        var entry = await FindAsync(
            () => client.GetTransferAsync(register.Rows, planned.Entry.Id, cancellationToken: cancellationToken),
            cancellationToken);
        return entry is { Status: TransferStatus.Created }
            ? await CompareAsync(register, planned, entry, cancellationToken)
            : Explain(planned, answer);
    }

    private async Task<Outcome> CompareAsync(
        ImportRegister register, PlannedTransaction planned, TransferRecord entry, CancellationToken cancellationToken)
    {
        // An entry that stands alone is that of a transaction that moved nothing.
        var record = entry.TransactionId == entry.Transfer.Id ? null : await FindAsync(
            () => client.GetTransactionAsync(register.Rows, entry.TransactionId, cancellationToken: cancellationToken),
            cancellationToken);
        var before = record?.Transaction ?? Transaction.Of(entry.TransactionId, entry.Transfer);
        var differences = EarlierImport.Differences(before, planned);
        return differences.Count == 0
            ? Outcome.Existing
            : Outcome.Rejected(
                $"was imported before with {string.Join(", ", differences)}; nothing was booked "
                + $"(transaction {before.Id:D})");
    }

    private static Outcome Explain(PlannedTransaction planned, TransactionResult answer)
    {
        var again = $"--attempt {(ulong)planned.Attempt + 1} tries it again";
        if (answer.Status == TransferStatus.IdAlreadyFailed)
        {
            return Outcome.Rejected($"was rejected before, with other content; {again}, as it stands here");
        }

        var reason = $"was rejected{(answer.Replayed ? " before" : "")}: {Names.Of(answer.Status)}";
        var line = planned.Line;
        if (answer.FailedLeg is { } leg && leg >= 1 && leg <= planned.Transfers.Count)
        {
            line = planned.Transfers[leg - 1].Line;
            var transfer = planned.Transfers[leg - 1].Transfer;
            reason += $" (transfer {transfer.Id:D} of {transfer.Amount} {transfer.Asset} from "
                + $"{transfer.DebitAccount} to {transfer.CreditAccount})";
        }

        return Outcome.Rejected(answer.Replayed ? $"{reason}; {again}" : reason, line);
    }

    // A read has no patience of its own, and a node may be restarting.
    private async Task<T?> FindAsync<T>(Func<Task<T?>> find, CancellationToken cancellationToken)
        where T : class
    {
        var started = context.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return await find();
            }
            catch (LedgerClientException) when (
                !cancellationToken.IsCancellationRequested && context.Time.GetElapsedTime(started) < retryFor)
            {
                await Task.Delay(ReadPause, context.Time, cancellationToken);
            }
        }
    }

    private void Count(PlannedTransaction planned, Outcome outcome, ProgressLine progress)
    {
        lock (gate)
        {
            var transfers = planned.Transfers.Count;
            Summary.TransactionsNotSent--;
            Summary.TransfersNotSent -= transfers;
            switch (outcome.Fate)
            {
                case Fate.Created:
                    Summary.TransactionsCreated++;
                    Summary.TransfersCreated += transfers;
                    break;
                case Fate.Existing:
                    Summary.TransactionsExisting++;
                    Summary.TransfersExisting += transfers;
                    break;
                case Fate.Unknown:
                    Summary.TransactionsUnknown++;
                    Summary.TransfersUnknown += transfers;
                    break;
                default:
                    Summary.TransactionsRejected++;
                    Summary.TransfersRejected += transfers;
                    progress.Clear();
                    context.Error.WriteLine(Printable.Of(
                        $"{file}:{outcome.Line ?? planned.Line}: transaction '{planned.Key}' {outcome.Said}"));
                    break;
            }

            progress.Advance();
        }
    }

    private enum Fate
    {
        Created,
        Existing,
        Rejected,
        Unknown,
    }

    private sealed record Outcome(Fate Fate, string Said = "", long? Line = null)
    {
        public static readonly Outcome Created = new(Fate.Created);
        public static readonly Outcome Existing = new(Fate.Existing);
        public static readonly Outcome Unknown = new(Fate.Unknown);

        public static Outcome Rejected(string said, long? line = null) => new(Fate.Rejected, said, line);
    }

    private async Task<bool> OpenRegisterAsync(ImportRegister register, CancellationToken cancellationToken)
    {
        var allOpen = true;
        foreach (var outcome in await client.OpenAccountsAsync(register.Accounts, request, cancellationToken))
        {
            if (outcome.Status is not (AccountStatus.Created or AccountStatus.Exists))
            {
                allOpen = false;
                await context.Error.WriteLineAsync(
                    $"{file}: account {outcome.Address}, which remembers what was imported, was rejected: "
                    + Names.Of(outcome.Status));
            }
        }

        return allOpen;
    }

    // An account that people opened before, with a code or limits of their own, will do: only the asset must be right.
    private async Task<bool> HoldsAssetAsync(
        AccountSpec spec, AccountStatus status, CancellationToken cancellationToken)
    {
        if (status is not (AccountStatus.ExistsWithDifferentCode
            or AccountStatus.ExistsWithDifferentFlags
            or AccountStatus.ExistsWithDifferentAllowance
            or AccountStatus.ExistsWithDifferentReference
            or AccountStatus.ExistsWithDifferentMetadata))
        {
            return false;
        }

        var account = await FindAsync(
            () => client.GetAccountAsync(spec.Address, cancellationToken: cancellationToken), cancellationToken);
        return account is not null && string.Equals(account.Spec.Asset, spec.Asset, StringComparison.Ordinal);
    }
}
