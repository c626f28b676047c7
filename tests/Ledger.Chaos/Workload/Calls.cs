using System.Globalization;
using Google.Rpc;
using Grpc.Core;
using Ledger.Chaos.Checking;
using Ledger.Client;

namespace Ledger.Chaos.Workload;

/// <summary>Does calls and records them, exactly as they were asked and answered.</summary>
internal sealed class Calls(Recorder recorder, Books books)
{
    /// <summary>Does one call.</summary>
    /// <param name="client">The client library.</param>
    /// <param name="node">The node that it asks; -1 when it balances.</param>
    /// <param name="process">Who calls.</param>
    /// <param name="kind">What.</param>
    /// <param name="request">With what.</param>
    /// <param name="attempt">Of this request, from 1.</param>
    /// <param name="isFinal">Whether in the final phase.</param>
    /// <param name="isProbe">Whether by a prober.</param>
    /// <param name="cancellationToken">Breaks the call off, as a client does that goes away; it is then recorded as
    /// what it is, and nothing is thrown.</param>
    public async Task<CallRecord> DoAsync(
        LedgerClient client,
        int node,
        long process,
        CallKind kind,
        CallRequest request,
        int attempt = 1,
        bool isFinal = false,
        bool isProbe = false,
        CancellationToken cancellationToken = default)
    {
        var record = new CallRecord
        {
            Process = process,
            Op = recorder.NextOp(),
            Kind = kind,
            Node = node,
            Request = request,
            Invoke = recorder.Now,
            Complete = 0,
            Outcome = CallOutcome.Unknown,
            Attempt = attempt,
            Final = isFinal,
        };
        var isRead = kind is CallKind.Read or CallKind.Statement or CallKind.Lookup or CallKind.LookupTransaction;
        try
        {
            record = await AskAsync(client, record, cancellationToken) with { Complete = recorder.Now };
        }
        catch (LedgerClientException e)
        {
            var info = InfoOf(e);
            record = record with
            {
                Complete = recorder.Now,
                Outcome = e.OutcomeUnknown ? CallOutcome.Unknown : CallOutcome.Rejected,
                Error = new CallError
                {
                    Code = UpperSnake(e.Code.ToString()),
                    Reason = e.Reason,
                    Outcome = info?.Metadata.TryGetValue("outcome", out var outcome) == true ? outcome : "",
                    Message = e.Message,
                    Unreachable = e.Unreachable,
                },
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            record = record with
            {
                Complete = recorder.Now,
                Outcome = isRead ? CallOutcome.Rejected : CallOutcome.Unknown,
                Error = new CallError { Code = "CLIENT_CANCELLED" },
            };
        }
        catch (Exception e)
        {
            // Not one of the ways in which a call may fail: the checker makes a finding of it.
            record = record with
            {
                Complete = recorder.Now,
                Outcome = isRead ? CallOutcome.Rejected : CallOutcome.Unknown,
                Error = new CallError { Code = "UNCLASSIFIED", Message = e.ToString() },
            };
        }

        recorder.Write(record, books.ShardsOf(request), isProbe);
        return record;
    }

    private static string UpperSnake(string name)
    {
        var text = new System.Text.StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]))
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(name[i]));
        }

        return text.ToString();
    }

    private static ErrorInfo? InfoOf(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is RpcException failure)
            {
                return failure.GetRpcStatus()?.GetDetail<ErrorInfo>();
            }
        }

        return null;
    }

    private static async Task<CallRecord> AskAsync(
        LedgerClient client, CallRecord record, CancellationToken cancellationToken)
    {
        var request = record.Request;
        switch (record.Kind)
        {
            case CallKind.Open:
                var opened = await client.OpenAccountsAsync(
                    [.. request.Accounts!.Select(ToClient)], cancellationToken: cancellationToken);
                return record with
                {
                    Outcome = opened.All(static one => one.IsOpen) ? CallOutcome.Ok : CallOutcome.Rejected,
                    Result =
                        new CallResult
                        {
                            Accounts = [.. opened.Select(static one => UpperSnake(one.Status.ToString()))]
                        },
                };
            case CallKind.Transaction:
                return After(
                    record,
                    await client.PostTransactionAsync(
                        Client.Transaction.Of(request.Id!.Value, request.Legs!.Select(ToClient)),
                        cancellationToken: cancellationToken));
            case CallKind.Read:
                var account = await client.GetAccountAsync(request.Account!, cancellationToken: cancellationToken);
                return record with
                {
                    Outcome = CallOutcome.Ok,
                    Result =
                        new CallResult
                        {
                            Found = account is not null, Reading = account is null ? null : Reading(account)
                        },
                };
            case CallKind.Statement:
                return record with
                {
                    Outcome = CallOutcome.Ok,
                    Result = new CallResult { Entries = await PageAsync(client, request, cancellationToken) },
                };
            case CallKind.Lookup:
                return After(
                    record,
                    await client.GetTransferAsync(
                        request.Account!, request.Id!.Value, cancellationToken: cancellationToken));
            case CallKind.LookupTransaction:
                return After(
                    record,
                    await client.GetTransactionAsync(
                        request.Account!, request.Id!.Value, cancellationToken: cancellationToken));
            default:
                var transfer = ToClient(request.Transfer!);
                if (request.Poison is { } large && LargeRequests.IsBeyond(large))
                {
                    var legs = LargeRequests.Make(large, transfer);
                    return legs is [var alone]
                        ? After(record, await client.PostTransferAsync(alone, cancellationToken: cancellationToken))
                        : After(
                            record,
                            await client.PostTransactionAsync(
                                Client.Transaction.Of(transfer.Id, legs), cancellationToken: cancellationToken));
                }

                return After(
                    record,
                    await client.PostTransferAsync(
                        request.Poison is { } poison ? Poisons.Apply(poison, transfer) : transfer,
                        cancellationToken: cancellationToken));
        }
    }

    private static CallRecord After(CallRecord record, Client.TransferResult outcome) => record with
    {
        Outcome = outcome.IsCommitted ? CallOutcome.Ok : CallOutcome.Rejected,
        Status = UpperSnake(outcome.Status.ToString()),
        Result = new CallResult
        {
            CreateTime = outcome.CreateTime,
            Replayed = outcome.Replayed,
            Amount = outcome.Amount,
            BalanceSeen = outcome.BalanceSeen is { } seen ? Content(seen) : null,
        },
    };

    private static CallRecord After(CallRecord record, Client.TransactionResult outcome) => record with
    {
        Outcome = outcome.IsCommitted ? CallOutcome.Ok : CallOutcome.Rejected,
        Status = UpperSnake(outcome.Status.ToString()),
        Result = Content(outcome),
    };

    private static CallRecord After(CallRecord record, Client.TransferRecord? found) => record with
    {
        Outcome = CallOutcome.Ok,
        Status = found is null ? "" : UpperSnake(found.Status.ToString()),
        Result = new CallResult
        {
            Found = found is not null,
            CreateTime = found?.CreateTime,
            Amount = found?.Amount,
            BalanceSeen = found?.BalanceSeen is { } seen ? Content(seen) : null,
            TransactionId = found?.TransactionId,
            HoldState = found?.Hold is { } hold ? UpperSnake(hold.State.ToString()) : null,
            HoldRemaining = found?.Hold?.Remaining,
        },
    };

    private static CallRecord After(CallRecord record, Client.TransactionRecord? found) => record with
    {
        Outcome = CallOutcome.Ok,
        Status = found is null ? "" : UpperSnake(found.Result.Status.ToString()),
        Result = (found is null ? new CallResult() : Content(found.Result)) with { Found = found is not null },
    };

    private static CallResult Content(Client.TransactionResult outcome) => new()
    {
        CreateTime = outcome.CreateTime,
        Replayed = outcome.Replayed,
        FailedLeg = outcome.FailedLeg,
        BalanceSeen = outcome.BalanceSeen is { } seen ? Content(seen) : null,
        Legs = [.. outcome.Legs.Select(static leg => new LegContent(
            leg.TransferId, UpperSnake(leg.Transfer.ToString()), leg.Amount))],
    };

    private static async Task<EntryContent[]> PageAsync(
        LedgerClient client, CallRequest request, CancellationToken cancellationToken)
    {
        var query = new Client.StatementQuery
        {
            NewestFirst = request.NewestFirst,
            MinSequence = request.MinSequence,
            MaxSequence = request.MaxSequence,
            PageSize = request.PageSize,
        };
        var page = new List<EntryContent>();
        await foreach (var entry in client.ListStatementAsync(
            request.Account!, query, cancellationToken: cancellationToken))
        {
            page.Add(new EntryContent
            {
                Sequence = entry.Sequence,
                BookTime = entry.BookTime,
                TransferId = entry.Transfer.Id,
                Amount = entry.Transfer.Amount,
                Debit = entry.Direction == Client.EntryDirection.Debit,
                DebitsPosted = entry.DebitsPosted,
                CreditsPosted = entry.CreditsPosted,
            });

            // The next one would be fetched, and be of another moment.
            if (page.Count == request.PageSize)
            {
                break;
            }
        }

        return [.. page];
    }

    private static AccountReading Reading(Client.Account account) => new()
    {
        Version = account.Version,
        Balances = Content(account.Balances),
        Balance = account.Balance.ToString(CultureInfo.InvariantCulture),
        AvailableDebits = account.AvailableDebits?.ToString(CultureInfo.InvariantCulture),
        AvailableCredits = account.AvailableCredits?.ToString(CultureInfo.InvariantCulture),
        EntryCount = account.EntryCount,
        HoldCount = account.HoldCount,
        IsClosed = account.IsClosed,
    };

    private static BalancesContent Content(Client.Balances balances) => new(
        balances.DebitsPending,
        balances.DebitsPosted,
        balances.CreditsPending,
        balances.CreditsPosted,
        balances.DebitsInDoubt,
        balances.CreditsInDoubt);

    private static Client.AccountSpec ToClient(AccountContent content) => new()
    {
        Address = content.Address,
        Asset = content.Asset,
        Code = content.Code,
        DebitsMustNotExceedCredits = content.DebitAllowance is { } debits ? new AccountLimit(debits) : null,
        CreditsMustNotExceedDebits = content.CreditAllowance is { } credits ? new AccountLimit(credits) : null,
    };

    private static Client.Transfer ToClient(TransferContent content) => new()
    {
        Id = content.Id,
        DebitAccount = content.Debit,
        CreditAccount = content.Credit,
        Amount = content.Amount ?? (content.Type == TransferType.Void ? UInt128.Zero : Client.Transfer.Unbounded),
        Asset = content.Asset,
        Code = content.Code,
        Reference = content.Reference,
        Kind = content.Type switch
        {
            TransferType.Hold => Client.TransferKind.Hold,
            TransferType.Post => Client.TransferKind.PostHold,
            TransferType.Void => Client.TransferKind.VoidHold,
            _ => Client.TransferKind.Direct,
        },
        HoldId = content.Hold ?? Guid.Empty,
        Metadata = LargeRequests.Metadata(content.MetadataBytes),
        Timeout = TimeSpan.FromMicroseconds(content.TimeoutMicroseconds),
        BalancingDebit = content.BalancingDebit,
        BalancingCredit = content.BalancingCredit,
        ClosingDebit = content.ClosingDebit,
        ClosingCredit = content.ClosingCredit,
        KeepRest = content.KeepRest,
        OpenAccounts = content.OpenAccounts,
    };
}
