using Google.Protobuf.WellKnownTypes;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

public sealed class PagingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_token_goes_on_where_the_page_ended(bool newestFirst)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Statement = new StatementPage([], 42);
        var request =
            new ListStatementRequest { Address = "shop", NewestFirst = newestFirst, MinSequence = 5, MaxSequence = 90 };
        request.PageToken = (await host.Accounts.ListStatementAsync(request)).NextPageToken;
        request.PageSize = 7;
        host.Ledger.Statement = new StatementPage([], 50);
        var second = await host.Accounts.ListStatementAsync(request);
        var query = (StatementQuery)host.Ledger.Calls.Last().Argument;
        (query.MinSequence, query.MaxSequence, query.PageSize).ShouldBe(newestFirst ? (5ul, 42ul, 7) : (42ul, 90ul, 7));

        // The third page repeats the first request's fields, as the second did.
        request.PageToken = second.NextPageToken;
        host.Ledger.Statement = new StatementPage([], null);
        (await host.Accounts.ListStatementAsync(request)).NextPageToken.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_belongs_to_its_query()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Statement = new StatementPage([], 42);
        host.Ledger.Accounts = new AccountPage([], "shop");
        var statement = (await host.Accounts.ListStatementAsync(new ListStatementRequest { Address = "shop" }))
            .NextPageToken;
        var accounts = (await host.Accounts.ListAccountsAsync(new ListAccountsRequest())).NextPageToken;
        var asked = host.Ledger.Calls.Count;
        ListStatementRequest[] others =
        [
            new() { Address = "shop2", PageToken = statement },
            new() { Address = "shop", PageToken = statement, NewestFirst = true },
            new() { Address = "shop", PageToken = statement, MinSequence = 2 },
            new() { Address = "shop", PageToken = statement, MaxSequence = 100 },
            new() { Address = "shop", PageToken = statement, StartTime = new Timestamp() },
            new() { Address = "shop", PageToken = statement, EndTime = new Timestamp() },
            new() { Address = "shop", PageToken = accounts },
        ];
        foreach (var other in others)
        {
            var error = await Errors.OfAsync(async () => await host.Accounts.ListStatementAsync(other));
            (error.Reason, error.Field).ShouldBe(("INVALID_PAGE_TOKEN", "page_token"), other.ToString());
        }

        (await Errors.OfAsync(async () => await host.Accounts.ListAccountsAsync(
            new ListAccountsRequest { PageToken = statement }))).Reason.ShouldBe("INVALID_PAGE_TOKEN");
        host.Ledger.Calls.Count.ShouldBe(asked);
    }

    [Fact]
    public async Task A_token_that_was_changed_anywhere_is_refused()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Accounts = new AccountPage([], "users:42:wallet");
        var token = (await host.Accounts.ListAccountsAsync(new ListAccountsRequest())).NextPageToken;
        var asked = host.Ledger.Calls.Count;
        for (var i = 0; i < token.Length; i++)
        {
            var changed = string.Concat(token.AsSpan(0, i), token[i] == 'A' ? "B" : "A", token.AsSpan(i + 1));
            var error = await Errors.OfAsync(
                async () => await host.Accounts.ListAccountsAsync(new ListAccountsRequest { PageToken = changed }));
            error.Reason.ShouldBe("INVALID_PAGE_TOKEN", $"position {i}");
        }

        host.Ledger.Calls.Count.ShouldBe(asked);
        await host.Accounts.ListAccountsAsync(new ListAccountsRequest { PageToken = token });
        host.Ledger.Calls.Last().Argument.ShouldBe(((string?)"users:42:wallet", 100));
    }

    /// <summary>In between the database has lost commits: earlier pages may show what is no more, and an entry may have
    /// another number.</summary>
    [Fact]
    public async Task A_token_of_another_epoch_is_refused_by_name_and_says_what_to_do()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Statement = new StatementPage([], 42) { Epoch = 3 };
        host.Ledger.Accounts = new AccountPage([], "shop") { Epoch = 3 };
        host.Ledger.InDoubt = new InDoubtPage([], "shop") { Epoch = 3 };
        var statement = new ListStatementRequest { Address = "shop" };
        var accounts = new ListAccountsRequest();
        var inDoubt = new ListInDoubtRequest();
        statement.PageToken = (await host.Accounts.ListStatementAsync(statement)).NextPageToken;
        accounts.PageToken = (await host.Accounts.ListAccountsAsync(accounts)).NextPageToken;
        inDoubt.PageToken = (await host.Admin.ListInDoubtAsync(inDoubt)).NextPageToken;
        await host.Accounts.ListStatementAsync(statement);
        await host.Accounts.ListAccountsAsync(accounts);
        await host.Admin.ListInDoubtAsync(inDoubt);

        host.Ledger.Statement = host.Ledger.Statement! with { Epoch = 4 };
        host.Ledger.Accounts = host.Ledger.Accounts with { Epoch = 4 };
        host.Ledger.InDoubt = host.Ledger.InDoubt with { Epoch = 4 };
        foreach (var call in (Func<Task>[])
        [
            async () => await host.Accounts.ListStatementAsync(statement),
            async () => await host.Accounts.ListAccountsAsync(accounts),
            async () => await host.Admin.ListInDoubtAsync(inDoubt),
        ])
        {
            var error = await Errors.OfAsync(call);
            (error.Reason, error.Field).ShouldBe(("PAGE_TOKEN_OF_ANOTHER_EPOCH", "page_token"));
            error.Message.ShouldContain("epoch 3");
            error.Message.ShouldContain("Begin again with the first page");
        }

        // Without a token it goes on.
        statement.PageToken = accounts.PageToken = inDoubt.PageToken = "";
        statement.PageToken = (await host.Accounts.ListStatementAsync(statement)).NextPageToken;
        await host.Accounts.ListStatementAsync(statement);
        await host.Accounts.ListAccountsAsync(accounts);
        await host.Admin.ListInDoubtAsync(inDoubt);
    }
}
