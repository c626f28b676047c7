using Akka.Event;
using Ledger.Actors.Index;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>The index of transfers and accounts over each storage, with ledgers that have lived. What the accounts say
/// of each transfer is the model.</summary>
public abstract class IndexSuite(TestStorage storage) : IDisposable
{
    private static readonly Asset s_usd = Asset.Parse("USD/2");
    private static readonly LedgerTime s_always = new(1);

    private readonly Random random = new(20261130);

    public void Dispose()
    {
        storage.Dispose();
        GC.SuppressFinalize(this);
    }

    private Task<LedgerHost> StartAsync(bool isIndexed = true) => LedgerHost.StartAsync(storage, options =>
    {
        options.Index.Enabled = isIndexed;
        options.CommitRecordDelay = TimeSpan.FromMilliseconds(20);
    });

    private static ILedgerQueries Queries(LedgerHost host) => host.System.GetLedgerQueries();

    // ---------------------------------------------------------------- what is in it

    [Fact]
    public async Task Each_transfer_is_one_row_and_says_what_its_accounts_say()
    {
        await using var host = await StartAsync();
        var life = new Life(host.Ledger, random) { Expires = true };
        await life.OpenAsync();
        await life.LiveAsync(260);

        // What is due has expired by then, and the index knows.
        await Task.Delay(1_500);
        await CaughtUpAsync(host);
        await AssertSaysWhatAccountsSayAsync(host, life);
    }

    private static async Task AssertSaysWhatAccountsSayAsync(LedgerHost host, Life life)
    {
        var position = host.Ledger.PositionOf(life.Last);
        var all = await AllAsync(Queries(host), life.Accounts, position);

        // Once each: no id was created twice, and nothing that was answered as created is missing.
        var created = all.Where(static one => one.Status == TransferStatus.Created).ToList();
        created.Select(static one => one.Transfer.Id).Distinct().Count().ShouldBe(created.Count);
        life.Created.Except(created.Select(static one => one.Transfer.Id)).ShouldBeEmpty("created and not found");
        life.Rejected.Except(all.Select(static one => one.Transfer.Id)).ShouldBeEmpty("rejected and not found");

        foreach (var record in all)
        {
            if (record.Status != TransferStatus.Created && record.TransactionId != record.Transfer.Id)
            {
                // Only the coordinator knows of the legs of what was refused.
                var legs = all.Where(one => one.TransactionId == record.TransactionId).ToList();
                var whole = await host.Ledger.GetTransactionAsync(legs[0].Transfer.DebitAccount, record.TransactionId);
                whole.ShouldNotBeNull().Result.Legs.Select(static leg => leg.Transfer)
                    .ShouldBe(legs.Select(static one => one.Status));
                continue;
            }

            // One that was refused is told as it was asked for, which may be without accounts.
            var known = await host.Ledger.GetTransferAsync(record.Transfer.DebitAccount, record.Transfer.Id);
            known.ShouldNotBeNull($"{record}");
            if (record.Status != TransferStatus.Created && known.Status != record.Status)
            {
                // Of several refusals of one id, or one that was not journaled under it, the account tells the last.
                continue;
            }

            record.ShouldBe(known, $"{record.Transfer.Id}");
        }
    }

    [Fact]
    public async Task Made_anew_in_pages_of_any_size_it_is_the_same()
    {
        await using var host = await StartAsync();
        var life = new Life(host.Ledger, random) { Expires = true };
        await life.OpenAsync();
        await life.LiveAsync(200);
        await using (host)
        {
            await AllAsync(Queries(host), life.Accounts, host.Ledger.PositionOf(life.Last));
        }

        var (store, _) = Open(1_000);
        await using (store)
        {
            var made = await RebuildAsync(1_000);
            made.Count.ShouldBeGreaterThan(200);
            (await RebuildAsync(1)).ShouldBe(made);
            (await RebuildAsync(7)).ShouldBe(made);
        }
    }

    [Fact]
    public async Task Ended_at_any_point_while_it_is_made_it_is_the_same_as_one_made_at_once()
    {
        await using (var host = await StartAsync(isIndexed: false))
        {
            var life = new Life(host.Ledger, random) { Expires = true };
            await life.OpenAsync();
            await life.LiveAsync(200);
        }

        var made = await RebuildAsync(1_000);
        var (store, journal) = Open(5);
        await using (store)
        await using (journal)
        {
            await store.EmptyAsync(default);
        }

        var ends = 0;
        for (var isDone = false; !isDone;)
        {
            var left = random.Next(1, 4);
            var (one, read) = Open(5);
            await using (one)
            await using (read)
            {
                try
                {
                    await Indexer(one, read, () =>
                    {
                        if (left-- == 0)
                        {
                            throw new OperationCanceledException("The process ends.");
                        }
                    }).FoldAsync(default);
                    isDone = true;
                }
                catch (OperationCanceledException)
                {
                    ends++;
                }
            }
        }

        ends.ShouldBeGreaterThan(20);
        (await DumpAsync()).ShouldBe(made);
    }

    [Fact]
    public async Task Two_that_fold_at_once_make_the_same_as_one()
    {
        await using (var host = await StartAsync(isIndexed: false))
        {
            var life = new Life(host.Ledger, random);
            await life.OpenAsync();
            await life.LiveAsync(120);
        }

        var made = await RebuildAsync(1_000);
        var (store, journal) = Open(3);
        var (other, otherJournal) = Open(4);
        await using (store)
        await using (journal)
        await using (other)
        await using (otherJournal)
        {
            await store.EmptyAsync(default);
            await Task.WhenAll(
                Task.Run(() => Indexer(store, journal).FoldAsync(default)),
                Task.Run(() => Indexer(other, otherJournal).FoldAsync(default)));
        }

        (await DumpAsync()).ShouldBe(made);
    }

    // ---------------------------------------------------------------- searches

    [Fact]
    public async Task Filters_find_what_a_look_at_every_transfer_finds_in_order_and_page_by_page()
    {
        await using var host = await StartAsync();
        var life = new Life(host.Ledger, random);
        await life.OpenAsync();
        await life.LiveAsync(260);
        var all = await AllAsync(Queries(host), life.Accounts, host.Ledger.PositionOf(life.Last));
        var found = 0;
        for (var i = 0; i < 250; i++)
        {
            var filter = AnyFilter(all, life);
            var newestFirst = random.Next(2) == 0;
            var expected = all.Where(record => Fits(filter, record)).Select(static one => one.Transfer.Id).ToList();
            var pages = await PagesAsync(Queries(host), filter, newestFirst, random.Next(1, 40));
            pages.Select(static one => one.Transfer.Id).Order().ShouldBe(expected.Order(), $"{filter}");
            found += expected.Count;
            if (filter.AccountPrefix.Length == 0)
            {
                var times = pages.ConvertAll(static one => one.CreateTime);
                times.ShouldBe(newestFirst ? times.OrderDescending() : times.Order());
            }

            var counted = await Queries(host)
                .SearchTransfersAsync(new TransferSearch(filter) { Count = true, PageSize = 1 });
            counted.Count.ShouldBe(expected.Count);
            counted.IsCountCut.ShouldBeFalse();
        }

        found.ShouldBeGreaterThan(1_000);
    }

    [Fact]
    public async Task Pages_are_stable_under_writes()
    {
        await using var host = await StartAsync();
        var life = new Life(host.Ledger, random);
        await life.OpenAsync();
        await life.LiveAsync(120);
        var queries = Queries(host);
        var account = life.Accounts[0];
        var filters = new[]
        {
            new TransferFilter { Account = account }, new TransferFilter { AccountPrefix = "idx:" },
            new TransferFilter { Codes = [1, 2, 3] }, new TransferFilter { Metadata = Life.Colour("red") },
        };
        using var ending = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            var writer = new Life(host.Ledger, new Random(7)) { Accounts = life.Accounts };
            while (!ending.IsCancellationRequested)
            {
                await writer.LiveAsync(1);
            }
        });
        for (var round = 0; round < 12; round++)
        {
            var filter = filters[round % filters.Length];
            var newestFirst = round % 3 == 0;
            var before = await PagesAsync(queries, filter, newestFirst: false, 1_000);
            var read = (await PagesAsync(queries, filter, newestFirst, 5))
                .ConvertAll(static one => (one.Transfer.Id, one.CreateTime));
            read.Distinct().Count().ShouldBe(read.Count, "none is on two pages");
            before.ConvertAll(static one => (one.Transfer.Id, one.CreateTime)).Except(read)
                .ShouldBeEmpty("what was there is on one");
        }

        await ending.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task A_search_shows_the_write_whose_position_it_is_given()
    {
        await using var host = await StartAsync();
        var life = new Life(host.Ledger, random);
        await life.OpenAsync();
        for (var i = 0; i < 20; i++)
        {
            var transfer = life.Transfer(life.Accounts[0], life.Accounts[1], 1);
            var result = await host.Ledger.PostTransferAsync(transfer);
            var page = await Queries(host).SearchTransfersAsync(
                new TransferSearch(new TransferFilter { Ids = [transfer.Id] }) { AtLeast = host.Ledger.PositionOf(
                    result.Position) });
            page.Transfers.ShouldHaveSingleItem().CreateTime.ShouldBe(result.CreateTime);
            page.AsOf.ShouldBeGreaterThanOrEqualTo(result.CreateTime);
            page.Position.IsNone.ShouldBeFalse();
        }
    }

    [Fact]
    public async Task An_index_that_is_off_or_behind_says_so_and_gives_no_older_answer()
    {
        string position;
        TransferId id;
        await using (var host = await StartAsync(isIndexed: false))
        {
            var life = new Life(host.Ledger, random);
            await life.OpenAsync();
            var transfer = life.Transfer(life.Accounts[0], life.Accounts[1], 1);
            id = transfer.Id;
            position = host.Ledger.PositionOf((await host.Ledger.PostTransferAsync(transfer)).Position);
            await ShouldFailAsync(LedgerErrorReason.IndexOff, () => Search(host, new TransferFilter { Ids = [id] }));
            await ShouldFailAsync(
                LedgerErrorReason.IndexOff, () =>
                    Queries(host).SearchAccountsAsync(new AccountSearch(new AccountFilter())));
        }

        var index = new LedgerIndex(
            Open(10).Store, OpenStorage().OpenJournalReader(), TimeProvider.System, TimeSpan.FromSeconds(1));
        await Task.Delay(1_200);
        var behind = await ShouldFailAsync(
            LedgerErrorReason.IndexBehind,
            () => index.WaitForAsync(default, DateTimeOffset.UtcNow.AddSeconds(1), default));
        behind.Lag.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.FromSeconds(1));
        new PositionText(OpenStorage().ReadIdentity).TryRead(position, out _, out var row).ShouldBeTrue();
        await ShouldFailAsync(
            LedgerErrorReason.IndexBehind, () =>
                index.WaitForAsync(row, DateTimeOffset.UtcNow.AddMilliseconds(200), default));
        await ShouldFailAsync(
            LedgerErrorReason.IndexBehind,
            () =>
                index.WaitForAsync(
                    row with { SequenceNr = 1_000 }, DateTimeOffset.UtcNow.AddMilliseconds(200), default));

        // Turned on, it catches up with all that was there before.
        await using var indexed = await StartAsync();
        (await Queries(indexed).SearchTransfersAsync(
            new TransferSearch(new TransferFilter { Ids = [id] }) { AtLeast = position })).Transfers
                .ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Filters_that_are_not_served_are_refused()
    {
        await using var host = await StartAsync();
        await ShouldFailAsync(LedgerErrorReason.FilterTooWide, () => Search(host, new TransferFilter()));
        await ShouldFailAsync(
            LedgerErrorReason.FilterTooWide, () => Search(host, new TransferFilter { Asset = s_usd }));
        await ShouldFailAsync(
            LedgerErrorReason.FilterTooWide,
            () =>
                Search(
                    host, new TransferFilter { StartTime = s_always, EndTime = s_always.Add(TimeSpan.FromDays(32)) }));
        await Search(host, new TransferFilter { StartTime = s_always, EndTime = s_always.Add(TimeSpan.FromDays(31)) });
        TransferFilter[] malformed =
        [
            new() { Kinds = [(TransferKind)9], Codes = [1] },
            new() { Statuses = [(TransferStatus)3] },
            new() { HoldStates = [(HoldState)9] },
            new() { Codes = [1], Direction = EntryDirection.Debit },
            new() { AccountPrefix = "a b" },
            new() { References = [new string('x', 129)] },
            new() { References = ["a\0b"] },
            new() { Codes = [.. Enumerable.Range(1, 17).Select(static code => (uint)code)] },
            new() { Metadata = Metadata.Of(Enumerable.Range(0, 5).Select(i => KeyValuePair.Create($"k{i}", "v"))) },
            new() { Codes = [1], StartTime = new LedgerTime(2), EndTime = new LedgerTime(2) },
            new() { Codes = [1], MinAmount = Amount.Of(2), MaxAmount = Amount.Of(1) },
        ];
        foreach (var filter in malformed)
        {
            var refused = await ShouldFailAsync(LedgerErrorReason.InvalidArgument, () => Search(host, filter));
            refused.Field.ShouldNotBeNull().ShouldStartWith("filter.");
        }

        (await ShouldFailAsync(
            LedgerErrorReason.InvalidArgument,
            () => Queries(host).SearchTransfersAsync(
                new TransferSearch(new TransferFilter { Codes = [1] }) { AtLeast = "made up" }))).Field
                    .ShouldBe("at_least");
    }

    [Fact]
    public async Task Accounts_are_found_by_what_they_are_and_none_is_woken()
    {
        await using var host = await StartAsync();
        var ledger = host.Ledger;
        var specs = Enumerable.Range(0, 60)
            .Select(i => new AccountSpec(Address($"acc:{i % 3}:{i:00}"), s_usd, (uint)(1 + (i % 4)))
        {
            Reference = i % 5 == 0 ? "five" : "", Metadata = i % 2 == 0 ? Life.Colour("red") : Metadata.Empty,
        }).ToList();
        await ledger.OpenAccountsAsync(specs);
        var frozen = Address("acc:0:00");
        var thawed = Address("acc:1:01");
        var closed = Address("acc:2:02");
        var past = Address("acc:0:03");
        await ledger.ChangeAccountAsync(frozen, new FreezeAccount(new AccountFreeze(true, false, "why", null)));
        await ledger.ChangeAccountAsync(thawed, new FreezeAccount(new AccountFreeze(true, true, "", null)));
        await ledger.ChangeAccountAsync(thawed, new UnfreezeAccount("over"));
        await ledger.ChangeAccountAsync(closed, new CloseAccount("gone"));
        await ledger.ChangeAccountAsync(
            past,
            new FreezeAccount(
                new AccountFreeze(true, true, "", LedgerTime.From(DateTimeOffset.UtcNow.AddMilliseconds(200)))));

        // An account that a transaction opens, and one that a hold closes and opens again.
        var opened = Address("acc:9:opened");
        var payer = Address("acc:9:payer");
        await ledger.PostTransferAsync(
            new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), payer, opened, Amount.Of(5), 77)
            {
                Asset = s_usd, Flags = TransferFlags.OpenAccounts,
            });
        var closing = new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), payer, opened, Amount.Of(1), 1)
        {
            Flags = TransferFlags.Pending | TransferFlags.ClosingDebit,
        };
        await ledger.PostTransferAsync(closing);
        (await StandingsAsync(AccountStanding.Closed)).ShouldBe([closed.Text, payer.Text]);
        var last = await ledger.PostTransferAsync(
            new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), default, default, Amount.Zero, 0)
            {
                HoldId = closing.Id, Flags = TransferFlags.VoidPending,
            });
        await Task.Delay(300);
        (await StandingsAsync(AccountStanding.Closed)).ShouldBe([closed.Text]);
        (await StandingsAsync(AccountStanding.Frozen)).ShouldBe([frozen.Text]);
        (await FindAsync(new AccountFilter { Standings = [AccountStanding.Open] })).Count.ShouldBe(60);
        (await FindAsync(new AccountFilter { AddressPrefix = "acc:1:" })).Count.ShouldBe(20);
        (await FindAsync(new AccountFilter { AddressPrefix = "acc:1:", Codes = [2, 3], Metadata = Life.Colour("red") }))
            .ShouldBe(specs.Where(static spec =>
                spec.Address.Text.StartsWith("acc:1:", StringComparison.Ordinal) && spec.Code is 2 or 3
                && !spec.Metadata.Pairs.IsEmpty
                && spec.Address.Text.StartsWith("acc:1:", StringComparison.Ordinal))
                    .Select(static spec => spec.Address.Text).Order(StringComparer.Ordinal));
        (await FindAsync(new AccountFilter { Reference = "five", Asset = s_usd })).Count.ShouldBe(12);
        (await FindAsync(new AccountFilter { Asset = Asset.Parse("EUR/2") })).ShouldBeEmpty();

        // As the accounts themselves say it.
        foreach (var account in (
            await Queries(host)
                .SearchAccountsAsync(new AccountSearch(new AccountFilter()) { PageSize = 1_000 })).Accounts)
        {
            var known = (await ledger.GetAccountAsync(account.Spec.Address))!;
            account.Spec.ShouldBe(known.Spec);
            account.CreateTime.ShouldBe(known.CreateTime, account.Spec.Address.Text);
            account.IsClosed.ShouldBe(known.IsClosed);
            account.Freeze.ShouldBe(known.Freeze);
            account.ClosedReason.ShouldBe(known.ClosedReason);
        }

        async Task<List<string>> StandingsAsync(AccountStanding standing) =>
            await FindAsync(new AccountFilter { Standings = [standing] });

        async Task<List<string>> FindAsync(AccountFilter filter)
        {
            await CaughtUpAsync(host);
            var found = new List<string>();
            string? after = null;
            do
            {
                var page = await Queries(host)
                    .SearchAccountsAsync(new AccountSearch(filter) { PageSize = 7, After = after });
                found.AddRange(page.Accounts.Select(static one => one.Spec.Address.Text));
                after = page.Next;
            }
            while (after is not null);
            return found;
        }
    }

    [Fact]
    public async Task A_transfer_is_found_by_its_id_alone_and_one_that_there_is_none_of_is_not()
    {
        Transfer transfer;
        await using (var host = await StartAsync())
        {
            var life = new Life(host.Ledger, random);
            await life.OpenAsync();
            transfer = life.Transfer(life.Accounts[0], life.Accounts[1], 3);
            (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
        }

        // Another process, which remembers nothing.
        await using var next = await StartAsync();
        var record = (await next.Ledger.GetTransferAsync(default, transfer.Id)).ShouldNotBeNull();
        record.Transfer.Id.ShouldBe(transfer.Id);
        (await next.Ledger.GetTransferAsync(default, TransferId.FromGuid(Guid.CreateVersion7()))).ShouldBeNull();

        // One id on other accounts is another transfer: which one is meant has to be said.
        var others = new Life(next.Ledger, random) { Accounts = [Address("idx:2"), Address("idx:3")] };
        var result = await next.Ledger.PostTransferAsync(
            others.Transfer(others.Accounts[0], others.Accounts[1], 1) with { Id = transfer.Id });
        result.Status.ShouldBe(TransferStatus.Created);
        await CaughtUpAsync(next);
        await ShouldFailAsync(
            LedgerErrorReason.TransferIdAmbiguous, () => next.Ledger.GetTransferAsync(default, transfer.Id));
        (await next.Ledger.GetTransferAsync(transfer.DebitAccount, transfer.Id)).ShouldNotBeNull();

        var batch = await Queries(next).GetTransfersAsync(
        [
            new TransferKey(transfer.DebitAccount, transfer.Id), new TransferKey(transfer.CreditAccount, transfer.Id),
            new TransferKey(transfer.DebitAccount, TransferId.FromGuid(Guid.CreateVersion7())),
            new TransferKey(transfer.DebitAccount, transfer.Id),
        ]);
        batch.Select(static one => one?.Transfer.Id).ShouldBe([transfer.Id, transfer.Id, null, transfer.Id]);
        var accounts = await Queries(next).GetAccountsAsync([Address("idx:0"), Address("nobody"), Address("idx:0")]);
        accounts.Select(static one => one?.Spec.Address.Text).ShouldBe(["idx:0", null, "idx:0"]);
        await ShouldFailAsync(LedgerErrorReason.EmptyBatch, () => Queries(next).GetAccountsAsync([]));
        await ShouldFailAsync(
            LedgerErrorReason.BatchTooLarge,
            () => Queries(next).GetAccountsAsync([.. Enumerable.Repeat(Address("a"), LedgerLimits.BatchMax + 1)]));
    }

    [Fact]
    public async Task Holds_are_listed_exactly_with_the_account_as_of_the_same_version()
    {
        await using var host = await StartAsync(isIndexed: false);
        var life = new Life(host.Ledger, random);
        await life.OpenAsync();
        var (payer, payee) = (life.Accounts[0], life.Accounts[1]);
        var holds = new List<Transfer>();
        for (var i = 0; i < 25; i++)
        {
            var hold = life.Transfer(payer, payee, 2) with
            {
                Flags = TransferFlags.Pending, Timeout = i % 5 == 0 ? TimeSpan.FromHours(1) : TimeSpan.Zero,
                Reference = i % 2 == 0 ? $"hold {i}" : "", Metadata = i % 3 == 0 ? Life.Colour("red") : Metadata.Empty,
            };
            holds.Add(hold);
            (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        }

        await host.Ledger.PostTransferAsync(
            new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), default, default, Amount.Of(1), 0)
            {
                HoldId = holds[0].Id, Flags = TransferFlags.PostPending | TransferFlags.KeepRest,
            });
        await host.Ledger.PostTransferAsync(
            new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), default, default, Amount.Zero, 0)
            {
                HoldId = holds[1].Id, Flags = TransferFlags.VoidPending,
            });
        holds.RemoveAt(1);
        foreach (var account in new[] { payer, payee })
        {
            var read = new List<TransferRecord>();
            var after = default(TransferId);
            do
            {
                var page = (await Queries(host).ListHoldsAsync(new HoldQuery(account) { PageSize = 4, After = after }))
                    .ShouldNotBeNull();
                page.Account.ShouldBe(await host.Ledger.GetAccountAsync(account));
                page.Account.HoldCount.ShouldBe(24);
                read.AddRange(page.Holds);
                after = page.Next;
            }
            while (!after.IsNil);
            read.Select(static one => one.Transfer.Id).ShouldBe(holds.Select(static one => one.Id).Order());
            foreach (var record in read)
            {
                record.ShouldBe(await host.Ledger.GetTransferAsync(account, record.Transfer.Id));
            }

            read.Sum(static one => (long)one.HoldRemaining.Value).ShouldBe(47);
            var due = await Queries(host).ListHoldsAsync(
                new HoldQuery(account) { ExpireBefore = LedgerTime.From(DateTimeOffset.UtcNow.AddHours(2)) });
            due!.Holds.Count.ShouldBe(5);
        }

        (await Queries(host).ListHoldsAsync(new HoldQuery(Address("nobody")))).ShouldBeNull();
    }

    // ---------------------------------------------------------------- helpers

    private static AccountAddress Address(string text) => AccountAddress.Parse(text);

    private static Task<TransferSearchPage> Search(LedgerHost host, TransferFilter filter) =>
        Queries(host).SearchTransfersAsync(new TransferSearch(filter));

    private static async Task<LedgerException> ShouldFailAsync(LedgerErrorReason reason, Func<Task> call)
    {
        var failure = await Should.ThrowAsync<LedgerException>(call);
        failure.Reason.ShouldBe(reason, failure.Message);
        return failure;
    }

    private static async Task CaughtUpAsync(LedgerHost host)
    {
        // The last of what accounts put off.
        await Task.Delay(100);
        var ledger = LedgerExtension.Of(host.System);
        var index = new LedgerIndex(
            ledger.Options.Storage!.OpenIndex(), ledger.Journal, TimeProvider.System, TimeSpan.FromDays(1));
        await index.WaitForAllAsync(DateTimeOffset.UtcNow.AddSeconds(30), default);
    }

    private static async Task<List<TransferRecord>> AllAsync(
        ILedgerQueries queries, IReadOnlyList<AccountAddress> accounts, string position)
    {
        var all = new List<TransferRecord>();
        string? after = null;
        do
        {
            var page = await queries.SearchTransfersAsync(new TransferSearch(new TransferFilter
            {
                Statuses = Enum.GetValues<TransferStatus>().Where(static one => one != TransferStatus.None).ToList(),
                StartTime = LedgerTime.From(DateTimeOffset.UtcNow.AddDays(-20)),
                EndTime = LedgerTime.From(DateTimeOffset.UtcNow.AddDays(1)),
            })
            {
                After = after, AtLeast = position, PageSize = 50,
            });
            all.AddRange(page.Transfers);
            after = page.Next;
        }
        while (after is not null);
        accounts.ShouldNotBeEmpty();
        return all;
    }

    private static async Task<List<TransferRecord>> PagesAsync(
        ILedgerQueries queries, TransferFilter filter, bool newestFirst, int limit)
    {
        var all = new List<TransferRecord>();
        string? after = null;
        do
        {
            var page = await queries.SearchTransfersAsync(
                new TransferSearch(filter) { After = after, PageSize = limit, NewestFirst = newestFirst });
            page.Transfers.Count.ShouldBeLessThanOrEqualTo(limit);
            all.AddRange(page.Transfers);
            after = page.Next;
        }
        while (after is not null);
        return all;
    }

    private TransferFilter AnyFilter(List<TransferRecord> all, Life life)
    {
        var some = all[random.Next(all.Count)];
        var other = all[random.Next(all.Count)];
        var transfer = some.Transfer;
        var filter = random.Next(13) switch
        {
            0 => new TransferFilter { Ids = [transfer.Id, other.Transfer.Id] },
            1 => new TransferFilter { TransactionId = some.TransactionId },
            2 => new TransferFilter { HoldId = transfer.ResolvesHold ? transfer.HoldId : transfer.Id },
            3 => new TransferFilter { Reverses = transfer.Reverses.IsNil ? transfer.Id : transfer.Reverses },
            4 =>
                new TransferFilter { References = [
                    transfer.Reference.Length > 0 ? transfer.Reference : "ref 1", "ref 2"] },
            5 =>
                new TransferFilter { Metadata = transfer.Metadata.Pairs.IsEmpty
                    ? Life.Colour("red")
                    : transfer.Metadata },
            6 => new TransferFilter { Account = life.Accounts[random.Next(life.Accounts.Count)] },
            7 => new TransferFilter
            {
                Account = life.Accounts[random.Next(3)],
                Direction = random.Next(2) == 0 ? EntryDirection.Debit : EntryDirection.Credit,
            },
            8 => new TransferFilter { Principal = some.Principal.Length > 0 ? some.Principal : "ada" },
            9 =>
                new TransferFilter { AccountPrefix = random.Next(2) == 0
                    ? "idx:"
                    : "idx:1", Direction = random.Next(3) switch
                    {
                        0 => EntryDirection.Debit,
                        1 => EntryDirection.Credit,
                        _ => null,
                    } },
            10 => new TransferFilter { HoldStates = [HoldState.Live] },
            11 => new TransferFilter { Codes = [transfer.Code, 3] },
            _ =>
                new TransferFilter { StartTime = some.CreateTime < other.CreateTime
                    ? some.CreateTime
                    : other.CreateTime, EndTime = LedgerTime.From(DateTimeOffset.UtcNow.AddDays(2)) },
        };
        var narrower = random.Next(9) switch
        {
            0 => filter with { Codes = [1, 2] },
            1 => filter with { MinAmount = Amount.Of(10), MaxAmount = Amount.Of(40) },
            2 => filter with { Kinds = [TransferKind.Hold, TransferKind.PostHold] },
            3 =>
                filter with { Statuses = [
                    TransferStatus.Created, TransferStatus.ExceedsCredits, TransferStatus.LinkedEventFailed] },
            4 => filter with { Asset = s_usd },
            5 => filter with { StartTime = some.CreateTime },
            6 => filter with { HoldStates = [HoldState.Live, HoldState.Posted] },
            7 => filter with { Metadata = Life.Colour("red") },
            _ => filter,
        };
        return TransferStatements.CanServe(narrower) ? narrower : filter;
    }

    // The same by hand: what the filter says of itself.
    private static bool Fits(TransferFilter filter, TransferRecord record)
    {
        var transfer = record.Transfer;
        var moved = record.Status == TransferStatus.Created ? record.Amount : transfer.Amount;
        return (filter.Statuses.Count == 0
            ? record.Status == TransferStatus.Created
            : filter.Statuses.Contains(record.Status))
            && (filter.Ids.Count == 0 || filter.Ids.Contains(transfer.Id))
            && (filter.TransactionId.IsNil || filter.TransactionId == record.TransactionId)
            && (filter.HoldId.IsNil || filter.HoldId == transfer.HoldId)
            && (filter.Reverses.IsNil || filter.Reverses == transfer.Reverses)
            && (filter.References.Count == 0 || filter.References.Contains(transfer.Reference))
            && filter.Metadata.Pairs.All(pair => transfer.Metadata.Pairs.Contains(pair))
            && (filter.Codes.Count == 0 || filter.Codes.Contains(transfer.Code))
            && (filter.Account.IsNone || OnSide(account => account == filter.Account))
            && (filter.AccountPrefix.Length == 0
                || OnSide(account => account.Text.StartsWith(filter.AccountPrefix, StringComparison.Ordinal)))
            && (filter.Principal.Length == 0 || filter.Principal == record.Principal)
            && (filter.StartTime is not { } start || record.CreateTime >= start)
            && (filter.EndTime is not { } end || record.CreateTime < end)
            && (filter.MinAmount is not { } least || moved >= least)
            && (filter.MaxAmount is not { } most || moved <= most)
            && (filter.Kinds.Count == 0 || filter.Kinds.Contains(transfer.Kind))
            && (filter.HoldStates.Count == 0 || filter.HoldStates.Contains(record.Hold))
            && (filter.Asset.IsNone || transfer.Asset == filter.Asset
                || (transfer.Asset.IsNone && record.Status == TransferStatus.Created));

        bool OnSide(Func<AccountAddress, bool> fits) =>
            (filter.Direction is not EntryDirection.Credit && fits(transfer.DebitAccount))
            || (filter.Direction is not EntryDirection.Debit && fits(transfer.CreditAccount));
    }

    private Storage.LedgerStorage OpenStorage()
    {
        var options = new LedgerOptions();
        storage.Use(options);
        return options.Storage!;
    }

    private (IIndexStore Store, Storage.JournalReader Journal) Open(int pageRows)
    {
        var opened = OpenStorage();
        opened.Prepare();
        var pair = (opened.OpenIndex(), new Storage.JournalReader(opened.OpenJournalRows()) { PageRows = pageRows });
        (opened as IDisposable)?.Dispose();
        return pair;
    }

    private LedgerIndexer Indexer(IIndexStore store, Storage.JournalReader journal, Action? applying = null) =>
        new(store, journal, OpenStorage().OpenStreams(), TimeProvider.System, NoLogger.Instance)
        {
            Applying = applying,
        };

    private async Task<List<string>> RebuildAsync(int pageRows)
    {
        var (store, journal) = Open(pageRows);
        await using (store)
        await using (journal)
        {
            await store.EmptyAsync(default);
            await Indexer(store, journal).FoldAsync(default);
        }

        return await DumpAsync();
    }

    // Every row of every table of the index, but for how often it was written.
    private async Task<List<string>> DumpAsync()
    {
        var (store, journal) = Open(1_000);
        await using (store)
        await using (journal)
        {
            string[] queries =
            [
                "SELECT time_us, place, item, id, transaction_id, debit_account, credit_account, asset, amount, code, "
                    + "kind, status, reference, hold_id, reverses, principal, hold_state, hold_remaining, due_us, "
                    + "content FROM ledger_transfer",
                "SELECT pair, time_us, place, item FROM ledger_transfer_metadata",
                "SELECT address, asset, code, reference, is_closed, frozen_until_us, content FROM ledger_account",
                "SELECT pair, address FROM ledger_account_metadata",
                "SELECT account, attempt, content FROM ledger_index_prepared",
                "SELECT ordering, as_of_us, last_account, last_row FROM ledger_index",
            ];
            var lines = new List<string>();
            foreach (var sql in queries)
            {
                var rows = await store.QueryAsync(
                    new IndexStatement { Sql = sql },
                    reader =>
                        string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i) switch
                    {
                        byte[] bytes => Convert.ToHexString(bytes),
                        var value => value.ToString(),
                    })),
                    default);
                lines.AddRange(rows.Order(StringComparer.Ordinal).Select(row => $"{sql[..30]} {row}"));
            }

            return lines;
        }
    }
}

public sealed class SqliteIndexTests() : IndexSuite(new SqliteTestStorage());

public sealed class PostgreSqlIndexTests()
    : IndexSuite(new PostgresTestStorage(clustered: false)), IClassFixture<PostgresCollection.Lifetime>;

public sealed class ClusteredIndexTests()
    : IndexSuite(new PostgresTestStorage(clustered: true)), IClassFixture<PostgresCollection.Lifetime>;
