using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>The facts that every row and answer carries.</content>
public abstract partial class LedgerSuite
{
    // ---------------------------------------------------------------- effective time

    [Fact]
    public async Task When_a_transfer_counts_is_kept_and_returned_everywhere_also_after_a_restart()
    {
        var times = new[] { new LedgerTime(0), new LedgerTime(-1), LedgerLimits.EffectiveTimeMin, LedgerLimits.EffectiveTimeMax };
        var transfers = new List<Transfer>();
        Transaction transaction;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var c = await OpenAsync(host.Ledger, "c");
            foreach (var time in times)
            {
                transfers.Add(Transfer(a, b, 5) with { EffectiveTime = time });
                (await host.Ledger.PostTransferAsync(transfers[^1])).Status.ShouldBe(TransferStatus.Created);
            }

            transaction = Transaction.Of(
                NewId(), Transfer(a, b, 1) with { Asset = Usd, EffectiveTime = times[1] },
                Transfer(b, c, 1) with { Asset = Usd });
            (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            foreach (var transfer in transfers)
            {
                foreach (var account in new[] { transfer.DebitAccount, transfer.CreditAccount })
                {
                    (await host.Ledger.GetTransferAsync(account, transfer.Id)).ShouldNotBeNull().Transfer.ShouldBe(transfer);
                    var entries = (await host.Ledger.GetStatementAsync(new StatementQuery(account)))!.Entries;
                    entries.Single(entry => entry.Transfer.Id == transfer.Id).Transfer.ShouldBe(transfer);
                }

                (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Exists);
                (await host.Ledger.PostTransferAsync(transfer with { EffectiveTime = new LedgerTime(5) })).Status
                    .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
                (await host.Ledger.PostTransferAsync(transfer with { EffectiveTime = null })).Status
                    .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
            }

            var anchor = transaction.Legs[0].Transfer!.DebitAccount;
            (await host.Ledger.GetTransactionAsync(anchor, transaction.Id)).ShouldNotBeNull().Transaction.Legs
                .ShouldBe(transaction.Legs);
        }
    }

    [Fact]
    public async Task A_post_and_a_correction_count_when_they_say_and_not_when_their_hold_or_original_does()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var then = new LedgerTime(1_700_000_000_000_000);
        var hold = Transfer(a, b, 30) with { Flags = TransferFlags.Pending, EffectiveTime = then };
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetTransferAsync(b, hold.Id)).ShouldNotBeNull().Transfer.EffectiveTime.ShouldBe(then);
        Transfer Post(LedgerTime? time) => new(NewId(), default, default, Amount.Of(10), 0)
        {
            Flags = TransferFlags.PostPending | TransferFlags.KeepRest, PendingId = hold.Id, EffectiveTime = time,
        };
        foreach (var time in new LedgerTime?[] { null, new LedgerTime(3) })
        {
            var post = Post(time);
            (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Created);
            foreach (var account in new[] { a, b })
            {
                (await host.Ledger.GetTransferAsync(account, post.Id)).ShouldNotBeNull().Transfer.EffectiveTime.ShouldBe(time);
            }
        }

        var original = Transfer(a, b, 7) with { EffectiveTime = then };
        (await host.Ledger.PostTransferAsync(original)).Status.ShouldBe(TransferStatus.Created);
        foreach (var time in new LedgerTime?[] { null, new LedgerTime(4) })
        {
            var correction = new Reversal(NewId(), a, original.Id, "by mistake") { Amount = Amount.Of(2), EffectiveTime = time };
            (await host.Ledger.ReverseAsync(correction)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetTransferAsync(a, correction.Id)).ShouldNotBeNull().Transfer.EffectiveTime.ShouldBe(time);
        }
    }

    [Fact]
    public async Task A_time_that_can_t_be_printed_is_refused_before_anything_is_done()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        foreach (var micros in new[]
        {
            LedgerLimits.EffectiveTimeMin.UnixMicroseconds - 1, LedgerLimits.EffectiveTimeMax.UnixMicroseconds + 1,
            long.MaxValue, long.MinValue + 1,
        })
        {
            var transfer = Transfer(a, b, 5) with { Asset = Usd, EffectiveTime = new LedgerTime(micros) };
            foreach (var (field, call) in new (string, Func<Task>)[]
            {
                ("effective_time", () => host.Ledger.PostTransferAsync(transfer)),
                ("transfers[0].effective_time", () => host.Ledger.PostTransfersAsync([transfer])),
                ("legs[0].effective_time", () => host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), transfer))),
                ("items[0].effective_time", () => host.Ledger.SubmitBatchAsync([new BatchItem(TransactionLeg.Of(transfer))])),
                ("effective_time", () => host.Ledger.ReverseAsync(
                    new Reversal(NewId(), a, NewId(), "r") { EffectiveTime = transfer.EffectiveTime })),
                ("effective_time", () => host.Ledger.ResolveTransactionAsync(
                    new TransactionResolution(NewId(), a, NewId(), Post: true) { EffectiveTime = transfer.EffectiveTime })),
            })
            {
                var refused = await Should.ThrowAsync<LedgerException>(call);
                refused.Reason.ShouldBe(LedgerErrorReason.InvalidArgument);
                refused.Field.ShouldBe(field);
            }
        }

        (await host.Ledger.GetAccountAsync(a))!.Balances.ShouldBe(default);
    }
}
