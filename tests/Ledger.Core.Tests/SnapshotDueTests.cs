namespace Ledger.Core.Tests;

/// <summary>Goal: what is replayed after a snapshot is bounded in rows, in events and legs, and in bytes (R17),
/// whatever the ids in memory and the holds are. Method: one account, a shell that writes its rows and says how long
/// they are.</summary>
public sealed class SnapshotDueTests : IAccountHost
{
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly Asset Usd = Asset.Parse("USD/2");

    private readonly List<EventBatch> rows = [];
    private readonly Queue<CommitRequest> closes = [];
    private readonly List<IdLookup> lookups = [];
    private AccountMachine runtime = null!;
    private EventBatch? writing;
    private long now = 1_000_000_000;
    private long id;

    [Fact]
    public void Salary_runs_take_snapshots_by_their_legs()
    {
        const int legs = 500;
        Start(new AccountMachineOptions());
        for (var run = 0; run < 200; run++)
        {
            Take(new PostTransactionRequest(
                Transaction.Of(NextId(), [.. Enumerable.Range(0, legs).Select(_ => Plain(NextId()))]),
                new ReplyTarget(null, 1), In(60)));
            Commit();
        }

        Stretches(
            static row =>
                row.Events.Sum(static happened => happened is TransactionPrepared p ? p.Branch.Legs.Length : 1))
            .Max().ShouldBeLessThanOrEqualTo(4_000 + legs + 1);
    }

    [Fact]
    public void Long_rows_take_snapshots_by_their_bytes()
    {
        Start(new AccountMachineOptions { SnapshotEveryBytes = 100_000 });
        for (var i = 0; i < 200; i++)
        {
            Take(new PostTransferRequest(Long(NextId()), new ReplyTarget(null, 1), In(60)));
            Commit();
        }

        // Each has 4,000 bytes, twice that with its commit's row and what rows say of themselves.
        Stretches(static row => row.Events.Count(static happened => happened is TransactionPrepared)).Max()
            .ShouldBeInRange(10, 25);
    }

    [Fact]
    public void Bytes_that_are_replayed_count_as_those_that_are_written()
    {
        var options = new AccountMachineOptions { SnapshotEveryBytes = 20_000 };
        Start(options);
        for (var restart = 0; restart < 12; restart++)
        {
            Take(new PostTransferRequest(Long(NextId()), new ReplyTarget(null, 1), In(60)));
            Commit();
            Restart(options);
        }

        rows.Count(static row => row.Snapshot is not null).ShouldBeInRange(2, 6);
    }

    [Fact]
    public void An_account_takes_snapshots_while_more_events_wait_than_a_row_takes()
    {
        // As much comes while a row is written as is in it, so that something newer is decided at any moment.
        Start(new AccountMachineOptions());
        for (var row = 0; row < 60; row++)
        {
            for (var i = 0; i < 1_500; i++)
            {
                var credit = new Transfer(NextId(), B, A, Amount.Of(5), 1);
                runtime.Handle(
                    new CommitRequest(
                        new TransactionBranch
                        {
                            Id = credit.Id,
                            Coordinator = B, CoordinatorAsset = Usd, LegCount = 1,
                            Asked = TransferContent.DigestOf(credit),
                            Legs = [new ResolvedLeg(0, credit, null) { Amount = credit.Amount }],
                        },
                        Cancel: false),
                    new LedgerTime(now));
            }

            now += 1_000;
            lookups.ForEach(lookup => runtime.LookupCompleted(lookup, null, new LedgerTime(now)));
            lookups.Clear();

            // One at a time: as many events are never written as wait.
            var written = writing.ShouldNotBeNull();
            writing = null;
            rows.Add(written);
            runtime.WriteSucceeded(new LedgerTime(now));
        }

        Stretches(static row => row.Events.Count).Max().ShouldBeLessThanOrEqualTo(5_000);
    }

    [Fact]
    public void Ids_and_holds_put_a_snapshot_off_and_not_without_bound()
    {
        const int every = 10;
        Start(new AccountMachineOptions { SnapshotEvery = every });

        // So many live holds that a snapshot costs far more than some rows.
        for (var i = 0; i < 2_000; i++)
        {
            var hold = new Transfer(NextId(), B, A, Amount.Of(1), 1) { Flags = TransferFlags.Pending };
            runtime.Handle(
                new CommitRequest(
                    new TransactionBranch
                    {
                        Id = hold.Id,
                        Coordinator = B, CoordinatorAsset = Usd, LegCount = 1,
                        Asked = TransferContent.DigestOf(hold),
                        Legs =
                            [new ResolvedLeg(0, hold, null) { Amount = hold.Amount, Deadline = LedgerTime.MaxValue }],
                    },
                    Cancel: false),
                new LedgerTime(now));
            Write();
        }

        var first = rows.Count;
        for (var i = 0; i < 1_000; i++)
        {
            Take(new PostTransferRequest(Plain(NextId()), new ReplyTarget(null, 1), In(60)));
            Commit();
        }

        rows.Take(1_000).Count(static row => row.Snapshot is not null).ShouldBeGreaterThan(5);
        Stretches(static _ => 1, first).Max().ShouldBeInRange(every, (every * 16) + 1);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer)
    {
    }

    void IAccountHost.Send(AccountAddress account, AccountMessage message)
    {
        if (message is CommitRequest close)
        {
            closes.Enqueue(close);
        }
    }

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => lookups.Add(lookup);

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    // In the order of their time, as clients make them.
    private TransferId NextId() =>
        new(((UInt128)(ulong)(now / 1_000) << 80) | ((UInt128)7 << 76) | ((UInt128)2 << 62) | (ulong)++id);

    private static Transfer Long(TransferId id) => Plain(id) with
    {
        Metadata = Metadata.Of(Enumerable.Range(0, 15).Select(static i =>
            new KeyValuePair<string, string>($"k{i:00}", new string('x', 250)))),
    };

    private static Transfer Plain(TransferId id) => new(id, A, B, Amount.Of(5), 1) { Asset = Usd };

    private LedgerTime In(int seconds) => new(now + (seconds * 1_000_000L));

    // What lies between two snapshots, or after the last one.
    private List<long> Stretches(Func<EventBatch, long> sizeOf, int first = 0)
    {
        var stretches = new List<long> { 0 };
        foreach (var row in rows.Skip(first))
        {
            stretches[^1] += sizeOf(row);
            if (row.Snapshot is not null)
            {
                stretches.Add(0);
            }
        }

        return stretches;
    }

    private void Start(AccountMachineOptions options)
    {
        runtime = new AccountMachine(A, options, this);
        runtime.RecoveryCompleted(In(0));
        Take(new OpenAccountRequest(new AccountSpec(A, Usd, 1), new ReplyTarget(null, 0), In(60)));
    }

    private void Restart(AccountMachineOptions options)
    {
        runtime = new AccountMachine(A, options, this);
        var newest = rows.LastOrDefault(static row => row.Snapshot is not null);
        if (newest is not null)
        {
            runtime.Restore(newest.Snapshot!);
        }

        foreach (var row in rows.Where(row => row.SequenceNr > (newest?.SequenceNr ?? 0)))
        {
            runtime.Replay(row);
        }

        runtime.RecoveryCompleted(In(0));
    }

    private void Commit()
    {
        var branch = closes.Dequeue().Branch;
        Take(new CommitResponse(branch.Key, branch.Digest, Committed: true, In(0), null));
        runtime.Flush();
        Write();
        closes.Clear();
    }

    private void Take(AccountMessage message)
    {
        now += 1_000;
        runtime.Handle(message, new LedgerTime(now));
        lookups.ForEach(lookup => runtime.LookupCompleted(lookup, null, new LedgerTime(now)));
        lookups.Clear();
        Write();
    }

    private void Write()
    {
        while (writing is { } row)
        {
            writing = null;
            rows.Add(row);
            runtime.WriteSucceeded(new LedgerTime(now));
        }
    }
}
