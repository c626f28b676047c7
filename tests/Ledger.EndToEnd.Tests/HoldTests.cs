using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: a hold reserves money and is posted, voided, extended or expires, as its maker sees it from outside.
/// Method: the client against a real node on SQLite; each test has accounts of its own.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class HoldTests(SharedNode shared) : IAsyncLifetime
{
    private readonly LedgerClient client = shared.Node.Connect();
    private readonly string bank = $"{SharedNode.NewName()}:bank";
    private readonly string alice = $"{SharedNode.NewName()}:alice";
    private readonly string shop = $"{SharedNode.NewName()}:shop";

    public async Task InitializeAsync()
    {
        var opened = await client.OpenAccountsAsync(
        [
            New(bank), New(alice) with { DebitsMustNotExceedCredits = new AccountLimit(0) }, New(shop),
        ]);
        opened.ShouldAllBe(outcome => outcome.IsOpen);
        (await client.PostTransferAsync(Transfer(bank, alice, 100))).IsCommitted.ShouldBeTrue();
    }

    public Task DisposeAsync() => client.DisposeAsync().AsTask();

    [Fact]
    public async Task Hold_reserves_and_its_post_moves_a_part_and_frees_the_rest()
    {
        var hold = Hold(80);
        var held = await client.PostTransferAsync(hold);
        var tooMuch = await client.PostTransferAsync(Transfer(alice, shop, 21));
        var posted = await client.PostTransferAsync(Client.Transfer.PostHold(TransferIds.New(), hold.Id, 30));
        var again = await client.PostTransferAsync(Client.Transfer.PostHold(TransferIds.New(), hold.Id));
        var record = await client.GetTransferAsync(alice, hold.Id);

        held.Status.ShouldBe(TransferStatus.Created);
        held.Amount.ShouldBe((UInt128)80);
        tooMuch.Status.ShouldBe(TransferStatus.ExceedsCredits);
        posted.Amount.ShouldBe((UInt128)30);
        again.Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        record!.Hold!.State.ShouldBe(HoldState.Posted);
        var account = (await client.GetAccountAsync(alice))!;
        (account.Balances.DebitsPosted, account.Balances.DebitsPending, account.AvailableDebits!.Value)
            .ShouldBe(((UInt128)30, UInt128.Zero, 70));
        account.HoldCount.ShouldBe(0);
    }

    [Fact]
    public async Task Hold_is_posted_in_parts_and_the_retry_of_a_part_moves_nothing_more()
    {
        var hold = Hold(80);
        await client.PostTransferAsync(hold);
        var part = Client.Transfer.PostHold(TransferIds.New(), hold.Id, 30, keepRest: true);
        var first = await client.PostTransferAsync(part);
        var retry = await client.PostTransferAsync(part);
        var between = await client.GetTransferAsync("", hold.Id);
        var rest = await client.PostTransferAsync(Client.Transfer.PostHold(TransferIds.New(), hold.Id));

        first.Status.ShouldBe(TransferStatus.Created);
        retry.Status.ShouldBe(TransferStatus.Exists);
        retry.Amount.ShouldBe((UInt128)30);
        between!.Hold.ShouldBe(new Hold(HoldState.Live, 50, null));
        rest.Amount.ShouldBe((UInt128)50);
        (await client.GetAccountAsync(shop))!.Balances.CreditsPosted.ShouldBe((UInt128)80);
    }

    [Fact]
    public async Task Void_frees_all_of_a_hold()
    {
        var hold = Hold(80);
        await client.PostTransferAsync(hold);
        var voided = await client.PostTransferAsync(Client.Transfer.VoidHold(TransferIds.New(), hold.Id));
        var late = await client.PostTransferAsync(Client.Transfer.PostHold(TransferIds.New(), hold.Id));

        voided.Amount.ShouldBe((UInt128)80);
        late.Status.ShouldBe(TransferStatus.PendingTransferAlreadyVoided);
        (await client.GetAccountAsync(alice))!.AvailableDebits!.Value.ShouldBe(100);
    }

    [Fact]
    public async Task Hold_expires_and_an_extended_one_does_not()
    {
        var (brief, extended) = (
            Hold(10) with { Timeout = TimeSpan.FromSeconds(1) }, Hold(10) with { Timeout = TimeSpan.FromSeconds(1) });
        await client.PostTransferAsync(brief);
        await client.PostTransferAsync(extended);
        var until = DateTimeOffset.UtcNow.AddHours(1);
        var extension = await client.ExtendHoldAsync(extended.Id, until, alice);

        extension.IsApplied.ShouldBeTrue();
        await Until.TrueAsync("the expiry", async () =>
            (await client.GetTransferAsync(alice, brief.Id))!.Hold!.State == HoldState.Expired);
        var late = await client.PostTransferAsync(Client.Transfer.PostHold(TransferIds.New(), brief.Id));
        late.Status.ShouldBe(TransferStatus.PendingTransferExpired);
        (await client.GetTransferAsync(alice, extended.Id))!.Hold!.State.ShouldBe(HoldState.Live);
        (await client.GetAccountAsync(alice))!.AvailableDebits!.Value.ShouldBe(90);
    }

    [Fact]
    public async Task Balancing_transfer_moves_what_there_is()
    {
        var all = await client.PostTransferAsync(Transfer(alice, shop, 0) with
        {
            Amount = Client.Transfer.Unbounded, BalancingDebit = true,
        });

        all.Amount.ShouldBe((UInt128)100);
        (await client.GetAccountAsync(alice))!.Balance.ShouldBe(0);
    }

    [Fact]
    public async Task Transfer_is_taken_back_in_parts_and_never_beyond_its_amount()
    {
        var transfer = Transfer(alice, shop, 50);
        await client.PostTransferAsync(transfer);
        var part = await client.ReverseTransactionAsync(Reversal(transfer) with { Amount = 20 });
        var tooMuch = await client.ReverseTransactionAsync(Reversal(transfer) with { Amount = 31 });
        var rest = await client.ReverseTransactionAsync(Reversal(transfer));
        var again = await client.ReverseTransactionAsync(Reversal(transfer));

        part.IsCommitted.ShouldBeTrue();
        tooMuch.Status.ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        rest.Legs.Single().Amount.ShouldBe((UInt128)30);
        again.Status.ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        (await client.GetAccountAsync(alice))!.AvailableDebits!.Value.ShouldBe(100);
        var entry = await client.ListStatementAsync(shop, new StatementQuery { NewestFirst = true }).FirstAsync();
        (entry.Transfer.Reverses, entry.Transfer.Reason).ShouldBe((transfer.Id, "sent twice"));
    }

    private Transfer Hold(UInt128 amount) => Transfer(alice, shop, amount) with { Kind = TransferKind.Hold };

    private Reversal Reversal(Transfer original) => new()
    {
        Id = TransferIds.New(), OriginalId = original.Id, Account = alice, Reason = "sent twice",
    };

    private static AccountSpec New(string address) => new() { Address = address, Asset = "USD/2", Code = 1 };

    private static Transfer Transfer(string debit, string credit, UInt128 amount) => new()
    {
        Id = TransferIds.New(),
        DebitAccount = debit, CreditAccount = credit, Amount = amount, Asset = "USD/2", Code = 1,
    };
}
