using System.Diagnostics;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>
/// What an application sees of a ledger, on every storage: the same tests over a real SQLite file, a real PostgreSQL,
/// and a cluster of one on PostgreSQL.
/// </summary>
public abstract partial class LedgerSuite : IDisposable
{
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private readonly TestStorage storage;
    private readonly Random random = new(20261125);
    private int lastId;

    protected LedgerSuite(TestStorage storage) => this.storage = storage;

    public void Dispose()
    {
        storage.Dispose();
        GC.SuppressFinalize(this);
    }

    // ---------------------------------------------------------------- the main job

    [Fact]
    public async Task A_transfer_is_seen_on_both_accounts_and_in_their_statements()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var transfer = Transfer(a, b, 250) with
        {
            Reference = "invoice 7",
            Metadata = Metadata.Of([new("k", "v"), new("a", "b")]),
        };

        var result = await host.Ledger.PostTransferAsync(transfer);

        result.Status.ShouldBe(TransferStatus.Created);
        result.Replayed.ShouldBeFalse();
        var debit = (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        var credit = (await host.Ledger.GetAccountAsync(b)).ShouldNotBeNull();
        debit.Balances.ShouldBe(new Balances(default, Amount.Of(250), default, default, default, default));
        credit.Balances.ShouldBe(new Balances(default, default, default, Amount.Of(250), default, default));
        debit.Balances.Balance.ToString().ShouldBe("250");
        credit.Balances.Balance.ToString().ShouldBe("-250");
        foreach (var account in new[] { a, b })
        {
            var entry = (await host.Ledger.ListStatementAsync(new StatementQuery(account))).ShouldNotBeNull()
                .Entries.ShouldHaveSingleItem();
            entry.Transfer.ShouldBe(transfer);
            entry.CreateTime.ShouldBe(result.CreateTime);
            entry.Direction.ShouldBe(account == a ? EntryDirection.Debit : EntryDirection.Credit);
            entry.Sequence.ShouldBe(1ul);
            var record = (await host.Ledger.GetTransferAsync(account, transfer.Id)).ShouldNotBeNull();
            record.ShouldBe(new TransferRecord(transfer, TransferStatus.Created, result.CreateTime, null)
            {
                Amount = Amount.Of(250), TransactionId = transfer.Id,
            });
        }
    }

    [Fact]
    public async Task A_retry_is_answered_with_the_original_result_also_after_a_restart()
    {
        Transfer transfer;
        TransferResult first;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            transfer = Transfer(a, b, 5);
            first = await host.Ledger.PostTransferAsync(transfer);
            (await host.Ledger.PostTransferAsync(transfer)).ShouldBe(Replayed(first));
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(transfer)).ShouldBe(Replayed(first));
            (await host.Ledger.GetAccountAsync(transfer.DebitAccount))!.EntryCount.ShouldBe(1ul);
            (await host.Ledger.GetAccountAsync(transfer.CreditAccount))!.EntryCount.ShouldBe(1ul);
        }

        static TransferResult Replayed(TransferResult result) =>
            result with { Status = TransferStatus.Exists, Replayed = true, Position = default };
    }

    [Fact]
    public async Task An_id_with_other_content_names_the_difference_and_changes_nothing()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var c = await OpenAsync(host.Ledger, "c");
        var known = Transfer(a, b, 5) with { Reference = "r", Metadata = Metadata.Of([new("k", "v")]), Asset = Usd };
        (await host.Ledger.PostTransferAsync(known)).Status.ShouldBe(TransferStatus.Created);
        (Transfer Asked, TransferStatus Expected)[] rows =
        [
            (known with { DebitAccount = b, CreditAccount = a }, TransferStatus.ExistsWithDifferentDebitAccountId),
            (known with { CreditAccount = c }, TransferStatus.ExistsWithDifferentCreditAccountId),
            (known with { DebitAccount = c }, TransferStatus.ExistsWithDifferentDebitAccountId),
            (known with { Amount = Amount.Of(6) }, TransferStatus.ExistsWithDifferentAmount),
            (known with { Reference = "s" }, TransferStatus.ExistsWithDifferentReference),
            (known with { Metadata = Metadata.Empty }, TransferStatus.ExistsWithDifferentMetadata),
            (known with { Asset = Asset.Parse("EUR/2") }, TransferStatus.ExistsWithDifferentLedger),
            (known with { Code = 2 }, TransferStatus.ExistsWithDifferentCode),
            (known, TransferStatus.Exists),
        ];

        foreach (var (asked, expected) in rows)
        {
            (await host.Ledger.PostTransferAsync(asked)).Status.ShouldBe(expected);
        }

        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(5));
        (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(5));
        (await host.Ledger.GetAccountAsync(c))!.Balances.ShouldBe(default);
    }

    [Fact]
    public async Task A_rejection_is_journaled_with_the_balance_seen_and_answered_the_same_for_ever()
    {
        var limited = Address("limited");
        Transfer transfer;
        TransferResult first;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            await host.Ledger.OpenAccountsAsync(
                [new AccountSpec(limited, Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(10) }]);
            (await host.Ledger.PostTransferAsync(Transfer(a, limited, 90))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetAccountAsync(limited))!.AvailableDebits.ShouldBe(Amount.Of(100));
            transfer = Transfer(limited, b, 101);
            first = await host.Ledger.PostTransferAsync(transfer);
            first.Status.ShouldBe(TransferStatus.ExceedsCredits);
            first.BalanceSeen.ShouldNotBeNull().CreditsPosted.ShouldBe(Amount.Of(90));

            // Money comes; the same id stays refused, another id goes through.
            (await host.Ledger.PostTransferAsync(Transfer(a, limited, 1000))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransferAsync(transfer))
                .ShouldBe(first with { Replayed = true, Position = default });
            (await host.Ledger.PostTransferAsync(transfer with { Id = NewId() })).Status
                .ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(transfer))
                .ShouldBe(first with { Replayed = true, Position = default });
            (await host.Ledger.PostTransferAsync(transfer with { Amount = Amount.Of(1) })).Status
                .ShouldBe(TransferStatus.IdAlreadyFailed);
            (await host.Ledger.GetTransferAsync(limited, transfer.Id)).ShouldBe(
                new TransferRecord(transfer, TransferStatus.ExceedsCredits, first.CreateTime, first.BalanceSeen)
                {
                    TransactionId = transfer.Id,
                });
        }
    }

    [Fact]
    public async Task Reasons_are_reported_by_their_precedence()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var euro = Address("euro");
        var poor = Address("poor");
        var full = Address("full");
        await host.Ledger.OpenAccountsAsync(
        [
            new AccountSpec(euro, Asset.Parse("EUR/2"), 1),
            new AccountSpec(poor, Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero },
            new AccountSpec(full, Usd, 1) { CreditsMustNotExceedDebits = Amount.Zero },
        ]);
        var nobody = Address("nobody");
        (Transfer Asked, TransferStatus Expected)[] rows =
        [
            (Transfer(a, b, 1) with { Id = default }, TransferStatus.IdMustNotBeZero),
            (Transfer(a, b, 1) with { Id = new TransferId(UInt128.MaxValue) }, TransferStatus.IdMustNotBeIntMax),
            (Transfer(default, b, 1), TransferStatus.DebitAccountIdMustNotBeZero),
            (Transfer(a, default, 1), TransferStatus.CreditAccountIdMustNotBeZero),
            (Transfer(a, a, 1), TransferStatus.AccountsMustBeDifferent),
            (Transfer(a, b, 1) with { Code = 0 }, TransferStatus.CodeMustNotBeZero),
            (Transfer(nobody, Address("noone"), 1), TransferStatus.DebitAccountNotFound),
            (Transfer(a, nobody, 1), TransferStatus.CreditAccountNotFound),
            (Transfer(poor, nobody, 1), TransferStatus.CreditAccountNotFound),
            (Transfer(poor, euro, 1), TransferStatus.AccountsMustHaveTheSameLedger),
            (Transfer(a, euro, 1), TransferStatus.AccountsMustHaveTheSameLedger),
            (Transfer(a, b, 1) with { Asset = Asset.Parse("EUR/2") },
                TransferStatus.TransferMustHaveTheSameLedgerAsAccounts),
            (Transfer(poor, full, 1), TransferStatus.ExceedsCredits),
            (Transfer(poor, b, 1), TransferStatus.ExceedsCredits),
            (Transfer(a, full, 1), TransferStatus.ExceedsDebits),
            (Transfer(a, b, 0), TransferStatus.Created),
        ];

        foreach (var (asked, expected) in rows)
        {
            (await host.Ledger.PostTransferAsync(asked)).Status.ShouldBe(expected, $"{asked}");
        }

        (await host.Ledger.GetAccountAsync(nobody)).ShouldBeNull();
        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsPosted.ShouldBe(Amount.Zero);
        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsInDoubt.ShouldBe(Amount.Zero);
    }

    [Fact]
    public async Task Amounts_up_to_the_largest_are_exact_and_their_sums_are_refused_beyond_it()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var c = await OpenAsync(host.Ledger, "c");
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 0) with { Amount = Amount.MaxValue })).Status
            .ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(Transfer(a, c, 1))).Status.ShouldBe(TransferStatus.OverflowsDebitsPosted);
        (await host.Ledger.PostTransferAsync(Transfer(c, b, 1))).Status.ShouldBe(TransferStatus.OverflowsCreditsPosted);
        (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.MaxValue);
        (await host.Ledger.GetAccountAsync(c))!.Balances.ShouldBe(default);
    }

    [Fact]
    public async Task Opening_is_idempotent_and_names_the_difference()
    {
        await using var host = await StartAsync();
        var spec = new AccountSpec(Address("a"), Usd, 7)
        {
            Reference = "r",
            Metadata = Metadata.Of([new("k", "v")]),
            DebitsMustNotExceedCredits = Amount.Of(5),
        };
        var first = (await host.Ledger.OpenAccountsAsync([spec]))[0];
        first.Status.ShouldBe(AccountStatus.Created);
        (AccountSpec Asked, AccountStatus Expected)[] rows =
        [
            (spec, AccountStatus.Exists),
            (spec with { DebitsMustNotExceedCredits = null }, AccountStatus.ExistsWithDifferentFlags),
            (spec with { DebitsMustNotExceedCredits = Amount.Of(6) }, AccountStatus.ExistsWithDifferentAllowance),
            (spec with { Reference = "s" }, AccountStatus.ExistsWithDifferentReference),
            (spec with { Metadata = Metadata.Empty }, AccountStatus.ExistsWithDifferentMetadata),
            (spec with { Asset = Asset.Parse("USD/3") }, AccountStatus.ExistsWithDifferentLedger),
            (spec with { Code = 8 }, AccountStatus.ExistsWithDifferentCode),
            (spec with { Code = 0 }, AccountStatus.CodeMustNotBeZero),
            (spec with { Asset = default }, AccountStatus.LedgerMustNotBeZero),
            (spec with { Address = default }, AccountStatus.IdMustNotBeZero),
            (spec with { CreditsMustNotExceedDebits = Amount.Zero }, AccountStatus.FlagsAreMutuallyExclusive),
        ];
        var results = await host.Ledger.OpenAccountsAsync([.. rows.Select(static row => row.Asked)]);
        results.Select(static result => result.Status).ShouldBe(rows.Select(static row => row.Expected));
        results[0].CreateTime.ShouldBe(first.CreateTime);
        (await host.Ledger.GetAccountAsync(spec.Address))!.Spec.ShouldBe(spec);
    }

    [Fact]
    public async Task Requests_that_break_a_rule_of_form_are_refused_whole()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var good = Transfer(a, b, 1);
        await RefusedAsync(LedgerErrorReason.EmptyBatch, () => host.Ledger.PostTransfersAsync([]));
        await RefusedAsync(
            LedgerErrorReason.BatchTooLarge,
            () => host.Ledger.PostTransfersAsync([.. Enumerable.Repeat(good, LedgerLimits.BatchMax + 1)]));
        await RefusedAsync(LedgerErrorReason.EmptyBatch, () => host.Ledger.OpenAccountsAsync([]));
        await RefusedAsync(
            LedgerErrorReason.ReferenceTooLong,
            () => host.Ledger.PostTransferAsync(good with { Reference = new string('x', 129) }));
        await RefusedAsync(
            LedgerErrorReason.MetadataTooLarge,
            () => host.Ledger.PostTransfersAsync(
                [good, good with { Metadata = Metadata.Of([new("k", new string('x', 257))]) }]));
        await RefusedAsync(
            LedgerErrorReason.DeadlineExpired, () => host.Ledger.PostTransferAsync(good, TimeSpan.FromSeconds(-1)));
        (await host.Ledger.GetTransferAsync(a, good.Id)).ShouldBeNull();

        static async Task RefusedAsync(LedgerErrorReason reason, Func<Task> call)
        {
            var error = await Should.ThrowAsync<LedgerException>(call);
            error.Reason.ShouldBe(reason);
            error.OutcomeUnknown.ShouldBeFalse();
        }
    }

    // ---------------------------------------------------------------- load, group commit, limits

    [Fact]
    public async Task Concurrent_transfers_keep_the_books_the_limits_and_few_rows()
    {
        await using var host = await StartAsync();
        var accounts = Enumerable.Range(0, 12).Select(i => Address($"n{i}")).ToArray();
        await host.Ledger.OpenAccountsAsync([.. accounts.Select((address, i) => new AccountSpec(address, Usd, 1)
        {
            DebitsMustNotExceedCredits = i % 3 == 1 ? Amount.Of(500) : null,
            CreditsMustNotExceedDebits = i % 3 == 2 ? Amount.Of(500) : null,
        })]);
        var before = storage.Count("SELECT COUNT(*) FROM journal");
        var transfers = Enumerable.Range(0, 3000).Select(_ =>
        {
            var debit = random.Next(accounts.Length);
            var credit = (debit + 1 + random.Next(accounts.Length - 1)) % accounts.Length;
            return Transfer(accounts[debit], accounts[credit], (ulong)random.Next(1, 400));
        }).ToArray();

        var results = await host.Ledger.PostTransfersAsync(transfers);

        var expected = accounts.ToDictionary(
            static a => a, static _ => (Debits: UInt128.Zero, Credits: UInt128.Zero, Entries: 0ul));
        for (var i = 0; i < transfers.Length; i++)
        {
            results[i].Id.ShouldBe(transfers[i].Id);
            results[i].Status.ShouldBeOneOf(
                TransferStatus.Created, TransferStatus.ExceedsCredits, TransferStatus.ExceedsDebits);
            if (results[i].IsCommitted)
            {
                var (debit, credit) = (expected[transfers[i].DebitAccount], expected[transfers[i].CreditAccount]);
                expected[transfers[i].DebitAccount] =
                    (debit.Debits + transfers[i].Amount.Value, debit.Credits, debit.Entries + 1);
                expected[transfers[i].CreditAccount] =
                    (credit.Debits, credit.Credits + transfers[i].Amount.Value, credit.Entries + 1);
            }
        }

        results.Count(static result => result.IsCommitted).ShouldBeInRange(1, transfers.Length - 1);
        foreach (var account in accounts)
        {
            var view = (await host.Ledger.GetAccountAsync(account)).ShouldNotBeNull();
            view.Balances.DebitsPosted.Value.ShouldBe(expected[account].Debits);
            view.Balances.CreditsPosted.Value.ShouldBe(expected[account].Credits);
            view.EntryCount.ShouldBe(expected[account].Entries);
            if (view.Spec.DebitsMustNotExceedCredits is { } allowance)
            {
                (view.Balances.DebitsPosted <= view.Balances.CreditsPosted + allowance).ShouldBeTrue();
            }
        }

        // Group commit: far fewer rows than the three that a lone transfer costs.
        (storage.Count("SELECT COUNT(*) FROM journal") - before).ShouldBeLessThan(transfers.Length);
    }

    [Fact]
    public async Task A_lone_transfer_costs_two_rows_before_its_answer_and_one_after()
    {
        await using var host = await StartAsync(options => options.CommitRecordDelay = TimeSpan.FromSeconds(2));
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var before = storage.Count("SELECT COUNT(*) FROM journal");
        await host.Ledger.PostTransferAsync(Transfer(a, b, 1));
        (storage.Count("SELECT COUNT(*) FROM journal") - before).ShouldBe(2);
        await EventuallyAsync(() => Task.FromResult(storage.Count("SELECT COUNT(*) FROM journal") - before == 3));
    }

    [Fact]
    public async Task An_overfull_account_refuses_at_once_and_nothing_of_it_is_applied()
    {
        await using var host = await StartAsync(options => options.AccountCallsMax = 4);
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var transfers = Enumerable.Range(0, 60).Select(_ => Transfer(a, b, 1)).ToArray();
        var calls = transfers.Select(transfer => (transfer, Task: host.Ledger.PostTransferAsync(transfer))).ToArray();
        var refused = new List<Transfer>();
        foreach (var (transfer, task) in calls)
        {
            try
            {
                (await task).Status.ShouldBe(TransferStatus.Created);
            }
            catch (LedgerException e)
            {
                e.Reason.ShouldBe(LedgerErrorReason.Overloaded);
                e.OutcomeUnknown.ShouldBeFalse();
                refused.Add(transfer);
            }
        }

        refused.Count.ShouldBeInRange(1, 56);
        (await host.Ledger.GetAccountAsync(a))!.EntryCount.ShouldBe((ulong)(60 - refused.Count));
        (await host.Ledger.GetTransferAsync(a, refused[0].Id)).ShouldBeNull();

        // A batch is retried inside the call until all of it is done.
        (await host.Ledger.PostTransfersAsync(refused)).ShouldAllBe(static result => result.IsCommitted);
        (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(60));
    }

    [Fact]
    public async Task An_overfull_node_refuses_at_once()
    {
        await using var host = await StartAsync(options => options.NodeCallsMax = 10);
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var error = await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransfersAsync(
            [.. Enumerable.Range(0, 11).Select(_ => Transfer(a, b, 1))]));
        error.Reason.ShouldBe(LedgerErrorReason.Overloaded);
        (await host.Ledger.GetAccountAsync(a))!.EntryCount.ShouldBe(0ul);
    }

    // ---------------------------------------------------------------- sleep, recovery, snapshots

    [Fact]
    public async Task Accounts_go_to_sleep_and_wake_without_a_failed_call()
    {
        await using var host = await StartAsync(options =>
        {
            options.PassivateAfter = TimeSpan.FromMilliseconds(100);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(20);
            options.SnapshotEvery = 2;
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        for (ulong i = 1; i <= 12; i++)
        {
            // One that reaches an account which is about to sleep is sent again, and may then find itself done.
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).IsCommitted.ShouldBeTrue();
            await Task.Delay(random.Next(90, 160));
            (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(i));
        }

        if (!storage.Clustered)
        {
            // Both are asleep in the end: their parent has no child.
            await EventuallyAsync(() => IsAsleepAsync(host));
        }

        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(12));
    }

    [Fact]
    public async Task A_ledger_that_restarts_is_the_same_with_snapshots_and_without()
    {
        Balances[] before;
        var accounts = Enumerable.Range(0, 5).Select(i => Address($"n{i}")).ToArray();
        var transfers = new List<Transfer>();
        await using (var host = await StartAsync(static options => options.SnapshotEvery = 3))
        {
            await host.Ledger.OpenAccountsAsync([.. accounts.Select(static a => new AccountSpec(a, Usd, 1))]);
            for (var round = 0; round < 20; round++)
            {
                var batch = Enumerable.Range(0, 20).Select(_ =>
                {
                    var debit = random.Next(5);
                    return Transfer(
                        accounts[debit], accounts[(debit + 1 + random.Next(4)) % 5], (ulong)random.Next(100));
                }).ToArray();
                transfers.AddRange(batch);
                (await host.Ledger.PostTransfersAsync(batch)).ShouldAllBe(static result => result.IsCommitted);
            }

            before = await BalancesAsync(host.Ledger);
        }

        foreach (var loseSnapshots in new[] { false, true })
        {
            if (loseSnapshots && storage is PostgresTestStorage)
            {
                storage.Execute("DELETE FROM snapshot");
            }

            await using var host = await StartAsync();
            (await BalancesAsync(host.Ledger)).ShouldBe(before);
            (await host.Ledger.PostTransfersAsync(transfers))
                .ShouldAllBe(static r => r.Status == TransferStatus.Exists);
            (await BalancesAsync(host.Ledger)).ShouldBe(before);
        }

        async Task<Balances[]> BalancesAsync(ILedger ledger)
        {
            var views = await Task.WhenAll(accounts.Select(a => ledger.GetAccountAsync(a)));
            return [.. views.Select(static view => view!.Balances)];
        }
    }

    [Fact]
    public async Task An_id_that_has_left_memory_is_found_in_the_journal()
    {
        await using var host = await StartAsync(static options =>
        {
            options.IdempotencyWindowMax = 2;
            options.SnapshotEvery = 3;
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var transfers = Enumerable.Range(0, 30)
            .Select(i => Transfer(a, b, 1) with { Id = i % 2 == 0 ? NewId() : TransferId.FromGuid(Guid.NewGuid()) })
            .ToArray();
        foreach (var transfer in transfers)
        {
            (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
        }

        foreach (var transfer in transfers)
        {
            (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(transfer with { Amount = Amount.Of(2) })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentAmount);
            (await host.Ledger.GetTransferAsync(b, transfer.Id))!.Transfer.ShouldBe(transfer);
        }

        (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(30));
    }

    [Fact]
    public async Task What_a_crash_left_in_doubt_is_resolved_when_the_account_wakes()
    {
        var a = Address("a");
        var b = Address("b");
        var (asked, refused) = (Transfer(a, b, 7), Transfer(a, Address("nobody"), 9));
        await using (var host = await StartAsync())
        {
            await OpenTwoAsync(host.Ledger);
        }

        // The coordinator died after its preparations were durable and before its last agents heard of them.
        var opened = await ReadRowAsync(a, 1);
        storage.Append(a, 2, JournalCodec.Encode(
            new EventBatch(2, 0, default)
            {
                Events =
                    { new TransactionPrepared(Alone(asked), Later(1)),
                        new TransactionPrepared(Alone(refused), Later(2)) },
            },
            JournalCodec.HashOf(opened.Span), a));

        await using (var host = await StartAsync())
        {
            // The read waits for what was in doubt when it came (R10).
            var view = (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
            view.Balances.DebitsPosted.ShouldBe(Amount.Of(7));
            view.Balances.DebitsInDoubt.ShouldBe(Amount.Zero);
            (await host.Ledger.GetAccountAsync(b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(7));
            (await host.Ledger.PostTransferAsync(asked)).Status.ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(refused)).Status.ShouldBe(TransferStatus.CreditAccountNotFound);
        }
    }

    // ---------------------------------------------------------------- statements

    [Fact]
    public async Task A_statement_is_paged_both_ways_by_number_and_by_time_with_running_balances()
    {
        await using var host = await StartAsync(
            static options => options.CommitRecordDelay = TimeSpan.FromMilliseconds(5));
        var (a, b) = await OpenTwoAsync(host.Ledger);
        for (var round = 0; round < 25; round++)
        {
            await host.Ledger.PostTransfersAsync([.. Enumerable.Range(0, 10).Select(i =>
                i % 3 == 0 ? Transfer(b, a, (ulong)random.Next(50)) : Transfer(a, b, (ulong)random.Next(50)))]);
        }

        var all = await PagesAsync(new StatementQuery(a) { PageSize = 1000 });
        all.Count.ShouldBe(250);
        var (debits, credits) = (UInt128.Zero, UInt128.Zero);
        for (var i = 0; i < all.Count; i++)
        {
            all[i].Sequence.ShouldBe((ulong)i + 1);
            debits += all[i].Direction == EntryDirection.Debit ? all[i].Transfer.Amount.Value : 0;
            credits += all[i].Direction == EntryDirection.Debit ? 0 : all[i].Transfer.Amount.Value;
            all[i].DebitsPosted.Value.ShouldBe(debits);
            all[i].CreditsPosted.Value.ShouldBe(credits);
            (i == 0 || all[i].BookTime >= all[i - 1].BookTime).ShouldBeTrue();
        }

        foreach (var limit in new[] { 1, 7, 100, 1000 })
        {
            (await PagesAsync(new StatementQuery(a) { PageSize = limit })).ShouldBe(all);
            (await PagesAsync(new StatementQuery(a) { PageSize = limit, NewestFirst = true }))
                .ShouldBe(all.AsEnumerable().Reverse());
        }

        for (var i = 0; i < 20; i++)
        {
            var (low, high) = (random.Next(1, 260), random.Next(1, 260));
            (await PagesAsync(
                new StatementQuery(a) { PageSize = 13, MinSequence = (ulong)low, MaxSequence = (ulong)high }))
                .ShouldBe(all.Where(e => e.Sequence >= (ulong)low && e.Sequence <= (ulong)high));
            var (from, to) = (all[random.Next(250)].BookTime, all[random.Next(250)].BookTime);
            var query = new StatementQuery(a) { PageSize = 13, StartTime = from, EndTime = to };
            var expected = all.Where(e => e.BookTime >= from && e.BookTime < to).ToArray();
            (await PagesAsync(query)).ShouldBe(expected);
            (await PagesAsync(query with { NewestFirst = true })).ShouldBe(expected.Reverse());
        }

        async Task<List<StatementEntry>> PagesAsync(StatementQuery query)
        {
            var entries = new List<StatementEntry>();
            while (true)
            {
                var page = (await host.Ledger.ListStatementAsync(query)).ShouldNotBeNull();
                page.Entries.Count.ShouldBeLessThanOrEqualTo(query.PageSize);
                entries.AddRange(page.Entries);
                if (page.NextSequence is not { } next)
                {
                    return entries;
                }

                query = query.NewestFirst ? query with { MaxSequence = next } : query with { MinSequence = next };
            }
        }
    }

    [Fact]
    public async Task A_statement_of_a_million_entries_costs_a_few_rows_a_page()
    {
        var a = Address("million");
        await using (await StartAsync())
        {
            // Makes the tables.
        }

        WriteMillion(a);
        await using var host = await StartAsync(static options => options.CallTimeout = TimeSpan.FromMinutes(2));
        var view = (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        view.EntryCount.ShouldBe(1_000_000ul);
        view.Balances.CreditsPosted.Value.ShouldBe((UInt128)1_000_000);

        foreach (var first in new ulong[] { 1, 2, 999, 1000, 1001, 499_999, 999_901 })
        {
            var page = (await host.Ledger.ListStatementAsync(new StatementQuery(a) { MinSequence = first }))
                .ShouldNotBeNull();
            page.Entries.Count.ShouldBe(100);
            for (var i = 0; i < 100; i++)
            {
                page.Entries[i].Sequence.ShouldBe(first + (ulong)i);
                page.Entries[i].CreditsPosted.Value.ShouldBe(first + (ulong)i);
            }
        }

        var newest = (await host.Ledger.ListStatementAsync(
            new StatementQuery(a) { NewestFirst = true, PageSize = 3 }))!;
        newest.Entries.Select(static e => e.Sequence).ShouldBe([1_000_000ul, 999_999ul, 999_998ul]);
        var middle = newest.Entries[0].BookTime.UnixMicroseconds / 2;
        var byTime = (await host.Ledger.ListStatementAsync(
            new StatementQuery(a) { StartTime = new LedgerTime(middle), PageSize = 1 }))!;
        byTime.Entries[0].BookTime.UnixMicroseconds.ShouldBeInRange(middle, middle + 10);
    }

    [Fact]
    public async Task Accounts_are_listed_and_streams_of_mere_rejections_are_not()
    {
        await using var host = await StartAsync();
        var accounts = Enumerable.Range(0, 25).Select(i => Address($"list:{i}")).ToArray();
        await host.Ledger.OpenAccountsAsync([.. accounts.Select(static a => new AccountSpec(a, Usd, 1))]);
        await host.Ledger.PostTransferAsync(Transfer(accounts[0], Address("list:nobody"), 1));
        var listed = new List<AccountAddress>();
        string? after = null;
        do
        {
            var page = await host.Ledger.ListAccountsAsync(after, 7);
            listed.AddRange(page.Accounts.Select(static view => view.Spec.Address));
            after = page.Next;
        }
        while (after is not null);
        listed.Order().ShouldBe(accounts.Order());
    }

    // ---------------------------------------------------------------- failure

    [Fact]
    public async Task A_stale_incarnation_is_fenced_its_caller_learns_unknown_and_the_retry_has_one_effect()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var foreign = Transfer(b, a, 3);

        // Another incarnation of the account has written a row that this one does not know (I9).
        var opened = await ReadRowAsync(a, 1);
        storage.Append(a, 2, JournalCodec.Encode(
            new EventBatch(2, 0, default) { Events = { new LastAgentCommitted(Alone(foreign), Later(1)) } },
            JournalCodec.HashOf(opened.Span), a));

        var transfer = Transfer(a, b, 4);
        var error = await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransferAsync(transfer));
        error.Reason.ShouldBe(LedgerErrorReason.JournalUnavailable);
        error.OutcomeUnknown.ShouldBeTrue();

        (await host.Ledger.PostTransferAsync(transfer)).IsCommitted.ShouldBeTrue();
        var view = (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        view.Balances.DebitsPosted.ShouldBe(Amount.Of(4));
        view.Balances.CreditsPosted.ShouldBe(Amount.Of(3));
    }

    [Theory]
    [InlineData("hash")]
    [InlineData("balance")]
    [InlineData("event")]
    [InlineData("manifest")]
    public async Task An_altered_journal_stops_its_account_and_no_other(string alteration)
    {
        await using (var host = await StartAsync())
        {
            await OpenTwoAsync(host.Ledger);
            await OpenAsync(host.Ledger, "c");
        }

        var a = Address("a");
        var b = Address("b");
        var row = await ReadRowAsync(a, 1);
        var hash = JournalCodec.HashOf(row.Span);
        var happened = new LastAgentCommitted(Alone(Transfer(b, a, 3)), Later(1));
        switch (alteration)
        {
            case "hash":
                storage.Append(a, 2, JournalCodec.Encode(
                    new EventBatch(2, 0, default) { Events = { happened } }, JournalCodec.GenesisHash("other"), a));
                break;
            case "balance":
                storage.Append(a, 2, JournalCodec.Encode(
                    new EventBatch(2, 0, new Balances(default, Amount.Of(1), default, default, default, default))
                    {
                        Events = { happened },
                    },
                    hash, a));
                break;
            case "event":
                var unknown = new global::Ledger.Journal.V1.StoredBatch
                {
                    PreviousHash = Google.Protobuf.ByteString.CopyFrom(hash),
                    Events = { new global::Ledger.Journal.V1.StoredEvent() },
                };
                storage.Append(a, 2, Google.Protobuf.MessageExtensions.ToByteArray(unknown));
                break;
            default:
                storage.Append(
                    a, 2, JournalCodec.Encode(new EventBatch(2, 0, default) { Events = { happened } }, hash, a), "b9");
                break;
        }

        await using (var host = await StartAsync())
        {
            var error = await Should.ThrowAsync<LedgerException>(
                () => host.Ledger.GetAccountAsync(a, TimeSpan.FromSeconds(2)));
            error.OutcomeUnknown.ShouldBeTrue();
            (await host.Ledger.PostTransferAsync(Transfer(b, Address("c"), 1))).Status.ShouldBe(TransferStatus.Created);
        }
    }

    [Fact]
    public async Task A_snapshot_of_rows_that_the_journal_lacks_stops_its_account_and_no_other()
    {
        if (storage is not PostgresTestStorage)
        {
            // On SQLite the snapshots lie in a file of their own; the code is the same.
            return;
        }

        await using (var host = await StartAsync(static options => options.SnapshotEvery = 1))
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            for (var i = 0; i < 6; i++)
            {
                await host.Ledger.PostTransferAsync(Transfer(a, b, 1));
            }

            await EventuallyAsync(() => Task.FromResult(storage.Count(
                $"SELECT COUNT(*) FROM snapshot WHERE persistence_id = '{AccountActor.PersistenceIdOf(a)}'") > 0));
        }

        storage.Execute(
            $"DELETE FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(Address("a"))}' AND "
                + "sequence_number > 1");
        await using (var host = await StartAsync())
        {
            await Should.ThrowAsync<LedgerException>(
                () => host.Ledger.GetAccountAsync(Address("a"), TimeSpan.FromSeconds(2)));
            (await host.Ledger.GetAccountAsync(Address("b"))).ShouldNotBeNull();
        }

        // A snapshot that can't be read is left out instead: of a version to come, damaged, or something else.
        foreach (var damage in new[]
        {
            "manifest = 's9'", "manifest = 's2', snapshot = set_byte(snapshot, 40, get_byte(snapshot, 40) # 16)",
            "snapshot = '\\x00ff00'",
        })
        {
            storage.Execute("UPDATE snapshot SET " + damage);
            await using var host = await StartAsync();
            (await host.Ledger.GetAccountAsync(Address("b")))!.Balances.CreditsPosted.ShouldBe(Amount.Of(6));
        }
    }

    [Fact]
    public async Task Text_that_is_no_text_is_refused_before_it_is_stored_as_another()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        foreach (var transfer in new[]
        {
            Transfer(a, b, 1) with { Reference = "x\uD800" },
            Transfer(a, b, 1) with { Metadata = Metadata.Of([new("\uD800", "1"), new("\uD801", "2")]) },
            Transfer(a, b, 1) with { Metadata = Metadata.Of([new("k", "\uDC00\uD800")]) },
        })
        {
            (await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransferAsync(transfer)))
                .OutcomeUnknown.ShouldBeFalse();
        }

        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1) with { Reference = "\uD83D\uDE00" })).Status
            .ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(a))!.EntryCount.ShouldBe(1ul);
    }

    // ---------------------------------------------------------------- helpers

    protected Task<LedgerHost> StartAsync(Action<LedgerOptions>? configure = null) =>
        LedgerHost.StartAsync(storage, configure);

    protected static AccountAddress Address(string text) => AccountAddress.Parse(text);

    protected TransferId NewId() =>
        TransferId.FromGuid(Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(1_790_000_000_000 + ++lastId)));

    protected Transfer Transfer(AccountAddress debit, AccountAddress credit, ulong amount) =>
        new(NewId(), debit, credit, Amount.Of(amount), 1);

    protected static async Task<AccountAddress> OpenAsync(ILedger ledger, string address)
    {
        (await ledger.OpenAccountsAsync([new AccountSpec(Address(address), Usd, 1)]))[0].Status
            .ShouldBe(AccountStatus.Created);
        return Address(address);
    }

    protected static async Task<(AccountAddress A, AccountAddress B)> OpenTwoAsync(ILedger ledger) =>
        (await OpenAsync(ledger, "a"), await OpenAsync(ledger, "b"));

    protected static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(30))
            {
                throw new TimeoutException("The condition did not come true within 30 s.");
            }

            await Task.Delay(20);
        }
    }

    private static TransactionBranch Alone(Transfer transfer) => new()
    {
        Id = transfer.Id,
        Coordinator = transfer.DebitAccount,
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    private static LedgerTime Later(long micros) =>
        new(LedgerTime.From(TimeProvider.System.GetUtcNow()).UnixMicroseconds + micros);

    private async Task<ReadOnlyMemory<byte>> ReadRowAsync(AccountAddress account, long sequenceNr)
    {
        await Task.Yield();
        using var connection = storage.Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            $"SELECT message FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(account)}' AND "
                + $"sequence_number = {sequenceNr}";
        return (byte[])command.ExecuteScalar()!;
    }

    // A thousand rows of a thousand credits each, as a hot account writes them.
    private void WriteMillion(AccountAddress account)
    {
        var from = Address("b");
        var hash = JournalCodec.GenesisHash(AccountActor.PersistenceIdOf(account));
        var first =
            new EventBatch(1, 0, default)
            {
                Events = { new AccountOpened(new AccountSpec(account, Usd, 1), new LedgerTime(0)) },
            };
        var bytes = JournalCodec.Encode(first, hash, account);
        storage.Append(account, 1, bytes);
        for (var row = 0; row < 1000; row++)
        {
            var batch = new EventBatch(
                row + 2, (ulong)row * 1000,
                new Balances(default, default, default, Amount.Of((ulong)row * 1000), default, default));
            for (var i = 0; i < 1000; i++)
            {
                var number = (row * 1000) + i + 1;
                batch.Events.Add(new LastAgentCommitted(
                    Alone(new Transfer(new TransferId((UInt128)number), from, account, Amount.Of(1), 1)),
                    new LedgerTime(number * 10L)));
            }

            bytes = JournalCodec.Encode(batch, JournalCodec.HashOf(bytes), account);
            storage.Append(account, batch.SequenceNr, bytes);
        }
    }
}

public sealed class SqliteLedgerTests() : LedgerSuite(new SqliteTestStorage());

public sealed class PostgreSqlLedgerTests()
    : LedgerSuite(new PostgresTestStorage(clustered: false)), IClassFixture<PostgresCollection.Lifetime>;

public sealed class ClusteredLedgerTests()
    : LedgerSuite(new PostgresTestStorage(clustered: true)), IClassFixture<PostgresCollection.Lifetime>;

/// <summary>The same with shared commits (R8').</summary>
public sealed class SqliteSharedCommitsLedgerTests() : LedgerSuite(new SqliteTestStorage { SharesCommits = true });
