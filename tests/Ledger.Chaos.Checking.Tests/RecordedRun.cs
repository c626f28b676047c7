using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>A real ledger in this process, on a SQLite file of its own, whose calls are recorded as the chaos driver
/// records those of its clients.</summary>
internal sealed class RecordedRun : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string directory = Directory.CreateTempSubdirectory("ledger-checking-").FullName;
    private readonly ConcurrentQueue<HistoryRecord> records = new();
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly DateTimeOffset startTime = DateTimeOffset.UtcNow;
    private readonly Action<LedgerOptions>? configure;
    private IHost? host;
    private CancellationTokenSource life = new();

    // Done while there is a ledger to be called.
    private volatile Task up = Task.CompletedTask;
    private long ops;

    private RecordedRun(Action<LedgerOptions>? configure) => this.configure = configure;

    public string Journal => Path.Combine(directory, "ledger.db");

    public string Connection => $"Data Source={Journal}";

    public List<AccountContent> Accounts { get; } = [];

    public ILedger Ledger => host!.Services.GetRequiredService<ILedger>();

    public IEnumerable<CallRecord> Calls => records.OfType<CallRecord>();

    public static async Task<RecordedRun> StartAsync(Action<LedgerOptions>? configure = null)
    {
        var run = new RecordedRun(configure);
        await run.StartLedgerAsync();
        return run;
    }

    /// <summary>Ends the ledger as a crash does, and starts another on what is left.</summary>
    public async Task CrashAsync()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        up = started.Task;
        var ending = life;
        var system = host!.Services.GetRequiredService<ActorSystem>();
        ((ExtendedActorSystem)system).Abort();
        await system.WhenTerminated.WaitAsync(Patience);
        await ending.CancelAsync();

        // The host of a ledger that died is left as it is: stopping it would wait for what will never come.
        host = null;
        life = new CancellationTokenSource();
        await StartLedgerAsync();
        started.SetResult();
    }

    /// <summary>Ends the ledger in good order: all that is lazy is written.</summary>
    public async Task StopAsync()
    {
        await StopHostAsync();
    }

    /// <summary>The history as it was recorded, with the last line of a run that came to its end.</summary>
    public List<HistoryRecord> History(bool finished = true)
    {
        List<HistoryRecord> history =
        [
            new RunRecord
            {
                Seed = 1, Nodes = 1, Workload = "test", StartTime = startTime, Connection = Connection, Accounts = [
                    .. Accounts],
            },
            .. records.OfType<CallRecord>().OrderBy(static call => call.Complete),
        ];
        if (finished)
        {
            history.Add(
                new FinalRecord { From = 0, To = Now, Finished = true, Accounts = Accounts.Count, Unknowns = 0 });
        }

        return history;
    }

    public string Write(IEnumerable<HistoryRecord> history)
    {
        var path = Path.Combine(directory, $"history-{Guid.NewGuid():N}.jsonl");
        using var writer = new StreamWriter(path) { NewLine = "\n" };
        foreach (var record in history)
        {
            writer.WriteLine(JsonSerializer.Serialize(record, HistoryJson.Default.HistoryRecord));
        }

        return path;
    }

    public string NewFile(string name) => Path.Combine(directory, name);

    public async Task<CheckReport> CheckAsync(IEnumerable<HistoryRecord>? history = null, string? journal = null) =>
        await ChaosChecker.CheckAsync(
            Write(history ?? History()), journal is null ? null : $"Data Source={journal}", CancellationToken.None);

    private long Now => clock.ElapsedTicks * (1_000_000_000L / Stopwatch.Frequency);

    // ---------------------------------------------------------------- calls

    public async Task<CallRecord> OpenAsync(
        string address, ulong? debitAllowance = null, ulong? creditAllowance = null, string asset = "USD/2")
    {
        var content = new AccountContent
        {
            Address = address,
            Asset = asset, Code = 1, DebitAllowance = debitAllowance, CreditAllowance = creditAllowance,
        };
        Accounts.Add(content);
        return await CallAsync(0, CallKind.Open, new CallRequest { Accounts = [content] }, async token =>
        {
            var result = (await Ledger.OpenAccountsAsync(
                [
                    new AccountSpec(AccountAddress.Parse(address), Asset.Parse(asset), 1)
                    {
                        DebitsMustNotExceedCredits = debitAllowance is { } d ? Amount.Of(d) : null,
                        CreditsMustNotExceedDebits = creditAllowance is { } c ? Amount.Of(c) : null,
                    },
                ], Patience, token))[0];
            return (CallOutcome.Ok, "", new CallResult { Accounts = [Names.Snake(result.Status.ToString())] });
        });
    }

    public static TransferContent Move(string debit, string credit, UInt128 amount, Guid? id = null) => new()
    {
        Id = id
            ?? Guid.CreateVersion7(), Type = TransferType.Direct, Debit = debit, Credit = credit, Amount = amount,
            Asset = "USD/2", Code = 7,
    };

    public static TransferContent Hold(string debit, string credit, UInt128 amount, TimeSpan timeout = default) =>
        Move(debit, credit, amount) with { Type = TransferType.Hold, TimeoutMicroseconds = timeout.Ticks / 10 };

    public static TransferContent Post(Guid hold, UInt128? amount = null, bool keepRest = false) => new()
    {
        Id = Guid.CreateVersion7(), Type = TransferType
            .Post, Debit = "", Credit = "", Amount = amount, Hold = hold, KeepRest = keepRest,
    };

    public static TransferContent Void(Guid hold) => new()
    {
        Id = Guid.CreateVersion7(), Type = TransferType.Void, Debit = "", Credit = "", Hold = hold,
    };

    public Task<CallRecord> PostAsync(
        TransferContent transfer, long process = 0, int attempt = 1, bool final = false) => CallAsync(
        process,
        transfer.Type switch
        {
            TransferType.Hold => CallKind.Hold,
            TransferType.Post => CallKind.Post,
            TransferType.Void => CallKind.Void,
            _ => CallKind.Transfer,
        },
        new CallRequest { Transfer = transfer },
        async token =>
        {
            var result = await Ledger.PostTransferAsync(ToCore(transfer), Patience, token);
            return (
                result.IsCommitted ? CallOutcome.Ok : CallOutcome.Rejected, Names.Of(result.Status),
                new CallResult
                {
                    CreateTime = result.IsCommitted ? result.CreateTime.ToDateTimeOffset() : null,
                    Replayed = result.Replayed,
                    Amount = result.IsCommitted ? result.Amount.Value : null,
                    BalanceSeen = ToContent(result.BalanceSeen),
                });
        },
        attempt, final);

    public Task<CallRecord> PostAllAsync(
        Guid id, IReadOnlyList<TransferContent> legs, long process = 0, int attempt = 1, bool final = false) =>
            CallAsync(
        process, CallKind.Transaction, new CallRequest { Id = id, Legs = legs },
        async token =>
        {
            var result = await Ledger.PostTransactionAsync(
                Transaction.Of(TransferId.FromGuid(id), legs.Select(ToCore)), Patience, token);
            return (
                result.IsCommitted ? CallOutcome.Ok : CallOutcome.Rejected, Names.Of(result.Status),
                new CallResult
                {
                    CreateTime = result.IsCommitted ? result.CreateTime.ToDateTimeOffset() : null,
                    Replayed = result.Replayed,
                    FailedLeg = result.FailedLeg < 0 ? null : result.FailedLeg,
                    BalanceSeen = ToContent(result.BalanceSeen),
                    Legs = [.. result.Legs.Select((leg, i) => new LegContent(
                        legs[i].Id, Names.Of(leg.Transfer), result.IsCommitted ? leg.Amount.Value : null))],
                });
        },
        attempt, final);

    public Task<CallRecord> ReadAsync(string account, long process = 0, bool final = false) => CallAsync(
        process, CallKind.Read, new CallRequest { Account = account },
        async token =>
        {
            var view = await Ledger.GetAccountAsync(AccountAddress.Parse(account), Patience, token);
            return (CallOutcome.Ok, "", new CallResult
            {
                Found = view is not null,
                Reading = view is null ? null : new AccountReading
                {
                    Version = (ulong)view.Version,
                    Balances = ToContent(view.Balances)!,
                    Balance = view.Balances.Balance.ToString(),
                    EntryCount = view.EntryCount,
                    HoldCount = view.HoldCount,
                    IsClosed = view.IsClosed,
                },
            });
        },
        final: final);

    public Task<CallRecord> StatementAsync(
        string account, long process = 0, bool newestFirst = false, ulong? from = null, int pageSize = 100) =>
            CallAsync(
        process, CallKind.Statement,
        new CallRequest { Account = account, NewestFirst = newestFirst, MinSequence = from, PageSize = pageSize },
        async token =>
        {
            var address = AccountAddress.Parse(account);
            var page = await Ledger.ListStatementAsync(
                new StatementQuery(address) { PageSize = pageSize, NewestFirst = newestFirst, MinSequence = from ?? 1 },
                Patience, token);
            return (CallOutcome.Ok, "", new CallResult
            {
                Found = page is not null,
                Entries = [.. (page?.Entries ?? []).Select(static entry => new EntryContent
                {
                    Sequence = entry.Sequence, BookTime = entry.BookTime.ToDateTimeOffset(), TransferId = entry.Transfer
                        .Id.ToGuid(),
                    Amount = entry.Transfer.Amount.Value, Debit = entry.Direction == EntryDirection.Debit,
                    DebitsPosted = entry.DebitsPosted.Value, CreditsPosted = entry.CreditsPosted.Value,
                })],
            });
        });

    public Task<CallRecord> LookUpAsync(
        string account, Guid id, bool isTransaction = false, bool final = false, long process = 0) => CallAsync(
        process, isTransaction ? CallKind.LookupTransaction : CallKind.Lookup,
        new CallRequest { Id = id, Account = account },
        async token =>
        {
            var address = AccountAddress.Parse(account);
            if (isTransaction)
            {
                var found = await Ledger.GetTransactionAsync(address, TransferId.FromGuid(id), Patience, token);
                return (CallOutcome.Ok, found is null ? "" : Names.Of(found.Result.Status), new CallResult
                {
                    Found = found is not null, CreateTime = found?.Result.CreateTime.ToDateTimeOffset(),
                });
            }

            var record = await Ledger.GetTransferAsync(address, TransferId.FromGuid(id), Patience, token);
            return (CallOutcome.Ok, record is null ? "" : Names.Of(record.Status), new CallResult
            {
                Found = record is not null,
                CreateTime = record?.CreateTime.ToDateTimeOffset(),
                Amount = record is { Status: TransferStatus.Created } ? record.Amount.Value : null,
                HoldState = record is null or { Hold: HoldState.None }
                ? null
                : Names.Snake(record.Hold.ToString()),
            });
        },
        final: final);

    /// <summary>The final phase: every account is read, and every id of unknown outcome looked up.</summary>
    public async Task FinishAsync()
    {
        // Those that expire must have done so: else the ledger itself is still at work.
        foreach (var hold in Calls.Select(static call => call.Request.Transfer)
            .Where(
                static transfer => transfer is { Type: TransferType.Hold, TimeoutMicroseconds: > 0 and < 10_000_000 })
                    .DistinctBy(static hold => hold!.Id).ToArray())
        {
            while ((await LookUpAsync(hold!.Debit, hold.Id)).Result is not { HoldState: not "LIVE" })
            {
                await Task.Delay(20);
            }
        }

        foreach (var call in Calls.Where(static call => call.Outcome == CallOutcome.Unknown).ToArray())
        {
            if (call.Kind == CallKind.Transaction)
            {
                await LookUpAsync(
                    call.Request.Legs![0].Debit, call.Request.Id!.Value, isTransaction: true, final: true);
            }
            else if (call.Request.Transfer is { } transfer)
            {
                var account = transfer.Debit.Length > 0 ? transfer.Debit
                    : Calls.First(other => other.Request.Transfer?.Id == transfer.Hold).Request.Transfer!.Debit;
                await LookUpAsync(account, transfer.Id, final: true);
            }
        }

        foreach (var account in Accounts)
        {
            await ReadAsync(account.Address, final: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopHostAsync();
        life.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    private async Task StartLedgerAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLedger();
        builder.Services.AddAkka("ledger-checking", (akka, _) =>
        {
            akka.ConfigureLoggers(static loggers => loggers.LogLevel = Akka.Event.LogLevel.ErrorLevel);
            akka.WithLedger(options =>
            {
                options.UseSqlite(Journal);
                configure?.Invoke(options);
            });
        });
        host = builder.Build();
        await host.StartAsync();
    }

    private async Task StopHostAsync()
    {
        if (host is null)
        {
            return;
        }

        await host.StopAsync();
        host.Dispose();
        host = null;
    }

    private async Task<CallRecord> CallAsync(
        long process, CallKind kind, CallRequest request,
        Func<CancellationToken, Task<(CallOutcome, string, CallResult)>> call,
        int attempt = 1, bool final = false)
    {
        var isWrite =
            kind is not (CallKind.Read or CallKind.Statement or CallKind.Lookup or CallKind.LookupTransaction);
        await up;
        var token = life.Token;
        var record = new CallRecord
        {
            Process = process,
            Op = Interlocked.Increment(ref ops), Kind = kind, Node = 0, Request = request, Invoke = Now,
            Complete = 0,
            Outcome = CallOutcome.Ok, Attempt = attempt, Final = final,
        };
        try
        {
            // A ledger that is aborted may never answer: whoever waits for it gives up when it has ended.
            var (outcome, status, result) = await call(token).WaitAsync(token);
            record = record with { Outcome = outcome, Status = status, Result = result };
        }
        catch (LedgerException e)
        {
            var reason = Names.Snake(e.Reason.ToString());
            var unknown = isWrite && e.OutcomeUnknown;
            record = record with
            {
                Outcome = unknown ? CallOutcome.Unknown : CallOutcome.Rejected,
                Error = new CallError { Code = Names.Reasons[reason].Code, Reason = reason, Message = e.Message },
            };
        }
        catch (Exception e) when (token.IsCancellationRequested
            || e is ObjectDisposedException or NullReferenceException)
        {
            record = record with
            {
                Outcome = isWrite ? CallOutcome.Unknown : CallOutcome.Rejected,
                Error = new CallError { Code = "CLIENT_CANCELLED" },
            };
        }

        record = record with { Complete = Now };
        records.Enqueue(record);
        return record;
    }

    private static Transfer ToCore(TransferContent content) => new(
        TransferId.FromGuid(content.Id), AddressOf(content.Debit), AddressOf(content.Credit),
        new Amount(content.Amount ?? (content.Type == TransferType.Void ? UInt128.Zero : UInt128.MaxValue)),
        content.Code)
    {
        Asset = content.Asset.Length == 0 ? default : Asset.Parse(content.Asset),
        Flags = content.Type switch
        {
            TransferType.Hold => TransferFlags.Pending,
            TransferType.Post =>
                TransferFlags.PostPending | (content.KeepRest ? TransferFlags.KeepRest : TransferFlags.None),
            TransferType.Void => TransferFlags.VoidPending,
            _ => TransferFlags.None,
        } | (content.BalancingDebit ? TransferFlags.BalancingDebit : TransferFlags.None),
        HoldId = content.Hold is { } hold ? TransferId.FromGuid(hold) : default,
        Timeout = TimeSpan.FromMicroseconds(content.TimeoutMicroseconds),
    };

    private static AccountAddress AddressOf(string text) => text.Length == 0 ? default : AccountAddress.Parse(text);

    private static BalancesContent? ToContent(Balances? balances) => balances is not { } b ? null : new BalancesContent(
        b.DebitsPending.Value, b.DebitsPosted.Value, b.CreditsPending.Value, b.CreditsPosted.Value,
        b.DebitsInDoubt.Value,
        b.CreditsInDoubt.Value);
}
