using System.Text;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>What can be decided can be stored and read (R17): transactions and rows in bytes, and text that is left to
/// holds.</content>
public abstract partial class LedgerSuite
{
    private const string TextOfHold = "text that only the hold has";

    [Fact]
    public async Task A_transaction_that_is_too_large_is_refused_by_name_and_uses_no_id_up()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var rows = RowCount();
        var id = NewId();
        var large = Transaction.Of(id, Enumerable.Range(0, 600).Select(_ => Large(a, b)));

        var error = await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransactionAsync(large));
        error.Reason.ShouldBe(LedgerErrorReason.TransactionTooLarge);
        error.OutcomeUnknown.ShouldBeFalse();
        error.Limit.ShouldBe(LedgerSizes.TransactionMax);
        error.Size.ShouldBe(EncodedSize.OfTransaction(large));

        // In a batch the chain is refused before anything of the batch is done.
        var batch = large.Legs.Select((leg, i) => new BatchItem(leg, Linked: i < large.Legs.Length - 1))
            .Prepend(new BatchItem(TransactionLeg.Of(Transfer(a, b, 1) with { Asset = Usd }), Linked: false));
        (await Should.ThrowAsync<LedgerException>(() => host.Ledger.SubmitBatchAsync([.. batch])))
            .Reason.ShouldBe(LedgerErrorReason.TransactionTooLarge);
        RowCount().ShouldBe(rows);

        (await host.Ledger.PostTransactionAsync(
            Transaction.Of(id, large.Legs.Take(2).Select(static leg => leg.Transfer!))))
            .Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(a))!.EntryCount.ShouldBe(2ul);
    }

    [Fact]
    public async Task Openings_count_as_a_part_of_the_transaction_that_asks_for_them()
    {
        await using var host = await StartAsync();
        await OpenTwoAsync(host.Ledger);
        var rows = RowCount();

        // Without its openings it is small enough.
        var opening = Transaction.Of(NewId(), Enumerable.Range(0, 4_000).Select(i =>
            Transfer(Address($"{new string('d', 100)}{i}"), Address($"{new string('c', 100)}{i}"), 1) with
            {
                Asset = Usd, Flags = TransferFlags.OpenAccounts, Reference = new string('r', 120),
            }));
        EncodedSize.OfTransaction(opening).ShouldBeLessThan(LedgerSizes.TransactionMax);

        (await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransactionAsync(opening)))
            .Reason.ShouldBe(LedgerErrorReason.TransactionTooLarge);
        RowCount().ShouldBe(rows);
    }

    [Fact]
    public async Task Many_of_the_largest_transactions_at_once_are_stored_in_rows_of_their_own()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        Transaction[] largest = [.. Enumerable.Range(0, 6).Select(_ =>
            Transaction.Of(NewId(), Enumerable.Range(0, 450).Select(_ => Large(a, b))))];
        EncodedSize.OfTransaction(largest[0])
            .ShouldBeInRange(LedgerSizes.TransactionMax * 9 / 10, LedgerSizes.TransactionMax);

        var small = Enumerable.Range(0, 200).Select(_ => host.Ledger.PostTransferAsync(Transfer(a, b, 1)));
        var results = await Task.WhenAll(largest.Select(one => host.Ledger.PostTransactionAsync(one)).ToArray());
        var others = await Task.WhenAll(small);

        results.ShouldAllBe(static result => result.Status == TransferStatus.Created);
        others.ShouldAllBe(static result => result.Status == TransferStatus.Created);
        RowBytesMax().ShouldBeInRange(LedgerSizes.RowFull, LedgerSizes.RowMax);
        (await host.Ledger.GetAccountAsync(a))!.EntryCount.ShouldBe((6ul * 450) + 200);
    }

    [Fact]
    public async Task Rows_of_many_large_transfers_are_closed_by_their_bytes()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);

        var results = await host.Ledger.PostTransfersAsync([.. Enumerable.Range(0, 1_500).Select(_ => Large(a, b))]);

        results.ShouldAllBe(static result => result.Status == TransferStatus.Created);
        RowBytesMax().ShouldBeInRange(64 * 1024, LedgerSizes.RowFull);
    }

    [Fact]
    public async Task A_thousand_holds_with_large_metadata_are_voided_by_one_transaction()
    {
        await using var host = await StartAsync(static options => options.CounterpartyHoldsMax = 2_000);
        var (a, b) = await OpenTwoAsync(host.Ledger);
        Transfer[] holds = [
            .. Enumerable.Range(0, 1_150).Select(_ => Large(a, b) with { Flags = TransferFlags.Pending })];
        (await host.Ledger.PostTransfersAsync(holds))
            .ShouldAllBe(static result => result.Status == TransferStatus.Created);
        var voids = Transaction.Of(NewId(), holds.Select(hold => Void(hold)));

        (await host.Ledger.PostTransactionAsync(voids)).Status.ShouldBe(TransferStatus.Created);

        await ShouldBeAsync(host, a);
        RowBytesMax().ShouldBeLessThanOrEqualTo(LedgerSizes.RowFull);

        // Each shows what is the hold's; all of them together would be too much for one answer.
        var last = voids.Legs[^1].Transfer!;
        foreach (var account in new[] { a, b })
        {
            (await host.Ledger.GetTransferAsync(account, last.Id))!.Transfer.Metadata.ShouldBe(holds[^1].Metadata);
        }

        var record = (await host.Ledger.GetTransactionAsync(a, voids.Id)).ShouldNotBeNull();
        record.IsAbridged.ShouldBeTrue();
        record.Transaction.Legs.Length.ShouldBe(1_150);
        record.Transaction.Legs[0].Transfer!.Metadata.ShouldBe(holds[0].Metadata);
        record.Transaction.Legs[^1].Transfer!.Metadata.ShouldBe(Metadata.Empty);
        EncodedSize.OfRecord(record)
            .ShouldBeInRange(LedgerSizes.AnswerMax - (2 * LedgerSizes.TransferMax), LedgerSizes.AnswerMax);
    }

    [Fact]
    public async Task A_transaction_of_holds_with_large_metadata_is_resolved_and_reversed_as_a_whole()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var made = Transaction.Of(
            NewId(), Enumerable.Range(0, 400).Select(_ => Large(a, b) with { Flags = TransferFlags.Pending }));
        (await host.Ledger.PostTransactionAsync(made)).Status.ShouldBe(TransferStatus.Created);

        var resolved = await host.Ledger.ResolveTransactionAsync(
            new TransactionResolution(NewId(), a, made.Id, Post: true));
        resolved.Status.ShouldBe(TransferStatus.Created);
        var reversed = await host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, resolved.Id, "mistake"));
        reversed.Status.ShouldBe(TransferStatus.Created);

        var record = (await host.Ledger.GetTransactionAsync(a, resolved.Id)).ShouldNotBeNull();
        record.IsAbridged.ShouldBeFalse();
        record.Transaction.Legs.Select(static leg => leg.Transfer!.Metadata)
            .ShouldBe(made.Legs.Select(static leg => leg.Transfer!.Metadata));
        (await host.Ledger.GetAccountAsync(a))!.Balances.Balance.ToString().ShouldBe("0");
    }

    [Fact]
    public async Task What_a_post_leaves_to_its_hold_is_shown_and_compared_and_not_copied()
    {
        var a = Address("a");
        var b = Address("b");
        var hold = Hold(a, b, 100) with { Reference = TextOfHold, Metadata = Metadata.Of([new("k", TextOfHold)]) };
        var part = Post(hold, 30, keepRest: true);
        var own = Post(hold, 20, keepRest: true) with { Reference = "of the post" };
        var rest = Post(hold);
        await using (var host = await StartAsync())
        {
            await OpenTwoAsync(host.Ledger);
            (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
            foreach (var post in new[] { part, own, rest })
            {
                (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Created);
            }

            await LookAsync(host.Ledger);
        }

        // The hold alone has the text: twice in each of two rows.
        storage.Rows().Sum(row => Occurrences(row.Row)).ShouldBe(4);

        // The same from the journal, and for one that comes again with what it had left out.
        await using (var host = await StartAsync(static options => options.IdempotencyWindowMax = 1))
        {
            await LookAsync(host.Ledger);
            foreach (var post in new[] { part, own, rest })
            {
                (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Exists);
                (await host.Ledger.PostTransferAsync(post with { Metadata = hold.Metadata })).Status
                    .ShouldBe(TransferStatus.Exists);
                (await host.Ledger.PostTransferAsync(post with { Metadata = Metadata.Of([new("k", "else")]) })).Status
                    .ShouldBe(TransferStatus.ExistsWithDifferentMetadata);
            }

            (await host.Ledger.PostTransferAsync(rest with { Reference = TextOfHold })).Status
                .ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(own with { Reference = TextOfHold })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentReference);
        }

        async Task LookAsync(ILedger ledger)
        {
            foreach (var account in new[] { a, b })
            {
                foreach (var newestFirst in new[] { false, true })
                {
                    var page = (
                        await ledger.ListStatementAsync(new StatementQuery(account) { NewestFirst = newestFirst }))!;
                    var expected = new[] { TextOfHold, "of the post", TextOfHold };
                    page.Entries.Select(static entry => entry.Transfer.Reference)
                        .ShouldBe(newestFirst ? expected.Reverse() : expected);
                    page.Entries.ShouldAllBe(entry => entry.Transfer.Metadata.Equals(hold.Metadata));
                }

                var record = (await ledger.GetTransferAsync(account, rest.Id)).ShouldNotBeNull();
                record.Transfer.Reference.ShouldBe(TextOfHold);
                record.Transfer.Metadata.ShouldBe(hold.Metadata);
            }
        }
    }

    [Fact]
    public async Task What_is_left_to_a_hold_of_the_same_transaction_is_shown_too()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100) with { Asset = Usd, Reference = TextOfHold };
        var transaction = Transaction.Of(NewId(), hold, Post(hold));
        (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);

        (await host.Ledger.GetTransferAsync(b, transaction.Legs[1].Transfer!.Id))!.Transfer.Reference
            .ShouldBe(TextOfHold);
        (await host.Ledger.GetTransactionAsync(a, transaction.Id))!.Transaction.Legs[1].Transfer!.Reference
            .ShouldBe(TextOfHold);
        (await host.Ledger.ListStatementAsync(new StatementQuery(b)))!.Entries.ShouldHaveSingleItem()
            .Transfer.Reference.ShouldBe(TextOfHold);
        (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Exists);
    }

    [Fact]
    public async Task A_page_ends_early_where_its_entries_have_much_to_say()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        await host.Ledger.PostTransfersAsync([.. Enumerable.Range(0, 1_000).Select(_ => Large(a, b))]);
        foreach (var newestFirst in new[] { false, true })
        {
            var seen = new List<ulong>();
            var query = new StatementQuery(a) { PageSize = LedgerLimits.PageSizeMax, NewestFirst = newestFirst };
            for (var next = (ulong?)0; next is { } from;)
            {
                var page = (await host.Ledger.ListStatementAsync(
                    from == 0
                    ? query
                    : newestFirst ? query with { MaxSequence = from } : query with { MinSequence = from }))!;
                page.Entries.Sum(static entry => (long)EncodedSize.OfEntry(entry))
                    .ShouldBeLessThan(LedgerSizes.AnswerMax);
                page.Entries.Count.ShouldBeGreaterThan(100);
                seen.AddRange(page.Entries.Select(static entry => entry.Sequence));
                next = page.NextSequence;
            }

            var all = Enumerable.Range(1, 1_000).Select(static n => (ulong)n);
            seen.ShouldBe(newestFirst ? all.Reverse() : all);
        }
    }

    [Fact]
    public async Task A_page_of_a_statement_reads_no_more_than_it_may_and_goes_on_where_it_ended()
    {
        const int Runs = 26;
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var c = await OpenAsync(host.Ledger, "c");

        // As a payroll does: whoever coordinates stores all of each transaction, and has one leg of it.
        for (var i = 0; i < Runs; i++)
        {
            var run = Transaction.Of(
                NewId(),
                [Transfer(a, b, 1) with { Asset = Usd }, .. Enumerable.Range(0, 440).Select(_ => Large(b, c))]);
            (await host.Ledger.PostTransactionAsync(run)).Status.ShouldBe(TransferStatus.Created);
        }

        (await host.Ledger.ListStatementAsync(new StatementQuery(a) { PageSize = 1 }))!.Entries.Count.ShouldBe(1);
        await using var streams = new CountingStreams(Context(host).Reader.Streams);
        var reader = new AccountStreamReader(streams);
        var fence = new FlushResponse(true, RowsOf(a), Runs);
        foreach (var newestFirst in new[] { false, true })
        {
            var seen = new List<ulong>();
            var query = new StatementQuery(a) { PageSize = 100, NewestFirst = newestFirst };
            for (var next = (ulong?)0; next is { } from;)
            {
                streams.Bytes = 0;
                var page = await reader.ReadPageAsync(
                    from == 0
                    ? query
                    : newestFirst ? query with { MaxSequence = from } : query with { MinSequence = from },
                    fence, CancellationToken.None);
                streams.Bytes.ShouldBeLessThan(LedgerSizes.StatementReadMax + LedgerSizes.RowMax);
                page.Entries.ShouldNotBeEmpty();
                seen.AddRange(page.Entries.Select(static entry => entry.Sequence));
                next = page.NextSequence;
            }

            var all = Enumerable.Range(1, Runs).Select(static n => (ulong)n);
            seen.ShouldBe(newestFirst ? all.Reverse() : all);
        }
    }

    private sealed class CountingStreams(IAccountStreams inner) : IAccountStreams
    {
        public long Bytes { get; set; }

        public async Task<IReadOnlyList<StreamRow>> ReadAsync(
            string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
            CancellationToken cancellationToken)
        {
            var rows = await inner.ReadAsync(
                persistenceId, fromSequenceNr, toSequenceNr, maxRows, descending, cancellationToken);
            Bytes += rows.Sum(static row => (long)row.Payload.Length);
            return rows;
        }

        public Task<IReadOnlyList<string>> ListStreamsAsync(
            string prefix, string? after, int limit, CancellationToken cancellationToken) =>
            inner.ListStreamsAsync(prefix, after, limit, cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_page_of_accounts_ends_early_where_they_have_much_to_say()
    {
        await using var host = await StartAsync();
        var metadata = Large(Address("a"), Address("b")).Metadata;
        AccountAddress[] accounts = [.. Enumerable.Range(0, 1_000).Select(static i => Address($"list:{i:000}"))];
        await host.Ledger.OpenAccountsAsync(
            [.. accounts.Select(one => new AccountSpec(one, Usd, 1) { Metadata = metadata })]);
        var first = await host.Ledger.ListAccountsAsync(null, LedgerLimits.PageSizeMax);
        first.Accounts.Count.ShouldBeInRange(500, 999);
        first.Accounts.Sum(static account => (long)EncodedSize.OfAccount(account))
            .ShouldBeLessThan(LedgerSizes.AnswerMax);
        var second = await host.Ledger.ListAccountsAsync(first.Next, LedgerLimits.PageSizeMax);
        second.Next.ShouldBeNull();
        first.Accounts.Concat(second.Accounts).Select(static account => account.Spec.Address).ShouldBe(accounts);
    }

    // A transfer with as much metadata as there may be.
    private Transfer Large(AccountAddress debit, AccountAddress credit) => Transfer(debit, credit, 1) with
    {
        Asset = Usd,
        Metadata = Metadata.Of(Enumerable.Range(0, 16).Select(i =>
            new KeyValuePair<string, string>($"k{i:00}", $"{lastId:000000}".PadRight(253, (char)('a' + i))))),
    };

    private static int Occurrences(ReadOnlySpan<byte> row)
    {
        var text = Encoding.UTF8.GetBytes(TextOfHold);
        var count = 0;
        for (var at = row.IndexOf(text); at >= 0; at = row.IndexOf(text))
        {
            count++;
            row = row[(at + text.Length)..];
        }

        return count;
    }

    private long RowCount() => storage.Count("SELECT COUNT(*) FROM journal");

    private long RowBytesMax() => storage.Count(
        $"SELECT MAX(LENGTH(message)) FROM journal WHERE persistence_id LIKE '{AccountActor.PersistenceIdPrefix}%'");
}
