using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <content>What a ledger tells of itself by its instruments, after work that is known.</content>
public abstract partial class LedgerSuite
{
    [Fact]
    public async Task Answered_transfers_are_counted_once_each_by_kind_and_status()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options => options.MeterFactory = meter);
        var ledger = host.Ledger;
        var (a, b) = await OpenTwoAsync(ledger);
        var limited = Address("limited");
        await ledger.OpenAccountsAsync(
            [new AccountSpec(limited, Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(10) }]);

        var first = Transfer(a, b, 5);
        await ledger.PostTransferAsync(first);
        await ledger.PostTransferAsync(first);
        await ledger.PostTransferAsync(Transfer(limited, b, 11));
        await ledger.PostTransfersAsync([Transfer(a, b, 1), Transfer(b, a, 1)]);
        await ledger.PostTransactionAsync(
            new Transaction(NewId(), [
                TransactionLeg.Of(Transfer(a, b, 1) with { Asset = Usd }),
                TransactionLeg.Of(Transfer(limited, b, 11) with { Asset = Usd }),
            ]));
        var hold = Transfer(a, b, 7) with { Flags = TransferFlags.Pending };
        var other = hold with { Id = NewId() };
        await ledger.PostTransferAsync(hold);
        await ledger.PostTransferAsync(other);
        await ledger.PostTransferAsync(
            Transfer(a, b, 7) with { HoldId = hold.Id, Flags = TransferFlags.PostPending });
        await ledger.SubmitBatchAsync(
            [new BatchItem(TransactionLeg.Of(
                Transfer(a, b, 0) with { HoldId = other.Id, Flags = TransferFlags.VoidPending }))]);
        await ledger.ReverseTransactionAsync(new Reversal(NewId(), a, first.Id, "by mistake"));

        var counted = meter.Measured.Where(static one => one.Name == "ledger.transfers")
            .GroupBy(static one => one.Labels)
            .ToDictionary(static one => one.Key, static one => one.Sum(static two => two.Value));
        counted.ShouldBe(
            new Dictionary<string, double>
            {
                ["kind=transfer,status=created"] = 3,
                ["kind=transfer,status=exists"] = 1,
                ["kind=transfer,status=exceeds_credits"] = 2,
                ["kind=transfer,status=linked_event_failed"] = 1,
                ["kind=hold,status=created"] = 2,
                ["kind=post,status=created"] = 1,
                ["kind=void,status=created"] = 1,
                ["kind=reversal,status=created"] = 1,
            },
            ignoreOrder: true);
    }

    [Fact]
    public async Task Each_row_of_the_journal_and_each_account_that_wakes_is_measured()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options =>
        {
            options.MeterFactory = meter;
            options.CommitRecordDelay = TimeSpan.Zero;
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 5))).Status.ShouldBe(TransferStatus.Created);

        // The record of the commit follows the answer; and what is measured follows the write.
        await Until.TrueAsync(() =>
            Stored() is 5 && meter.SumOf("ledger.journal.rows") is 5
            && meter.Of("ledger.account.wake.duration").Count == 2);
        var batches = meter.Of("ledger.journal.batch.size");
        batches.Sum().ShouldBe(5);
        var durations = meter.Of("ledger.journal.write.duration", "outcome=stored");
        durations.Count.ShouldBe(batches.Count);
        durations.ShouldAllBe(static one => one > 0 && one < 60);
        meter.Of("ledger.journal.write.duration", "outcome=failed").ShouldBeEmpty();
        meter.Of("ledger.account.wake.duration").ShouldAllBe(static one => one > 0 && one < 60);
        meter.Now("ledger.accounts.awake").ShouldBe(2);

        long Stored() => storage.Count("SELECT COUNT(*) FROM journal WHERE persistence_id LIKE 'ledger-account-%'");
    }

    [Fact]
    public async Task Accounts_that_sleep_are_not_counted_as_awake()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options =>
        {
            options.MeterFactory = meter;
            options.PassivateAfter = TimeSpan.FromMilliseconds(200);
            options.CommitRecordDelay = TimeSpan.Zero;
        });
        await OpenTwoAsync(host.Ledger);

        await Until.TrueAsync(() => meter.Now("ledger.accounts.awake") is 0);
        meter.Of("ledger.account.wake.duration").Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_the_node_is_in_is_told_when_it_is_asked_for()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options => options.MeterFactory = meter);
        await OpenTwoAsync(host.Ledger);

        var shards = meter.Now("ledger.shards.owned").ShouldNotBeNull();
        shards.ShouldBeInRange(storage.Clustered ? 1 : 0, storage.Clustered ? 2 : 0);
        var lease = meter.Now("ledger.lease.remaining");
        if (LedgerExtension.Of(host.System).Leases is null)
        {
            lease.ShouldBeNull();
        }
        else
        {
            // Less than that for which it is renewed; a busy machine may be late.
            lease.ShouldNotBeNull().ShouldBeInRange(0, 2);
        }

        foreach (var quiet in (string[])["ledger.halted", "ledger.in_doubt.accounts", "ledger.in_doubt.age",
            "ledger.holds.overdue", "ledger.accounts.unreadable", "ledger.decisions.failed",
            "ledger.snapshots.too_large",
            "ledger.id.lookups", "ledger.id.lookup.rows"])
        {
            meter.Now(quiet).ShouldBe(0, quiet);
        }
    }

    [Fact]
    public async Task An_account_in_doubt_is_told_with_its_age_and_one_that_cant_be_read_too()
    {
        var (hot, good, bad) = (Address("hot"), Address("good"), Address("bad"));
        var fix = await OpenBesideDamagedAsync();
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options => options.MeterFactory = meter);
        (await host.Ledger.PostTransferAsync(Transfer(good, hot, 100))).Status.ShouldBe(TransferStatus.Created);
        await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.PostTransferAsync(Transfer(hot, bad, 1), TimeSpan.FromMilliseconds(300)));

        await Until.TrueAsync(() => meter.Now("ledger.in_doubt.accounts") is 1);
        meter.Now("ledger.in_doubt.age").ShouldNotBeNull().ShouldBeInRange(1, 60);
        meter.Now("ledger.accounts.unreadable").ShouldBe(1);

        fix();
        await Until.TrueAsync(() => meter.Now("ledger.in_doubt.accounts") is 0);
        meter.Now("ledger.in_doubt.age").ShouldBe(0);
        await Until.TrueAsync(() => meter.Now("ledger.accounts.unreadable") is 0);
    }

    [Fact]
    public async Task A_write_that_the_journal_refuses_is_measured_as_failed()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options => options.MeterFactory = meter);
        var (a, b) = await OpenTwoAsync(host.Ledger);
        meter.Of("ledger.journal.write.duration", "outcome=failed").ShouldBeEmpty();

        // As if another incarnation had written there.
        storage.Append(a, 2, [1]);
        await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.PostTransferAsync(Transfer(a, b, 1), TimeSpan.FromSeconds(1)));

        meter.Of("ledger.journal.write.duration", "outcome=failed").ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_hold_that_cant_expire_is_told_as_overdue()
    {
        var (a, b) = (Address("a"), Address("b"));
        await using (var host = await StartAsync())
        {
            await OpenTwoAsync(host.Ledger);
            var hold = Transfer(a, b, 1) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromSeconds(10) };
            (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        }

        Damage(a, 1);
        using var meter = new MeterRecorder();
        await using var again = await StartAsync(options => options.MeterFactory = meter);
        await Until.TrueAsync(() => meter.Now("ledger.holds.overdue") is > 1 and < 60);
    }

    [Fact]
    public async Task A_loss_of_the_database_and_a_snapshot_that_is_too_long_are_told()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(options => options.MeterFactory = meter);
        var ledger = LedgerExtension.Of(host.System);
        ledger.Context.Snapshots.CountTooLarge();
        meter.Now("ledger.snapshots.too_large").ShouldBe(1);
        meter.Now("ledger.halted").ShouldBe(0);

        ledger.Context.Database!.ReportLoss("The test says so.");

        meter.Now("ledger.halted").ShouldBe(1);
    }

    [Fact]
    public async Task A_decision_that_throws_and_an_id_that_is_looked_up_are_counted()
    {
        using var meter = new MeterRecorder();
        var throws = false;
        await using var host = await StartAsync(options =>
        {
            options.MeterFactory = meter;
            options.IdempotencyWindowMax = 1;
            options.Deciding = () =>
            {
                if (throws)
                {
                    throw new InvalidOperationException("a defect");
                }
            };
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var old =
            Transfer(a, b, 5) with { Id = TransferId.FromGuid(Guid.Parse("11111111-1111-4111-8111-111111111111")) };
        await host.Ledger.PostTransferAsync(old);
        for (var i = 0; i < 3; i++)
        {
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        }

        (await host.Ledger.PostTransferAsync(old)).Status.ShouldBe(TransferStatus.Exists);
        meter.Now("ledger.id.lookups").ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(1);
        meter.Now("ledger.id.lookup.rows").ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(1);

        throws = true;
        await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransferAsync(Transfer(a, b, 1)));
        meter.Now("ledger.decisions.failed").ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(1);
    }
}
