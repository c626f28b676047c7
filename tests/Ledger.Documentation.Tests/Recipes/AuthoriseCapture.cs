using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/authorise-capture.md.</summary>
public sealed class AuthoriseCapture : Recipe
{
    [Fact]
    public async Task Card_hold_is_captured_in_parts_and_the_rest_released()
    {
        await ledger.OpenAccountsAsync([Open("bank", usd), Open("hotel", usd), Limited("alice", usd)]);
        await ledger.PostTransferAsync(Move("bank", "alice", 300_00, usd));

        // snippet: authorise
        var hold = Move("alice", "hotel", 200_00, usd) with
        {
            Kind = TransferKind.Hold,
            Timeout = TimeSpan.FromDays(7),
        };
        var authorised = await ledger.PostTransferAsync(hold);
        // end

        // snippet: capture
        var room = await ledger.PostTransferAsync(Capture(120_00, keepRest: true));
        var bar = await ledger.PostTransferAsync(Capture(15_00, keepRest: true));
        var left = (await ledger.GetTransferAsync(default, hold.Id))!;
        // left.Hold is Live, left.HoldRemaining is 65.00.

        Transfer Capture(ulong amount, bool keepRest) =>
            new(NewId(), default, default, Amount.Of(amount), Code: 0)
            {
                HoldId = hold.Id,
                Kind = TransferKind.PostHold,
                KeepRest = keepRest,
            };
        // end

        // snippet: longer
        var later = LedgerTime.From(DateTimeOffset.UtcNow.AddDays(14));
        var extended = await ledger.ExtendHoldAsync(new ExtendHold(hold.Id, later));
        // end

        // snippet: release
        var released = await ledger.PostTransferAsync(
            new Transfer(NewId(), default, default, Amount.Zero, Code: 0)
            {
                HoldId = hold.Id,
                Kind = TransferKind.VoidHold,
            });
        // released.Amount is 65.00.
        // end

        authorised.Status.ShouldBe(TransferStatus.Created);
        (room.Amount, bar.Amount).ShouldBe((Amount.Of(120_00), Amount.Of(15_00)));
        (left.Hold, left.HoldRemaining).ShouldBe((HoldState.Live, Amount.Of(65_00)));
        (extended.Status, extended.Deadline).ShouldBe((TransferStatus.Created, later));
        released.Amount.ShouldBe(Amount.Of(65_00));
        (await BalanceAsync("hotel")).ShouldBe("-13500");
        (await ledger.GetAccountAsync(At("alice")))!.AvailableDebits.ShouldBe(Amount.Of(165_00));
    }
}
