namespace Ledger.Core.Tests;

/// <summary>
/// Goal: an id of any age is taken once, and what that costs does not depend on its age or on the length of the stream
/// (R22). Method: one account whose last agents commit at once, a journal with its index, and a count of the rows that
/// look-ups read.
/// </summary>
public sealed class IdAgeTests : IAccountHost
{
    private const long Second = 1_000_000;
    private const long Hour = 3600 * Second;
    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private readonly List<EventBatch> rows = [];
    private readonly Dictionary<TransferId, SortedSet<long>> index = [];
    private readonly IdIndex indexer = new(A);
    private readonly Queue<Action> happenings = new();
    private readonly List<AccountResponse> answers = [];
    private AccountMachine runtime = null!;
    private long now = 1_800_000_000L * Second;
    private int ids;
    private int lookups;
    private int rowsRead;
    private bool? closed;
    private IdLookup? asked;

    public IdAgeTests() =>
        Start(new AccountMachineOptions { IdempotencyWindowMax = 100, CommitRecordDelay = TimeSpan.FromSeconds(1) });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Ids_from_anywhere_between_1970_and_2100_are_never_taken_twice_and_never_block(int seed)
    {
        var random = new Random(seed);
        var taken = new List<Transfer>();
        var future = new List<Transfer>();
        for (var step = 0; step < 3000; step++)
        {
            now += random.Next(20) == 0 ? random.NextInt64(1, 2 * Hour) : random.NextInt64(1, 100_000);
            if (step % 500 == 499)
            {
                Restart(random.Next(2) == 0);
            }

            var retry = taken.Count > 0 && random.Next(3) == 0 ? taken[random.Next(taken.Count)]
                : future.Count > 0 && random.Next(20) == 0 ? future[random.Next(future.Count)] : null;
            var transfer = retry ?? Transfer(random.Next(10) switch
            {
                0 => random.NextInt64(0, 4_102_444_800L * Second),
                1 => now + random.NextInt64(-2 * Hour, 2 * Hour),
                2 => now + random.NextInt64(-5 * Second, 5 * Second),
                3 => -1,
                _ => now,
            });
            var status = Post(transfer);
            if (retry is not null && !future.Contains(retry))
            {
                status.ShouldBe(TransferStatus.Exists, $"seed {seed}, step {step}: {transfer.Id} was taken before");
            }
            else if (status == TransferStatus.IdFromTheFuture)
            {
                transfer.Id.UnixMicroseconds.ShouldBeGreaterThan(now + Hour - 1);
                future.Add(transfer);
            }
            else
            {
                status.ShouldBe(TransferStatus.Created, $"seed {seed}, step {step}: {transfer.Id} is new");
                future.Remove(transfer);
                taken.Add(transfer);
            }
        }

        // Whatever came: what is dated now is new without a look.
        now += 3 * Hour;
        Post(Transfer(now));
        var before = lookups;
        for (var i = 0; i < 50; i++)
        {
            now += 1000;
            Post(Transfer(now)).ShouldBe(TransferStatus.Created);
        }

        (lookups - before).ShouldBe(0);
    }

    [Fact]
    public void An_id_an_hour_ahead_costs_nobody_a_look_up()
    {
        Fill(1000);
        Post(Transfer(now + Hour - Second)).ShouldBe(TransferStatus.Created);
        var before = lookups;
        Fill(1000);
        (lookups - before)
            .ShouldBe(0, "it has left the usual memory, and fresh ids are new without a look all the same");
        runtime.State.Idempotency.Count.ShouldBeLessThanOrEqualTo(101);
    }

    [Fact]
    public void A_hot_account_does_not_look_for_ids_that_were_under_way_for_longer_than_it_remembers()
    {
        // A hundred ids in memory are a hundredth of a second here. Half of all requests are a second late.
        var taken = new List<Transfer>();
        for (var i = 0; i < 20_000; i++)
        {
            now += 100;
            var transfer = Transfer(i % 2 == 0 ? now : now - Second);
            Post(transfer).ShouldBe(TransferStatus.Created);
            taken.Add(transfer);
        }

        // The first second's lie before all that the filter knows.
        var before = lookups;
        for (var i = 0; i < 20_000; i++)
        {
            now += 100;
            Post(Transfer(i % 2 == 0 ? now : now - Second)).ShouldBe(TransferStatus.Created);
        }

        (lookups - before).ShouldBeLessThan(300, "one in a hundred of those that are late");
        foreach (var transfer in taken.Where(static (_, i) => i % 100 == 0))
        {
            Post(transfer).ShouldBe(TransferStatus.Exists);
        }
    }

    [Fact]
    public void An_id_that_was_ahead_is_known_when_its_time_has_come_and_has_passed()
    {
        var early = Transfer(now + Hour - Second);
        Post(early).ShouldBe(TransferStatus.Created);
        Fill(1000);
        Post(early).ShouldBe(TransferStatus.Exists);
        now += Hour;
        Post(early).ShouldBe(TransferStatus.Exists, "inside the window of its time");
        now += Hour;
        Fill(1000);
        Restart(fromSnapshot: true);
        Post(early).ShouldBe(TransferStatus.Exists, "long after");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_decided_twice_is_found_by_its_last_decision(bool fromSnapshot)
    {
        Fill(200);
        var mended = Transfer(now);
        Post(mended with { Asset = Asset.Parse("EUR/2") })
            .ShouldBe(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts);

        // What comes between is newer than the first decision, and older than the last.
        Fill(98);
        Post(mended).ShouldBe(TransferStatus.Created);
        Fill(30);
        runtime.State.Idempotency.Find(mended.Id).ShouldBeNull();
        if (fromSnapshot)
        {
            Restart(fromSnapshot: true);
        }

        Post(mended).ShouldBe(TransferStatus.Exists);
        Post(mended with { Amount = Amount.Of(77) }).ShouldBe(TransferStatus.ExistsWithDifferentAmount);
    }

    [Fact]
    public void Other_content_under_an_id_in_memory_is_compared_with_its_row_although_an_older_one_may_be_forgotten()
    {
        Fill(200, step: 100_000);
        Post(Transfer(now + (19 * Second / 10))).ShouldBe(TransferStatus.Created);
        Fill(18, step: 100_000);
        var transfer = Transfer(now);
        Post(transfer).ShouldBe(TransferStatus.Created);

        // What was ahead has left memory, so the journal is asked. What it is asked for is in memory still.
        Fill(82, step: 100_000);
        runtime.State.Idempotency.Find(transfer.Id).ShouldNotBeNull();
        runtime.State.Idempotency.Watermark.ShouldBeGreaterThan(transfer.Id);
        var before = lookups;
        Post(transfer with { Amount = Amount.Of(77) }).ShouldBe(TransferStatus.ExistsWithDifferentAmount);
        (lookups - before).ShouldBe(1);
    }

    [Fact]
    public void A_question_reaches_what_is_in_memory_since_it_may_leave_while_the_question_is_out()
    {
        Fill(200, step: 100_000);
        Post(Transfer(now + (19 * Second / 10))).ShouldBe(TransferStatus.Created);
        Fill(18, step: 100_000);
        var transfer = Transfer(now);
        Post(transfer with { Asset = Asset.Parse("EUR/2") })
            .ShouldBe(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts);
        var refused = now;
        Fill(82, step: 100_000);
        runtime.State.Idempotency.ForgottenUpTo.UnixMicroseconds.ShouldBeLessThan(refused);
        var before = lookups;
        Post(transfer).ShouldBe(TransferStatus.Created);
        (lookups - before).ShouldBe(1);
        asked!.NotAfter.UnixMicroseconds.ShouldBeGreaterThanOrEqualTo(refused);
    }

    [Fact]
    public void Of_more_ids_ahead_than_stay_in_memory_none_is_forgotten()
    {
        Fill(200);
        var early = Enumerable.Range(0, IdWindow.EarlyMax * 2).Select(i => Transfer(now + (Hour / 2) + (i * Second)))
            .ToList();
        early.ForEach(one => Post(one).ShouldBe(TransferStatus.Created));
        Fill(500);
        runtime.State.Idempotency.Count.ShouldBe(100 + IdWindow.EarlyMax);
        Restart(fromSnapshot: true);
        runtime.State.Idempotency.Count.ShouldBe(100 + IdWindow.EarlyMax);
        early.ForEach(one => Post(one).ShouldBe(TransferStatus.Exists));
        now += Hour;
        Fill(2);
        early.ForEach(one => Post(one).ShouldBe(TransferStatus.Exists));
    }

    /// <summary>What a caller with a wrong clock, or bad will, can cost an account, and for how long.</summary>
    /// <param name="step">Between two transfers: fast ones pass through memory in seconds, and the filter knows them;
    /// slow ones are each looked for.</param>
    /// <param name="lookupsMax">For a hundred new ids.</param>
    [Theory]
    [InlineData(1_000, 2)]
    [InlineData(300_000, 100)]
    public void Of_more_ids_ahead_than_stay_in_memory_a_new_id_costs_one_look_up_until_their_time_has_passed(
        long step, int lookupsMax)
    {
        Fill(200, step);
        var early = Enumerable.Range(0, IdWindow.EarlyMax).Select(i => Transfer(now + (Hour / 2) + (i * Second)))
            .ToList();
        early.ForEach(one => Post(one).ShouldBe(TransferStatus.Created));
        Fill(200, step);
        var before = lookups;
        Fill(100, step);
        (lookups - before).ShouldBe(0, "as many as stay in memory cost nobody anything");

        var last = Transfer(now + Hour - Second);
        var due = now + Hour;
        Post(last).ShouldBe(TransferStatus.Created);
        Fill(200, step);
        before = lookups;
        var read = rowsRead;
        Fill(100, step);
        (lookups - before).ShouldBeLessThanOrEqualTo(lookupsMax);
        (rowsRead - read).ShouldBeLessThanOrEqualTo(
            (lookups - before) * ((int)(4 * IdWindow.WidthMicroseconds / step) + 40),
            "the rows of four seconds, two a transfer");

        now = due + Second;
        Fill(1, step);
        before = lookups;
        Fill(300, step);
        (lookups - before).ShouldBe(0, "the time of all of them has passed");
        early.Append(last).ToList().ForEach(one => Post(one).ShouldBe(TransferStatus.Exists));
    }

    [Fact]
    public void An_id_more_than_an_hour_ahead_is_refused_and_stays_free()
    {
        var far = Transfer(now + Hour + Second);
        var count = rows.Count;
        Post(far).ShouldBe(TransferStatus.IdFromTheFuture);
        PostAll(Transfer(now).Id, Transfer(now), far).ShouldBe((TransferStatus.IdFromTheFuture, 1));
        PostAll(far.Id, Transfer(now), Transfer(now)).ShouldBe((TransferStatus.IdFromTheFuture, 0));
        answers.Clear();
        runtime.Handle(
            new PostTransactionRequest(
                new Transaction(
                    far.Id, [TransactionLeg.Open(new AccountSpec(B, Usd, 1)), TransactionLeg.Of(Transfer(now))]),
                    default,
                LedgerTime.MaxValue),
            new LedgerTime(now));
        var mixed = answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransactionResponse>().Result;
        (mixed.Status, mixed.FailedLeg, mixed.Legs[0].Opening).ShouldBe(
            (TransferStatus.IdFromTheFuture, 1, AccountStatus.LinkedEventFailed));
        rows.Count.ShouldBe(count, "it is not journaled");
        now += 2 * Second;
        Post(far).ShouldBe(TransferStatus.Created);

        // What was taken stays taken, also for a clock that was set back.
        now -= 48 * Hour;
        Post(far).ShouldBe(TransferStatus.Exists);
    }

    [Fact]
    public void The_void_of_a_hold_is_dated_when_the_hold_is_due()
    {
        var due = new LedgerTime(now + (7 * 24 * Hour));
        var hold = new Hold(Transfer(now), Amount.Of(1), due, 1, new LedgerTime(now), default);
        IdWindow.Holds(hold.ExpiryId, due).ShouldBeTrue();
        hold.ExpiryId.ShouldBe((hold with { Remaining = Amount.Of(2) }).ExpiryId);
        hold.ExpiryId.ShouldNotBe((hold with { Deadline = due.Add(TimeSpan.FromMicroseconds(1)) }).ExpiryId);
        hold.ExpiryId.ShouldNotBe((hold with { Transfer = Transfer(now) }).ExpiryId);
        foreach (var odd in (long[])[-1_000_000, 0, 4_102_444_800L * Second, 253_402_300_799L * Second, long.MaxValue])
        {
            var id = (hold with { Deadline = new LedgerTime(odd) }).ExpiryId;
            id.IsTimeOrdered.ShouldBe(odd == 0);
            id.IsNil.ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData(500)]
    [InlineData(20_000)]
    public void A_merchant_does_not_read_what_has_happened_since_a_hold_that_expires(int between)
    {
        var holds = new List<Hold>();
        for (var i = 0; i < 20; i++)
        {
            now += 1000;
            var transfer = new Transfer(Id(now), B, A, Amount.Of(1), 1) { Asset = Usd, Flags = TransferFlags.Pending };
            var due = new LedgerTime(now + (7 * 24 * Hour));
            Close(transfer, due).ShouldBeTrue();
            holds.Add(new Hold(transfer, Amount.Of(1), due, 1, new LedgerTime(now), transfer.Id));
        }

        for (var i = 0; i < between; i++)
        {
            now += 7 * 24 * Hour / (between + 1);
            Close(new Transfer(Id(now), B, A, Amount.Of(1), 1) { Asset = Usd }, default).ShouldBeTrue();
        }

        // Up to the deadlines, and six seconds beyond: each void comes so late that memory may have forgotten it. (On
        // an account that goes through its memory faster, the filter knows that it has not.)
        now = holds[0].Deadline.UnixMicroseconds - (10 * Second);
        for (var i = 0; i < 330; i++)
        {
            now += 50_000;
            Close(new Transfer(Id(now), B, A, Amount.Of(1), 1) { Asset = Usd }, default).ShouldBeTrue();
        }

        foreach (var hold in holds)
        {
            hold.Deadline.UnixMicroseconds.ShouldBeLessThan(now);
            Reads(() => Close(
                new Transfer(hold.ExpiryId, B, A, Amount.Zero, 1)
                {
                    Asset = Usd, Flags = TransferFlags.VoidPending | TransferFlags.Expiry, HoldId = hold.Transfer.Id,
                },
                default, remaining: 1).ShouldBeTrue()).ShouldBeLessThan(150, $"of {rows.Count}");
        }

        runtime.State.HoldCount.ShouldBe(0);
        lookups.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(30_000)]
    public void What_a_look_up_reads_does_not_grow_with_the_stream(int count)
    {
        var first = Transfer(now);
        Post(first);
        var late = Transfer(now - (30 * 24 * Hour));
        Post(late);
        var hold = Transfer(now) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromDays(30) };
        Post(hold);
        now += 10 * Second;
        var original = Transfer(now);
        Post(original);
        for (var i = 0; i < count; i++)
        {
            // Not evenly: now and then nothing happens for long.
            now += i % 97 == 0 ? 600 * Second : 200_000;
            Post(Transfer(now));
        }

        Post(new Transfer(Id(now), A, B, Amount.Of(1), 1) { Flags = TransferFlags.PostPending, HoldId = hold.Id })
            .ShouldBe(TransferStatus.Created);
        Post(new Transfer(Id(now), A, B, Amount.Of(1), 1) { Flags = TransferFlags.PostPending, HoldId = hold.Id })
            .ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        for (var i = 0; i < 300; i++)
        {
            now += 200_000;
            Post(Transfer(now));
        }

        // Rows are one transfer each here; four seconds have twenty of them.
        Reads(() => Post(first).ShouldBe(TransferStatus.Exists)).ShouldBeLessThan(140);
        Reads(() => Post(late).ShouldBe(TransferStatus.Exists)).ShouldBeLessThan(10);
        Reads(() => Get(hold.Id)!.Hold.ShouldBe(HoldState.Posted)).ShouldBeLessThan(160);
        Reads(() => Get(Id(now - (24 * Hour))).ShouldBeNull()).ShouldBeLessThan(140);
        Reads(() => Get(Id(now - (365 * 24 * Hour))).ShouldBeNull()).ShouldBeLessThan(10);
        Reads(() => Get(Id(-1)).ShouldBeNull()).ShouldBe(0);
        Reads(
            () =>
                Post(
                    new Transfer(Id(now), A, B, Amount.Of(1), 1)
                    {
                        Flags = TransferFlags.VoidPending, HoldId = hold.Id
                    })
            .ShouldBe(TransferStatus.PendingTransferAlreadyPosted)).ShouldBeLessThan(160);
        Reads(() => Get(original.Id)!.Status.ShouldBe(TransferStatus.Created)).ShouldBeLessThan(140);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => answers.Add(answer);

    void IAccountHost.Send(AccountAddress account, AccountMessage message)
    {
        var one = runtime;
        if (message is CommitRequest close)
        {
            happenings.Enqueue(() => one.Handle(
                new CommitResponse(
                    close.Branch.Key, close.Branch.Digest, Committed: !close.Cancel, new LedgerTime(now), null),
                    new LedgerTime(now)));
        }
        else if (message is CommitResponse answer)
        {
            closed = answer.Committed;
        }
        else if (message is DryRunRequest dryRun)
        {
            happenings.Enqueue(() => one.Handle(
                new DryRunResponse(dryRun.Branch.Id, dryRun.Round, new AccountReport(
                    account, new AccountSpec(account, Usd, 1), false, null, default, default, false,
                    [.. dryRun.Branch.Legs.Select(static leg => new LegContext(leg.Index))])),
                new LedgerTime(now)));
        }
    }

    void IAccountHost.Write(EventBatch batch)
    {
        var one = runtime;
        happenings.Enqueue(() =>
        {
            rows.Add(batch);
            foreach (var id in indexer.Add(batch))
            {
                (index.TryGetValue(id, out var found) ? found : index[id] = []).Add(batch.SequenceNr);
            }

            one.WriteSucceeded(new LedgerTime(now));
        });
    }

    void IAccountHost.Lookup(IdLookup lookup)
    {
        lookups++;
        asked = lookup;
        var one = runtime;
        happenings.Enqueue(() =>
        {
            var search = new StreamSearch(A, [lookup]);
            foreach (var question in search.Questions())
            {
                switch (question)
                {
                    case RowsQuestion rowsAsked:
                        rowsAsked.Rows = rows.GetRange(
                            (int)rowsAsked.From - 1,
                            (int)Math.Min(rowsAsked.RowsMax, Math.Min(rowsAsked.To, rows.Count) - rowsAsked.From + 1));
                        rowsRead += rowsAsked.Rows.Count;
                        break;
                    case IndexQuestion indexAsked:
                        indexAsked.Rows = [
                            .. indexAsked.Ids.SelectMany(id => index.GetValueOrDefault(id) ?? []).Distinct().Order()];
                        indexAsked.IsComplete = indexAsked.Newest.SequenceNr == 0
                            || index[indexAsked.Newest.Id].Contains(indexAsked.Newest.SequenceNr);
                        break;
                }
            }

            search.IsProved(lookup).ShouldBeTrue();
            one.LookupCompleted(lookup, search.Found(lookup), new LedgerTime(now));
        });
    }

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    private void Start(AccountMachineOptions options)
    {
        runtime = new AccountMachine(A, options, this);
        runtime.RecoveryCompleted(new LedgerTime(now));
        runtime.Handle(
            new OpenAccountRequest(new AccountSpec(A, Usd, 1), default, LedgerTime.MaxValue), new LedgerTime(now));
        Run();
    }

    // Replays all rows, or those after a snapshot of the state as it is.
    private void Restart(bool fromSnapshot)
    {
        runtime.Flush();
        Run();
        var snapshot = AccountSnapshot.Of(runtime.State, rows.Count);
        runtime = new AccountMachine(
            A, new AccountMachineOptions { IdempotencyWindowMax = 100, CommitRecordDelay = TimeSpan.FromSeconds(1) },
            this);
        if (fromSnapshot)
        {
            runtime.Restore(snapshot);
        }
        else
        {
            rows.ForEach(runtime.Replay);
        }

        var again = AccountSnapshot.Of(runtime.State, rows.Count);
        again.RememberedEarly.Select(static one => one.Id)
            .ShouldBe(snapshot.RememberedEarly.Select(static one => one.Id));
        again.Remembered.Select(static one => one.Id).ShouldBe(snapshot.Remembered.Select(static one => one.Id));
        (again.Watermark, again.NewestIndexed, again.ForgottenUpTo)
            .ShouldBe((snapshot.Watermark, snapshot.NewestIndexed, snapshot.ForgottenUpTo));
        runtime.RecoveryCompleted(new LedgerTime(now));
        Run();
    }

    private void Run()
    {
        while (happenings.TryDequeue(out var happening))
        {
            happening();
        }
    }

    private TransferStatus Post(Transfer transfer)
    {
        answers.Clear();
        runtime.Handle(new PostTransferRequest(transfer, default, LedgerTime.MaxValue), new LedgerTime(now));
        Run();
        return answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransferResponse>().Result.Status;
    }

    // As the last agent of a transfer: whether it is committed.
    private bool Close(Transfer transfer, LedgerTime deadline, ulong remaining = 0)
    {
        closed = null;
        runtime.Handle(
            new CommitRequest(new TransactionBranch
            {
                Id = transfer.Id,
                Coordinator = B, CoordinatorAsset = Usd, LegCount = 1,
                Asked = TransferContent.DigestOf(transfer),
                Legs = [
                    new ResolvedLeg(0, transfer, null)
                    {
                        Amount = transfer.Amount, Deadline = deadline, HoldRemaining = Amount.Of(remaining)
                    }],
            }),
            new LedgerTime(now));
        Run();
        return closed.ShouldNotBeNull();
    }

    private (TransferStatus Status, int Leg) PostAll(TransferId id, params Transfer[] transfers)
    {
        answers.Clear();
        runtime.Handle(
            new PostTransactionRequest(Transaction.Of(id, transfers), default, LedgerTime.MaxValue),
            new LedgerTime(now));
        Run();
        var result = answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransactionResponse>().Result;
        return (result.Status, result.FailedLeg);
    }

    private TransferRecord? Get(TransferId id)
    {
        answers.Clear();
        runtime.Handle(new GetTransferRequest(id, default, LedgerTime.MaxValue), new LedgerTime(now));
        Run();
        return answers.ShouldHaveSingleItem().ShouldBeOfType<GetTransferResponse>().Record;
    }

    private int Reads(Action action)
    {
        var before = rowsRead;
        action();
        return rowsRead - before;
    }

    private void Fill(int count, long step = 1000)
    {
        for (var i = 0; i < count; i++)
        {
            now += step;
            Post(Transfer(now)).ShouldBe(TransferStatus.Created);
        }
    }

    private Transfer Transfer(long time) => new(Id(time), A, B, Amount.Of(1), 1) { Asset = Usd };

    // Of version 7 with a time, of version 4 without one.
    private TransferId Id(long time) => new(time < 0
        ? ((UInt128)4 << 76) | ((UInt128)2 << 62) | (ulong)++ids
        : ((UInt128)(ulong)(time / 1000) << 80) | ((UInt128)7 << 76) | ((UInt128)2 << 62) | (ulong)++ids);
}
