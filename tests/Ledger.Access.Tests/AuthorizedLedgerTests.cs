using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Access.Tests;

/// <summary>A real ledger on a SQLite file, as callers with different rights may use it.</summary>
public sealed class AuthorizedLedgerTests : IAsyncLifetime
{
    // alice may use her wallet, and pay to shops; the shop may take what is held for it; the auditor reads; ops may
    // all.
    private readonly Policies policies = new("""
        {"principals": {
          "alice": {"grants": [
            {"do": ["transfer", "hold"], "debit": ["users:alice"], "credit": ["shops:*"], "assets": ["USD/2"], "amountMax": "500"},
            {"do": ["read", "statement", "list"], "accounts": ["users:alice"]}]},
          "shop": {"grants": [
            {"do": ["resolve"], "debit": ["users:alice"], "amountMax": "100"},
            {"do": ["reverse"], "debit": ["shops:a"], "credit": ["users:**"]},
            {"do": ["read", "list"], "accounts": ["shops:a", "shops:b"]}]},
          "auditor": {"grants": [{"do": ["read", "statement", "list"], "accounts": ["**"]}]},
          "clerk": {"grants": [
            {"do": ["open"], "accounts": ["users:**"], "assets": ["USD/2"]},
            {"do": ["change"], "accounts": ["users:**"]},
            {"do": ["limits"], "accounts": ["users:bob"]}]},
          "ops": {"grants": [
            {"do": ["transfer", "hold", "resolve", "reverse", "close-by-transfer"], "debit": ["**"], "credit": ["**"]},
            {"do": ["read", "statement", "list", "open", "change", "limits"], "accounts": ["**"]},
            {"do": ["admin"]}]}}}
        """);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-access-");
    private readonly FakeTimeProvider clock = new(DateTimeOffset.UtcNow);
    private IHost host = null!;
    private ILedger ledger = null!;

    public async Task InitializeAsync()
    {
        host = new HostBuilder().ConfigureServices(services => services.AddLedger(
            options =>
            {
                options.UseSqlite(Path.Combine(directory.FullName, "ledger.db"));
                options.Index.Enabled = true;
            })).Build();
        await host.StartAsync();
        ledger = host.Services.GetRequiredService<ILedger>();
        var opened = await As("ops").OpenAccountsAsync(
        [
            .. new[] { "users:alice", "users:bob", "shops:a", "shops:b", "bank" }.Select(static one =>
                new AccountSpec(AccountAddress.Parse(one), Dollars, 1)
                {
                    DebitsMustNotExceedCredits = one.StartsWith("users", StringComparison.Ordinal) ? Amount.Zero : null,
                }),
        ]);
        opened.ShouldAllBe(static one => one.Status == AccountStatus.Created);
        foreach (var user in new[] { "users:alice", "users:bob" })
        {
            (await As("ops").PostTransferAsync(Pay("bank", user, 1_000))).Status.ShouldBe(TransferStatus.Created);
        }
    }

    public async Task DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
        directory.Delete(recursive: true);
    }

    [Fact]
    public async Task What_a_grant_allows_is_done_in_the_callers_name()
    {
        var transfer = Pay("users:alice", "shops:a", 500);
        (await As("alice").PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
        var record = await As("auditor").GetTransferAsync(transfer.DebitAccount, transfer.Id);
        record.ShouldNotBeNull().Principal.ShouldBe("alice");
    }

    [Fact]
    public async Task What_no_grant_allows_is_refused_and_changes_nothing()
    {
        var alice = As("alice");
        foreach (var transfer in new[]
        {
            Pay("users:bob", "shops:a", 1), Pay("users:alice", "users:bob", 1), Pay("users:alice", "shops:a", 501),
            Pay("users:alice", "shops:a", 1) with { Asset = default },
            Pay("users:alice", "shops:a", 1) with { Kind = TransferKind.Hold, ClosingDebit = true },
            Pay("users:alice", "shops:a", 1) with { OpenAccounts = true },
            Pay("users:alice", "shops:nowhere", 501),
        })
        {
            await DeniedAsync(() => alice.PostTransferAsync(transfer));
            await DeniedAsync(
                () => alice.PostTransactionAsync(Transaction.Of(NewId(), Pay("users:alice", "shops:a", 1), transfer)));
            await DeniedAsync(() => alice.PostTransfersAsync([Pay("users:alice", "shops:a", 1), transfer]));
            await DeniedAsync(() => alice.SubmitBatchAsync(
                [new BatchItem(TransactionLeg.Of(Pay("users:alice", "shops:a", 1))),
                    new BatchItem(TransactionLeg.Of(transfer))]));
        }

        var bob = AccountAddress.Parse("users:bob");
        await DeniedAsync(
            () => alice.OpenAccountsAsync([new AccountSpec(AccountAddress.Parse("users:carol"), Dollars, 1)]));
        await DeniedAsync(() => alice.GetAccountAsync(bob));
        await DeniedAsync(() => alice.GetTransferAsync(bob, NewId()));
        await DeniedAsync(() => alice.GetTransactionAsync(bob, NewId()));
        await DeniedAsync(() => alice.ListStatementAsync(new StatementQuery(bob)));
        await DeniedAsync(() => alice.ChangeAccountAsync(bob, new CloseAccount("no")));
        await DeniedAsync(() => alice.ChangeAccountAsync(bob, new SetAccountLimits(null, null)));
        await DeniedAsync(() => As("clerk").ChangeAccountAsync(
            AccountAddress.Parse("users:alice"), new SetAccountLimits(null, null)));
        await DeniedAsync(() => As("clerk").OpenAccountsAsync(
            [new AccountSpec(AccountAddress.Parse("users:carol"), Euros, 1)]));
        await DeniedAsync(() => As("nobody").ListAccountsAsync(null, 10));
        await DeniedAsync(() => Task.FromResult(alice.WithCaller("ops")));

        (await BalanceAsync("users:alice")).ShouldBe(1_000);
        (await BalanceAsync("users:bob")).ShouldBe(1_000);
        (await BalanceAsync("shops:a")).ShouldBe(0);
    }

    [Fact]
    public async Task A_hold_is_resolved_by_whoever_may_on_the_account_that_it_debits()
    {
        var hold = await HeldAsync("alice", "users:alice", "shops:a", 300);
        var other = await HeldAsync("ops", "users:bob", "shops:a", 50);

        // More than the shop may take at once, another's hold, and one that is nowhere, named or not.
        await DeniedAsync(() => As("shop").PostTransferAsync(Post(hold, 101)));
        await DeniedAsync(() => As("shop").PostTransferAsync(Post(hold, null)));
        await DeniedAsync(() => As("shop").PostTransferAsync(Post(other, 10)));
        await DeniedAsync(
            () =>
                As("shop")
                    .PostTransferAsync(Post(other, 10) with { DebitAccount = AccountAddress.Parse("users:bob") }));
        await DeniedAsync(() => As("shop").PostTransferAsync(Post(NewId(), 10)));
        await DeniedAsync(() => As("alice").PostTransferAsync(Post(hold, 100)));
        await DeniedAsync(
            () => As("shop").ExtendHoldAsync(new ExtendHold(other, LedgerTime.From(DateTimeOffset.UtcNow.AddDays(1)))));
        (await BalanceAsync("shops:a")).ShouldBe(0);

        // On an account where it may, what is not there is said to be not there.
        var named = Post(other, 10) with { DebitAccount = AccountAddress.Parse("users:alice") };
        (await As("shop").PostTransferAsync(named)).Status.ShouldBe(TransferStatus.PendingTransferNotFound);
        (await As("shop").PostTransfersAsync([named, Post(hold, 100)])).Select(static one => one.Status)
            .ShouldBe([TransferStatus.PendingTransferNotFound, TransferStatus.Created]);
        (await BalanceAsync("shops:a")).ShouldBe(100);
    }

    [Fact]
    public async Task A_hold_that_the_same_request_makes_is_judged_by_that()
    {
        var hold = Pay("users:alice", "shops:a", 20) with { Kind = TransferKind.Hold };
        policies.Current = new Policies("""
            {"principals": {"till": {"grants": [
              {"do": ["hold", "resolve"], "debit": ["users:alice"], "credit": ["shops:*"], "amountMax": "50"}]}}}
            """).Current;
        var result = await As("till").PostTransactionAsync(Transaction.Of(NewId(), hold, Post(hold.Id, null)));
        result.Status.ShouldBe(TransferStatus.Created);
        var large = Pay("users:alice", "shops:a", 51) with { Kind = TransferKind.Hold };
        await DeniedAsync(() => As("till").PostTransactionAsync(Transaction.Of(NewId(), large, Post(large.Id, 1))));
    }

    [Fact]
    public async Task A_hold_of_the_same_request_opens_no_other_hold()
    {
        policies.Current = new Policies("""
            {"principals": {
              "thief": {"grants": [
                {"do": ["hold", "resolve"], "debit": ["users:bob"], "credit": ["shops:*"], "amountMax": "50"}]},
              "ops": {"grants": [{"do": ["transfer", "hold"], "debit": ["**"], "credit": ["**"]}]}}}
            """).Current;
        var hold = await HeldAsync("ops", "users:alice", "shops:a", 300);
        var decoy = Pay("users:bob", "shops:b", 0) with { Id = hold, Kind = TransferKind.Hold };
        var alice = AccountAddress.Parse("users:alice");
        foreach (var post in new[]
        {
            Post(hold, null), Post(hold, null) with { DebitAccount = alice },
            Post(hold, 1) with { CreditAccount = AccountAddress.Parse("shops:a") },
        })
        {
            await DeniedAsync(() => As("thief").PostTransfersAsync([post, decoy]));
            await DeniedAsync(() => As("thief").SubmitBatchAsync(
                [new BatchItem(TransactionLeg.Of(decoy)), new BatchItem(TransactionLeg.Of(post))]));
        }

        await DeniedAsync(() => As("thief").PostTransactionAsync(
            Transaction.Of(NewId(), decoy, Post(hold, null) with { DebitAccount = alice })));
        await DeniedAsync(() => As("thief").PostTransactionAsync(Transaction.Of(NewId(), Post(hold, null), decoy)));

        // What it makes and resolves itself passes, and the id is another's already: it is not told whose.
        await DeniedAsync(() => As("thief").PostTransactionAsync(Transaction.Of(NewId(), decoy, Post(hold, null))));
        (await BalanceAsync("shops:a")).ShouldBe(0);
        (await BalanceAsync("users:alice")).ShouldBe(1_000);

        // A hold that was made small is no way to post more than is allowed.
        var own = await HeldAsync("ops", "users:bob", "shops:b", 200);
        await DeniedAsync(() => As("thief").PostTransfersAsync(
            [Post(own, null), Pay("users:bob", "shops:b", 0) with { Id = own, Kind = TransferKind.Hold }]));
    }

    [Fact]
    public async Task A_reversal_without_an_account_takes_back_what_was_judged()
    {
        // A leg has the transaction's own id: by it alone only that leg would be seen.
        var id = NewId();
        var both = Transaction.Of(
            id, Pay("users:alice", "shops:a", 10) with { Id = id }, Pay("users:bob", "shops:b", 20));
        (await As("ops").PostTransactionAsync(both)).IsCommitted.ShouldBeTrue();
        await DeniedAsync(() => As("shop").ReverseTransactionAsync(new Reversal(NewId(), default, id, "a mistake")));
        (await BalanceAsync("shops:b")).ShouldBe(20);
        var paid = Pay("users:alice", "shops:a", 5);
        (await As("alice").PostTransferAsync(paid)).IsCommitted.ShouldBeTrue();
        (await As("shop").ReverseTransactionAsync(new Reversal(NewId(), default, paid.Id, "a mistake"))).IsCommitted
            .ShouldBeTrue();
    }

    [Fact]
    public async Task What_ends_a_hold_takes_nothing_back()
    {
        var paid = Pay("users:alice", "shops:a", 100);
        (await As("alice").PostTransferAsync(paid)).IsCommitted.ShouldBeTrue();
        var hold = await HeldAsync("ops", "users:bob", "shops:a", 300);
        var spoiling = new Transfer(NewId(), default, default, Amount.Zero, 0)
        {
            HoldId = hold, Kind = TransferKind.VoidHold, Reverses = paid.Id, Reason = "none",
        };
        await DeniedAsync(() => As("ops").PostTransferAsync(spoiling));
        (await ledger.PostTransferAsync(spoiling)).Status.ShouldBe(TransferStatus.FlagsAreMutuallyExclusive);
        (await As("shop").ReverseTransactionAsync(Reverse(paid))).IsCommitted.ShouldBeTrue();
    }

    [Fact]
    public async Task Who_may_list_and_not_read_sees_no_balances()
    {
        policies.Current = new Policies("""{"principals": {"p": {"grants": [{"do": ["list"], "accounts": ["**"]}]}}}""")
            .Current;
        (await As("p").ListAccountsAsync(null, 10)).Accounts.ShouldBeEmpty();
        (await Asking("p").SearchAccountsAsync(new AccountSearch(new AccountFilter()))).ShouldNotBeNull();
    }

    [Fact]
    public async Task What_was_moved_is_taken_back_by_whoever_may_between_those_accounts()
    {
        var paid = Pay("users:alice", "shops:a", 100);
        var elsewhere = Pay("users:alice", "shops:b", 100);
        (await As("alice").PostTransfersAsync([paid, elsewhere])).ShouldAllBe(static one => one.IsCommitted);
        await DeniedAsync(() => As("shop").ReverseTransactionAsync(Reverse(elsewhere)));
        await DeniedAsync(() => As("alice").ReverseTransactionAsync(Reverse(paid)));
        await DeniedAsync(() => As("shop").ReverseTransactionAsync(Reverse(Pay("users:alice", "shops:a", 1))));
        var result = await As("shop").ReverseTransactionAsync(Reverse(paid));
        result.IsCommitted.ShouldBeTrue();
        (await BalanceAsync("shops:a")).ShouldBe(0);
        (await BalanceAsync("shops:b")).ShouldBe(100);

        // The same by hand takes the same right.
        await DeniedAsync(() => As("alice").PostTransferAsync(
            Pay("users:alice", "shops:b", 1) with { Reverses = elsewhere.Id, Reason = "no" }));
    }

    [Fact]
    public async Task Answers_hold_only_what_the_caller_may_read()
    {
        // The shop may not be read by alice, nor alice by the shop.
        var paid = Pay("users:alice", "shops:a", 100);
        var result = await As("alice").ReturningBalances().PostTransferAsync(paid);
        result.DebitAfter.ShouldNotBeNull().Address.Text.ShouldBe("users:alice");
        result.CreditAfter.ShouldBeNull();

        var refused = await As("alice").PostTransferAsync(Pay("users:alice", "shops:a", 500));
        refused.Status.ShouldBe(TransferStatus.Created);
        refused = await As("alice").PostTransferAsync(Pay("users:alice", "shops:a", 500));
        refused.Status.ShouldBe(TransferStatus.ExceedsCredits);
        refused.BalanceSeen.ShouldNotBeNull();
        var record = await As("alice").GetTransferAsync(AccountAddress.Parse("users:alice"), refused.Id);
        record.ShouldNotBeNull().BalanceSeen.ShouldNotBeNull();
        policies.Current = new Policies("""
            {"principals": {"alice": {"grants": [
              {"do": ["transfer"], "debit": ["users:alice"], "credit": ["shops:*"]}]}}}
            """).Current;
        refused = await As("alice").PostTransferAsync(Pay("users:alice", "shops:a", 500));
        refused.Status.ShouldBe(TransferStatus.ExceedsCredits);
        refused.BalanceSeen.ShouldBeNull();
    }

    [Fact]
    public async Task A_transaction_is_shown_without_the_legs_of_others()
    {
        var transaction = Transaction.Of(
            NewId(), Pay("users:alice", "shops:a", 10), Pay("users:bob", "shops:b", 20),
            Pay("bank", "users:alice", 30));
        (await As("ops").PostTransactionAsync(transaction)).IsCommitted.ShouldBeTrue();
        var whole = await As("auditor").GetTransactionAsync(AccountAddress.Parse("users:alice"), transaction.Id);
        whole.ShouldNotBeNull().Transaction.Legs.Length.ShouldBe(3);
        whole.IsAbridged.ShouldBeFalse();
        var cut = await As("alice").GetTransactionAsync(AccountAddress.Parse("users:alice"), transaction.Id);
        cut.ShouldNotBeNull().Transaction.Legs.Select(static leg => leg.Transfer!.Amount)
            .ShouldBe([Amount.Of(10), Amount.Of(30)]);
        cut.Result.Legs.Length.ShouldBe(2);
        cut.IsAbridged.ShouldBeTrue();
    }

    [Fact]
    public async Task A_list_holds_the_accounts_that_may_be_listed_whatever_lies_between()
    {
        var shop = As("shop");
        var first = await shop.ListAccountsAsync(null, 1);
        first.Accounts.Single().Spec.Address.Text.ShouldBe("shops:a");
        first.Next.ShouldBe("shops:a");
        var second = await shop.ListAccountsAsync(first.Next, 1);
        second.Accounts.Single().Spec.Address.Text.ShouldBe("shops:b");
        var last = await shop.ListAccountsAsync(second.Next, 1);
        last.Accounts.ShouldBeEmpty();
        last.Next.ShouldBeNull();
        (await As("auditor").ListAccountsAsync(null, 100)).Accounts.Count.ShouldBe(5);
    }

    [Fact]
    public async Task A_refusal_does_not_tell_what_exists()
    {
        var alice = As("alice");
        var bobs = Pay("users:bob", "shops:b", 1);
        (await As("ops").PostTransferAsync(bobs)).IsCommitted.ShouldBeTrue();
        var hold = await HeldAsync("ops", "users:bob", "shops:b", 5);
        var (there, nowhere) = (AccountAddress.Parse("users:bob"), AccountAddress.Parse("users:nobody"));
        var unknown = NewId();
        foreach (var (present, absent) in new (Func<ILedger, Task>, Func<ILedger, Task>)[]
        {
            (one => one.GetAccountAsync(there), one => one.GetAccountAsync(nowhere)),
            (one => one.ListStatementAsync(new StatementQuery(there)),
                one => one.ListStatementAsync(new StatementQuery(nowhere))),
            (one => one.GetTransferAsync(there, bobs.Id), one => one.GetTransferAsync(nowhere, bobs.Id)),
            (one => one.PostTransferAsync(Pay("users:bob", "shops:a", 1)),
                one => one.PostTransferAsync(Pay("users:nobody", "shops:a", 1))),
            (one => one.ChangeAccountAsync(there, new CloseAccount("")),
                one => one.ChangeAccountAsync(nowhere, new CloseAccount(""))),
        })
        {
            (await FailureAsync(() => present(alice))).ShouldBe(await FailureAsync(() => absent(alice)));
        }

        // By its id alone, and for what resolves or takes back what is somebody else's.
        (await FailureAsync(() => alice.GetTransferAsync(default, bobs.Id)))
            .Replace($"{bobs.Id}", "", StringComparison.Ordinal)
            .ShouldBe(
                (await FailureAsync(() => alice.GetTransferAsync(default, unknown)))
                    .Replace($"{unknown}", "", StringComparison.Ordinal));
        (await FailureAsync(() => As("shop").PostTransferAsync(Post(hold, 5))))
            .ShouldBe(await FailureAsync(() => As("shop").PostTransferAsync(Post(unknown, 5))));
        (await FailureAsync(() => As("shop").ReverseTransactionAsync(Reverse(bobs))))
            .ShouldBe(
                await FailureAsync(
                    () => As("shop").ReverseTransactionAsync(Reverse(bobs) with { OriginalId = unknown })));
    }

    [Fact]
    public async Task An_id_that_stands_for_somebody_elses_content_does_not_show_it()
    {
        policies.Current = new Policies("""
            {"principals": {
              "blind": {"grants": [{"do": ["transfer"], "debit": ["users:alice"], "credit": ["shops:*"]}]},
              "ops": {"grants": [{"do": ["transfer"], "debit": ["**"], "credit": ["**"]}]}}}
            """).Current;
        var theirs = Pay("users:alice", "bank", 7);
        (await As("ops").PostTransferAsync(theirs)).IsCommitted.ShouldBeTrue();
        var mine = Pay("users:alice", "shops:a", 8) with { Id = theirs.Id };
        await DeniedAsync(() => As("blind").PostTransferAsync(mine));
        var more = Pay("users:alice", "shops:a", 9);
        (await As("blind").PostTransfersAsync([more, mine])).Select(static one => one.Status)
            .ShouldBe([TransferStatus.Created, TransferStatus.IdAlreadyFailed]);

        // What it has said itself, it may be told.
        (await As("blind").PostTransferAsync(more with { Code = 2 })).Status
            .ShouldBe(TransferStatus.ExistsWithDifferentCode);
        (await As("blind").PostTransferAsync(more)).Status.ShouldBe(TransferStatus.Exists);
    }

    [Fact]
    public async Task A_right_that_is_withdrawn_is_gone_at_the_next_call()
    {
        var alice = As("alice");
        (await alice.PostTransferAsync(Pay("users:alice", "shops:a", 1))).IsCommitted.ShouldBeTrue();
        policies.Current = new Policies("""{"principals": {}}""").Current;
        await DeniedAsync(() => alice.PostTransferAsync(Pay("users:alice", "shops:a", 1)));
    }

    [Fact]
    public async Task Credentials_that_have_expired_end_what_still_runs()
    {
        var caller = new Caller("alice") { ExpireTime = clock.GetUtcNow().AddMinutes(1) };
        var alice = new AuthorizedLedger(ledger, caller, policies, clock);
        (await alice.PostTransferAsync(Pay("users:alice", "shops:a", 1))).IsCommitted.ShouldBeTrue();
        clock.Advance(TimeSpan.FromMinutes(1));
        (await Should.ThrowAsync<LedgerException>(() => alice.PostTransferAsync(Pay("users:alice", "shops:a", 1))))
            .Reason.ShouldBe(LedgerErrorReason.Unauthenticated);
        var admin =
            new AuthorizedLedgerAdmin(host.Services.GetRequiredService<ILedgerAdmin>(), caller, policies, clock);
        Should.Throw<LedgerException>(admin.Require).Reason.ShouldBe(LedgerErrorReason.Unauthenticated);
    }

    [Fact]
    public async Task Only_operators_ask_what_is_in_doubt()
    {
        var admin = host.Services.GetRequiredService<ILedgerAdmin>();
        await DeniedAsync(
            () => new AuthorizedLedgerAdmin(admin, new Caller("alice"), policies, clock).ListInDoubtAsync(null, 1));
        (await new AuthorizedLedgerAdmin(admin, new Caller("ops"), policies, clock).ListInDoubtAsync(null, 1)).Accounts
            .ShouldBeEmpty();
    }

    [Fact]
    public async Task Searches_hold_only_what_the_caller_may_read()
    {
        var paid = Pay("users:alice", "shops:a", 3);
        var result = await As("alice").PostTransferAsync(paid);
        (await As("ops").PostTransferAsync(Pay("users:bob", "shops:a", 4))).IsCommitted.ShouldBeTrue();
        var atLeast = ledger.PositionOf(result.Position);
        var mine = new TransferFilter { Account = AccountAddress.Parse("users:alice") };
        var page = await Asking("alice")
            .SearchTransfersAsync(new TransferSearch(mine) { AtLeast = atLeast, Count = true });
        page.Transfers.Select(static one => one.Transfer.Id).ShouldContain(paid.Id);
        page.Transfers.ShouldAllBe(
            static one =>
                one.Transfer.DebitAccount.Text == "users:alice" || one.Transfer.CreditAccount.Text == "users:alice");
        page.Count.ShouldBe(2);
        page.Position.IsNone.ShouldBeTrue("It would name an account of others.");
        foreach (var filter in new[]
        {
            new TransferFilter { Account = AccountAddress.Parse("users:bob") },
            new TransferFilter { Account = AccountAddress.Parse("users:nobody") },
            new TransferFilter { AccountPrefix = "users:alice" }, new TransferFilter { Ids = [paid.Id] },
            new TransferFilter(),
        })
        {
            await DeniedAsync(() => Asking("alice").SearchTransfersAsync(new TransferSearch(filter)));
        }

        (await Asking("auditor")
            .SearchTransfersAsync(new TransferSearch(new TransferFilter { Ids = [paid.Id] }) { AtLeast = atLeast }))
            .Transfers.Single().Transfer.Id.ShouldBe(paid.Id);
        await DeniedAsync(() => Asking("clerk").SearchTransfersAsync(new TransferSearch(mine)));
    }

    [Fact]
    public async Task Accounts_are_found_whatever_lies_between_and_not_counted()
    {
        var atLeast = ledger.PositionOf(
            (await As("alice").PostTransferAsync(Pay("users:alice", "shops:a", 1))).Position);
        var shops = new AccountSearch(new AccountFilter()) { AtLeast = atLeast, PageSize = 1 };
        var first = await Asking("shop").SearchAccountsAsync(shops);
        first.Accounts.Single().Spec.Address.Text.ShouldBe("shops:a");
        first.Next.ShouldBe("shops:a");
        var rest = await Asking("shop").SearchAccountsAsync(shops with { After = first.Next, PageSize = 10 });
        rest.Accounts.Single().Spec.Address.Text.ShouldBe("shops:b");
        rest.Next.ShouldBeNull();
        await DeniedAsync(() => Asking("shop").SearchAccountsAsync(shops with { Count = true }));
        await DeniedAsync(() => Asking("clerk").SearchAccountsAsync(shops));
        (await Asking("auditor").SearchAccountsAsync(shops with { PageSize = 100, Count = true })).Count.ShouldBe(5);
    }

    [Fact]
    public async Task Holds_and_batches_are_of_accounts_that_the_caller_may_read()
    {
        var hold = await HeldAsync("alice", "users:alice", "shops:a", 10);
        var (alice, bob) = (AccountAddress.Parse("users:alice"), AccountAddress.Parse("users:bob"));
        (await Asking("alice").ListHoldsAsync(new HoldQuery(alice)))!.Holds.Single().Transfer.Id.ShouldBe(hold);
        await DeniedAsync(() => Asking("alice").ListHoldsAsync(new HoldQuery(bob)));
        (await Asking("alice").GetAccountsAsync([alice, alice])).Count.ShouldBe(2);
        await DeniedAsync(() => Asking("alice").GetAccountsAsync([alice, bob]));
        (await Asking("alice").GetTransfersAsync([new TransferKey(alice, hold), new TransferKey(alice, NewId())]))
            .Select(static one => one is not null).ShouldBe([true, false]);
        await DeniedAsync(() => Asking("alice").GetTransfersAsync([new TransferKey(default, hold)]));
        await DeniedAsync(() => Asking("alice").GetTransfersAsync([new TransferKey(bob, hold)]));
    }

    private AuthorizedQueries Asking(string principal) =>
        new(host.Services.GetRequiredService<ILedgerQueries>(), new Caller(principal), policies, clock);

    private static Asset Dollars { get; } = Asset.TryParse("USD/2", out var asset) ? asset : default;

    private static Asset Euros { get; } = Asset.TryParse("EUR/2", out var asset) ? asset : default;

    private ILedger As(string principal) => new AuthorizedLedger(ledger, new Caller(principal), policies, clock);

    private async Task<long> BalanceAsync(string account)
    {
        var balances = (await ledger.GetAccountAsync(AccountAddress.Parse(account)))!.Balances;
        return (long)((Int128)balances.CreditsPosted.Value - (Int128)balances.DebitsPosted.Value);
    }

    private async Task<TransferId> HeldAsync(string principal, string debit, string credit, ulong amount)
    {
        var hold = Pay(debit, credit, amount) with { Kind = TransferKind.Hold };
        (await As(principal).PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        return hold.Id;
    }

    private static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());

    private static Transfer Pay(string debit, string credit, ulong amount) => new(
        NewId(), AccountAddress.Parse(debit), AccountAddress.Parse(credit), Amount.Of(amount), 1) { Asset = Dollars };

    private static Transfer Post(TransferId hold, ulong? amount) => new(
        NewId(), default, default, amount is { } some ? Amount.Of(some) : Amount.MaxValue, 0)
    {
        HoldId = hold, Kind = TransferKind.PostHold, KeepRest = amount is not null,
    };

    private static Reversal Reverse(Transfer original) =>
        new(NewId(), original.DebitAccount, original.Id, "a mistake");

    private static async Task DeniedAsync(Func<Task> call) => (await Should.ThrowAsync<LedgerException>(call))
        .Reason.ShouldBe(LedgerErrorReason.PermissionDenied);

    private static async Task<string> FailureAsync(Func<Task> call)
    {
        var failure = await Should.ThrowAsync<LedgerException>(call);
        return $"{failure.Reason} {failure.Message} {failure.Field}";
    }
}
