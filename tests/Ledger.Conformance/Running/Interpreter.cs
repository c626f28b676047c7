using Ledger.Conformance.Grammar;
using Operation = Ledger.Conformance.Grammar.Operation;

namespace Ledger.Conformance.Running;

/// <summary>Does what the steps of one section say to one ledger.</summary>
internal sealed class Interpreter(FundedLedger ledger, Judge judge, CancellationToken stop)
{
    // The virtual clock stands still while a call is made, so this only has to be long enough to outlast no tick.
    private static readonly TimeSpan CallTimeout = TimeSpan.FromMinutes(10);

    // What bounds a call that hangs is real time.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs a step.</summary>
    /// <exception cref="Exception">Whatever makes the steps that follow meaningless.</exception>
    public Task RunAsync(Step step) => step switch
    {
        SetupStep setup => WaitAsync(token => ledger.FundAsync(
            Vocabulary.Address(setup.Account), Vocabulary.Balances(setup.Counters), token)),
        TickStep tick => TickAsync(tick),
        CommitStep commit => CommitAsync(commit),
        _ => throw new InvalidOperationException($"No step is a {step.GetType().Name}."),
    };

    /// <summary>An exception in one line.</summary>
    public static string Describe(Exception exception) => exception switch
    {
        LedgerException refusal => $"{refusal.Reason}: {refusal.Message}",
        OperationCanceledException => $"no answer within {Patience.TotalSeconds} s",
        _ => $"{exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}",
    };

    private Task TickAsync(TickStep tick)
    {
        if (tick.FromEnd)
        {
            ledger.Clock.SetBeforeEnd(tick.Nanoseconds);
        }
        else
        {
            ledger.Clock.Advance(tick.Nanoseconds);
        }

        return WaitAsync(_ => ledger.ExpireDueHoldsAsync());
    }

    private async Task CommitAsync(CommitStep commit)
    {
        // No two requests happen at the same time.
        ledger.Clock.Advance(1);
        switch (commit.Operation)
        {
            case Operation.CreateAccounts or Operation.CreateTransfers when commit.Rows.Count == 0:
                await SubmitNothingAsync();
                break;
            case Operation.CreateAccounts or Operation.CreateTransfers:
                await SubmitAsync(Chain.Of(commit.Rows.Cast<EventRow>()));
                break;
            case Operation.LookupAccounts or Operation.LookupTransfers:
                foreach (var row in commit.Rows)
                {
                    await LookUpAsync(row);
                }

                break;
            default:
                foreach (var row in QueryRows.Counted(commit.Rows))
                {
                    judge.Waive(row, Waivers.ReadSide);
                }

                break;
        }
    }

    // TigerBeetle answers nothing to nothing; this ledger says that nothing was asked. Either way there is no row to
    // judge, and any other answer stops the table.
    private async Task SubmitNothingAsync()
    {
        try
        {
            var results = await WaitAsync(token => ledger.Ledger.SubmitBatchAsync([], CallTimeout, token));
            if (results.Count > 0)
            {
                throw new InvalidOperationException($"An empty request had {results.Count} results.");
            }
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.EmptyBatch)
        {
            // As documented.
        }
    }

    private async Task SubmitAsync(IReadOnlyList<Chain> chains)
    {
        var sent = chains.Where(static chain => chain.IsSent).SelectMany(static chain => chain.Rows).ToArray();
        IReadOnlyList<BatchItemResult>? results = null;
        var failure = "no outcome";
        if (sent.Length > 0)
        {
            var items = Array.ConvertAll(sent, static row => new BatchItem(Vocabulary.Leg(row), row.Linked));
            try
            {
                results = await WaitAsync(token => ledger.Ledger.SubmitBatchAsync(items, CallTimeout, token));
                failure = $"{results.Count} results for {items.Length} items";
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // A request that fails as a whole is what its rows have for an answer; the table goes on.
                failure = Describe(e);
            }
        }

        var at = 0;
        foreach (var chain in chains)
        {
            foreach (var row in chain.Rows)
            {
                if (chain.IsSent && results?.Count == sent.Length)
                {
                    judge.Take(row, results[at++], chain.Waiver);
                }
                else if (chain.Waiver is { } waiver)
                {
                    judge.Waive(row, waiver);
                }
                else
                {
                    judge.Fail(row, failure);
                }
            }
        }
    }

    private async Task LookUpAsync(Row row)
    {
        try
        {
            switch (row)
            {
                case LookupAccountRow account:
                    judge.Take(account, await AccountAsync(account));
                    break;
                case LookupTransferRow transfer:
                    judge.Take(transfer, await FindAsync(
                        token => LookUpAsync(new(transfer.Id), token),
                        isNothing: transfer.Id == UInt128.Zero || transfer.Id == UInt128.MaxValue));
                    break;
                default:
                    throw new InvalidOperationException($"{row.GetType().Name} looks nothing up.");
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            judge.Fail(row, Describe(e));
        }
    }

    // The tables name no account. On one node, with so few transfers, what is not remembered never was.
    private async Task<TransferRecord?> LookUpAsync(TransferId id, CancellationToken cancellationToken)
    {
        try
        {
            return await ledger.Ledger.GetTransferAsync(default, id, CallTimeout, cancellationToken);
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.TransferNotRemembered)
        {
            return null;
        }
    }

    private Task<Account?> AccountAsync(LookupAccountRow row)
    {
        var address = Vocabulary.Address(row.Id);
        return FindAsync(
            token => ledger.Ledger.GetAccountAsync(address, CallTimeout, token),
            isNothing: address.IsNone || address == Vocabulary.ReservedAddress);
    }

    // What can't be there may be refused instead of not found: the caller learns the same.
    private async Task<T?> FindAsync<T>(Func<CancellationToken, Task<T?>> find, bool isNothing)
        where T : class
    {
        try
        {
            return await WaitAsync(find);
        }
        catch (LedgerException e) when (isNothing && e.Reason == LedgerErrorReason.InvalidArgument)
        {
            return null;
        }
    }

    private async Task<T> WaitAsync<T>(Func<CancellationToken, Task<T>> call)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        return await call(patience.Token).WaitAsync(patience.Token);
    }

    private Task WaitAsync(Func<CancellationToken, Task> call) => WaitAsync(async token =>
    {
        await call(token);
        return true;
    });
}
