using System.Net;
using Ledger.Grpc.Access;
using Ledger.V1;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Tests;

/// <summary>AdminService: what is in doubt, and only for callers on the node's own machine.</summary>
public sealed class AdminTests
{
    [Fact]
    public async Task Accounts_in_doubt_are_listed_page_by_page()
    {
        await using var host = await GrpcHost.StartAsync();
        var address = AccountAddress.Parse("a:b");
        host.Ledger.InDoubt = new InDoubtPage([new AccountInDoubt(address, FakeLedger.Now)], "a:b");
        var first = await host.Admin.ListInDoubtAsync(new ListInDoubtRequest { PageSize = 1 });
        first.Accounts.Single().Address.ShouldBe("a:b");
        first.Accounts.Single().Since.ToDateTimeOffset().ShouldBe(FakeLedger.Now.ToDateTimeOffset());

        host.Ledger.InDoubt = new InDoubtPage([], null);
        var next = await host.Admin.ListInDoubtAsync(
            new ListInDoubtRequest { PageSize = 1, PageToken = first.NextPageToken });
        (next.Accounts.Count, next.NextPageToken).ShouldBe((0, ""));
    }

    [Fact]
    public async Task What_is_in_doubt_on_an_account_is_shown()
    {
        await using var host = await GrpcHost.StartAsync();
        (await host.Admin.GetInDoubtAsync(new GetInDoubtRequest { Address = "nobody" }))
            .ShouldBe(new GetInDoubtResponse());

        var spec = new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 3);
        host.Ledger.Account = new Account(spec, FakeLedger.Now, default, 8, 9, false)
        {
            Doubt = new AccountDoubt(
                default, default, 1,
                [new TransactionInDoubt(
                    new TransferId(7), new TransferId(8), FakeLedger.Now, spec.Address, [], default)],
                FakeLedger.Now),
        };
        var shown = await host.Admin.GetInDoubtAsync(new GetInDoubtRequest { Address = "shop" });
        shown.TransactionCount.ShouldBe(1);
        shown.Transactions.Single().AttemptId.ShouldBe("00000000-0000-0000-0000-000000000008");
    }

    [Theory]
    [InlineData(InDoubtDecision.LastAgent)]
    [InlineData(InDoubtDecision.Journal)]
    [InlineData(InDoubtDecision.Operator)]
    public async Task A_verdict_is_passed_on_with_who_and_why_and_answered_with_what_decided(
        InDoubtDecision decision)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Resolution = host.Ledger.Resolution with
        {
            Decision = decision, IsCommitted = true, IsBooked = false,
            Unbooked = [new UnbookedAccount(AccountAddress.Parse("bank"), "It can't be read.")],
        };
        var answer = await host.Admin.ResolveInDoubtAsync(new ResolveInDoubtRequest
        {
            Address = "shop", TransactionId = Samples.Id, Principal = "anna", Reason = "ticket 7",
        });
        answer.ShouldBe(new ResolveInDoubtResponse
        {
            Committed = true, Decision = Enum.Parse<V1.InDoubtDecision>(decision.ToString()),
            Coordinator = "a", LastAgent = "b", Row = 9, Booked = false,
            Unbooked = { new V1.UnbookedAccount { Address = "bank", Detail = "It can't be read." } },
        });
        host.Ledger.Calls.Single().Argument.ShouldBe(
            new InDoubtVerdict(
                AccountAddress.Parse("shop"), TransferId.FromGuid(Guid.Parse(Samples.Id)), "anna", "ticket 7"));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.8.8", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("192.0.2.1", false)]
    [InlineData("2001:db8::1", false)]
    public void Only_the_nodes_own_machine_is_answered(string address, bool isAnswered)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);

        // What a caller says of itself counts for nothing.
        context.Request.Headers["X-Forwarded-For"] = "127.0.0.1";
        CallerLedgers.IsLocal(context.Connection).ShouldBe(isAnswered);
    }
}
