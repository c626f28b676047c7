using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>Ids that their own time does not lead to: an index says which rows bring them up.</content>
public abstract partial class LedgerSuite
{
    [Fact]
    public async Task The_index_of_ids_says_what_all_rows_together_say_of_them()
    {
        await using var host = await StartAsync(static options => options.IdempotencyWindowMax = 4);
        var accounts = new List<AccountAddress>();
        for (var i = 0; i < 4; i++)
        {
            accounts.Add(await OpenAsync(host.Ledger, $"ids:{i}"));
        }

        var limited = Address("ids:limited");
        await host.Ledger.OpenAccountsAsync(
            [new AccountSpec(limited, Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(100) }]);
        accounts.Add(limited);
        var ids = await LiveThroughAsync(host.Ledger, accounts, 250);
        ids.AddRange(Enumerable.Range(0, 20).Select(_ => AnyId()));

        var rows = storage.Rows().ToLookup(static row => row.Stream, StringComparer.Ordinal);
        var (read, readWithout) = await CompareAsync(accounts, ids, rows);
        read.ShouldBeLessThan(readWithout / 4);

        // As in a ledger that is older than its index: what was written before is in no entry.
        var half = storage.Count("SELECT max(ordering) FROM journal") / 2;
        storage.Execute(
            "DELETE FROM ledger_id WHERE EXISTS (SELECT 1 FROM journal j WHERE j.persistence_id = "
            + $"ledger_id.persistence_id AND j.sequence_number = ledger_id.sequence_number AND j.ordering <= {half})");
        storage.Execute($"UPDATE ledger_id SET sequence_number = {half} WHERE persistence_id = ''");
        await CompareAsync(accounts, ids, rows);

        // Lost altogether, with the entry that says since when there is one.
        storage.Execute("DELETE FROM ledger_id");
        await CompareAsync(accounts, ids, rows);
    }

    [Fact]
    public async Task What_comes_within_two_seconds_of_its_id_is_not_indexed()
    {
        const string entries = "SELECT count(*) FROM ledger_id WHERE persistence_id LIKE 'ledger-account-%'";
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        long before;
        var clock = new System.Diagnostics.Stopwatch();
        do
        {
            // What takes longer than two seconds on its way is late, and has an entry.
            before = storage.Count(entries);
            clock.Restart();
            (await host.Ledger.PostTransferAsync(
                Transfer(a, b, 1) with { Id = TransferId.FromGuid(Guid.CreateVersion7()) })).Status
                    .ShouldBe(TransferStatus.Created);
        }
        while (clock.Elapsed.TotalSeconds > 1.5);

        storage.Count(entries).ShouldBe(before);

        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1) with { Id = Unordered() })).Status
            .ShouldBe(TransferStatus.Created);
        storage.Count(entries).ShouldBe(before + 2, "one for each of the two accounts");
    }

    [Fact]
    public async Task An_index_that_lost_entries_is_made_again_and_says_so()
    {
        await using var host = await StartAsync(static options => options.IdempotencyWindowMax = 4);
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var old = Transfer(a, b, 1) with { Id = Unordered() };
        (await host.Ledger.PostTransferAsync(old)).Status.ShouldBe(TransferStatus.Created);
        storage.Execute("DELETE FROM ledger_id WHERE persistence_id <> ''");
        for (var i = 0; i < 20; i++)
        {
            // The entries of these would hide that others are missing.
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1) with { Id = Unordered() })).Status
                .ShouldBe(TransferStatus.Created);
        }

        var retry = await host.Ledger.PostTransferAsync(old);
        retry.Status.ShouldBe(TransferStatus.Exists, "it is not taken for new");
        storage.Count(
            "SELECT count(*) FROM ledger_id WHERE persistence_id = 'ledger-account-" + a.Text
            + "' AND sequence_number > 0")
            .ShouldBe(21, "all entries are there again, and no note that some are missing");
        LedgerExtension.Of(host.System).Context.Reader.Repairs!.Problem.ShouldNotBeNull().ShouldContain("made again");
    }

    [Fact]
    public async Task Without_an_account_a_transfer_that_is_not_remembered_is_not_said_not_to_exist()
    {
        AccountAddress a;
        Transfer transfer;
        await using (var host = await StartAsync())
        {
            (a, var b) = await OpenTwoAsync(host.Ledger);
            transfer = Transfer(a, b, 1);
            (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetTransferAsync(default, transfer.Id)).ShouldNotBeNull();
        }

        // Another node, or this one after a restart, or after 65,536 other transfers.
        await using var next = await StartAsync();
        var failure =
            await Should.ThrowAsync<LedgerException>(() => next.Ledger.GetTransferAsync(default, transfer.Id));
        (failure.Reason, failure.Field, failure.OutcomeUnknown)
            .ShouldBe((LedgerErrorReason.TransferNotRemembered, "account", false));
        failure.Message.ShouldContain("Name one of its accounts");
        (await next.Ledger.GetTransferAsync(a, transfer.Id)).ShouldNotBeNull();
        (await next.Ledger.GetTransferAsync(a, Unordered())).ShouldBeNull("the account knows");
        failure = await Should.ThrowAsync<LedgerException>(
            () => next.Ledger.ReverseTransactionAsync(new Reversal(Unordered(), default, transfer.Id, "r")));
        failure.Reason.ShouldBe(LedgerErrorReason.TransferNotRemembered);
        (await next.Ledger.ReverseTransactionAsync(new Reversal(Unordered(), a, transfer.Id, "r"))).Status
            .ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public async Task An_id_of_the_future_is_refused_and_not_recorded()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var far =
            Transfer(a, b, 1) with { Id = TransferId.FromGuid(Guid.CreateVersion7(DateTimeOffset.UtcNow.AddHours(2))) };
        (await host.Ledger.PostTransferAsync(far)).Status.ShouldBe(TransferStatus.IdFromTheFuture);
        var results = await host.Ledger.PostTransfersAsync([Transfer(a, b, 1), far, Transfer(a, b, 1)]);
        results.Select(static one => one.Status).ShouldBe(
            [TransferStatus.Created, TransferStatus.IdFromTheFuture, TransferStatus.Created],
            "it is a matter of the item");
        (await host.Ledger.GetTransferAsync(a, far.Id)).ShouldBeNull();
        var ahead = far with { Id = TransferId.FromGuid(Guid.CreateVersion7(DateTimeOffset.UtcNow.AddMinutes(59))) };
        (await host.Ledger.PostTransferAsync(ahead)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(ahead)).Status.ShouldBe(TransferStatus.Exists);
    }

    private static TransferId Unordered() => TransferId.FromGuid(Guid.NewGuid());

    // Of another version, or of version 7: about now, late or early by up to an hour.
    private TransferId AnyId() => random.Next(3) switch
    {
        0 => Unordered(),
        1 => TransferId.FromGuid(Guid.CreateVersion7(DateTimeOffset.UtcNow.AddSeconds(random.Next(-3500, 3500)))),
        _ => TransferId.FromGuid(Guid.CreateVersion7(DateTimeOffset.UtcNow.AddSeconds(random.Next(-3, 4)))),
    };

    private async Task<List<TransferId>> LiveThroughAsync(ILedger ledger, List<AccountAddress> accounts, int count)
    {
        var ids = new List<TransferId>();
        var holds = new List<Transfer>();
        var made = new List<Transfer>();
        var posted = new List<Transfer>();
        for (var i = 0; i < count; i++)
        {
            var (debit, credit) = Pick();
            var transfer = Transfer(debit, credit, (ulong)random.Next(1, 60)) with { Id = AnyId() };
            switch (random.Next(6))
            {
                case 0:
                    transfer = transfer with { Flags = TransferFlags.Pending };
                    holds.Add(transfer);
                    break;
                case 1 when holds.Count > 0:
                    var hold = holds[random.Next(holds.Count)];
                    transfer = new Transfer(transfer.Id, default, default, Amount.Of(1), 0)
                    {
                        HoldId = hold.Id,
                        Flags = random.Next(3) == 0 ? TransferFlags.VoidPending : TransferFlags.PostPending,
                    };
                    transfer = transfer.Flags == TransferFlags.VoidPending
                        ? transfer with { Amount = Amount.Zero }
                        : transfer;
                    break;
                case 2 when made.Count > 0:
                    transfer = made[random.Next(made.Count)];
                    break;
                case 3:
                    var (other, another) = Pick();
                    var legs = new[] { transfer, Transfer(other, another, 1) with { Id = AnyId() } };
                    ids.AddRange(legs.Select(static leg => leg.Id));
                    var id = AnyId();
                    ids.Add(id);
                    await ledger.PostTransactionAsync(Transaction.Of(id, legs));
                    continue;
                case 4 when posted.Count > 0:
                    var earlier = posted[random.Next(posted.Count)];
                    ids.Add(transfer.Id);
                    await ledger.ReverseTransactionAsync(
                        new Reversal(transfer.Id, earlier.DebitAccount, earlier.Id, "r") { Amount = Amount.Of(1) });
                    continue;
                default:
                    break;
            }

            made.Add(transfer);
            ids.Add(transfer.Id);
            var result = await ledger.PostTransferAsync(transfer);
            if (result.Status == TransferStatus.Created && transfer.Flags == TransferFlags.None)
            {
                posted.Add(transfer);
            }
        }

        return ids;

        (AccountAddress Debit, AccountAddress Credit) Pick()
        {
            var debit = random.Next(accounts.Count);
            return (accounts[debit], accounts[(debit + random.Next(1, accounts.Count)) % accounts.Count]);
        }
    }

    // With and without the index, one id at a time and all at once.
    private async Task<(long Read, long ReadWithout)> CompareAsync(
        List<AccountAddress> accounts, List<TransferId> ids,
        ILookup<string, (string Stream, long SequenceNr, byte[] Row)> rows)
    {
        var options = new LedgerOptions();
        storage.Use(options);
        await using var streams = options.Storage!.OpenStreams();
        var counted = new CountedStreams((IIndexedStreams)streams);
        var plain = new PlainStreams(counted);
        long read = 0;
        long readWithout = 0;
        foreach (var account in accounts)
        {
            var last = rows[AccountActor.PersistenceIdOf(account)].Max(static row => row.SequenceNr);
            foreach (var toEnd in new[] { false, true })
            {
                var lookups = ids.ConvertAll(id => LookupOf(id, last, toEnd));
                var without = await FindAsync(plain, account, lookups);
                (await FindAsync(counted, account, lookups)).ShouldBe(without);
                for (var i = 0; i < lookups.Count; i += 5)
                {
                    var before = counted.Rows;
                    (await FindAsync(counted, account, [lookups[i]]))
                        .ShouldBe([without[i]], $"{lookups[i].Id} on {account}");
                    read += counted.Rows - before;
                    before = counted.Rows;
                    (await FindAsync(plain, account, [lookups[i]]))
                        .ShouldBe([without[i]], $"{lookups[i].Id} on {account}");
                    readWithout += counted.Rows - before;
                }
            }
        }

        return (read, readWithout);
    }

    private static IdLookup LookupOf(TransferId id, long last, bool withLater) => id.IsTimeOrdered
        ? new IdLookup(
            id, 0, last, new LedgerTime(id.UnixMicroseconds - 2_000_000),
            new LedgerTime(id.UnixMicroseconds + 2_000_000), withLater)
        : new IdLookup(id, 0, last, LedgerTime.MaxValue, new LedgerTime(long.MinValue), withLater);

    // Of a search that may end once it knows enough, only what it must know counts: what is the last word.
    private static async Task<List<string>> FindAsync(
        IAccountStreams streams, AccountAddress account, List<IdLookup> lookups)
    {
        var found = await new AccountStreamReader(streams).FindAsync(account, lookups, CancellationToken.None);
        return [.. found.Select(static one => one.Found).Select((one, i) => one is null
            ? "nothing"
            : lookups[i].WithLater
                ? string.Join("; ", one.Records.Select(Text)) + $" {one.Hold} {one.Reversed}"
                : Text(one.Last))];

        static string Text(IdHistoryEntry? record) => record is null
            ? "unknown"
            : $"{record.Branch.Id} {record.Branch.Key} {record.Leg?.Transfer?.Id} {record.Status} {record.FailedLeg} "
                + $"{record.Time} {record.SequenceNr}";
    }

    private class PlainStreams(IAccountStreams inner) : IAccountStreams
    {
        public long Rows { get; private set; }

        public async Task<IReadOnlyList<StreamRow>> ReadAsync(
            string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
            CancellationToken cancellationToken)
        {
            var rows = await inner.ReadAsync(
                persistenceId, fromSequenceNr, toSequenceNr, maxRows, descending, cancellationToken);
            Rows += rows.Count;
            return rows;
        }

        public Task<IReadOnlyList<string>> ListStreamsAsync(
            string prefix, string? after, int limit, CancellationToken cancellationToken) =>
            inner.ListStreamsAsync(prefix, after, limit, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private sealed class CountedStreams(IIndexedStreams inner) : PlainStreams(inner), IIndexedStreams
    {
        public Task<IndexedRows> FindIdsAsync(
            string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
            CancellationToken cancellationToken) =>
            inner.FindIdsAsync(persistenceId, ids, upTo, newest, cancellationToken);

        public Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
            inner.PlaceOfAsync(persistenceId, sequenceNr, cancellationToken);

        public Task AddIdsAsync(
            string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken) =>
            inner.AddIdsAsync(persistenceId, entries, cancellationToken);

        public Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken) =>
            inner.CompleteIdsAsync(persistenceId, upTo, cancellationToken);
    }
}
