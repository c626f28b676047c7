using Grpc.Core;
using Ledger.Testing;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Client.Tests;

/// <summary>What a failed call says: reasons, fields, deadlines, and whether anyone was there.</summary>
public class FailureTests
{
    /// <summary>Whether small calls share streams.</summary>
    protected virtual bool IsShared => false;

    [Fact]
    public async Task Error_info_and_field_are_told()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Rich(
            StatusCode.InvalidArgument, "ADDRESS_MALFORMED", field: "transfer.debit_account").ToRpcException();

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));

        failure.Code.ShouldBe(StatusCode.InvalidArgument);
        failure.Reason.ShouldBe("ADDRESS_MALFORMED");
        failure.Field.ShouldBe("transfer.debit_account");
        failure.OutcomeUnknown.ShouldBeFalse();
        failure.Message.ShouldContain("Told in words.");
    }

    [Fact]
    public async Task Every_call_carries_a_deadline()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        var left = new List<TimeSpan>();
        server.Ledger.Before = call =>
        {
            left.Add(call.Context.Deadline - TimeProvider.System.GetUtcNow().UtcDateTime);
            return Task.CompletedTask;
        };

        await client.PostTransferAsync(Some.Transfer());
        await client.PostTransferAsync(Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromSeconds(60) });
        await client.GetAccountAsync("a");

        left[0].ShouldBeInRange(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
        left[1].ShouldBeInRange(TimeSpan.FromSeconds(55), TimeSpan.FromSeconds(60));
        left[2].ShouldBeInRange(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task An_account_in_doubt_is_read_only_by_who_asks_for_it()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a");
        server.Ledger.Doubt("a");

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.GetAccountAsync("a"));
        (failure.Code, failure.Reason, failure.OutcomeUnknown)
            .ShouldBe((StatusCode.Unavailable, "ACCOUNT_IN_DOUBT", false));

        var account = await client.GetAccountAsync("a", new RequestOptions { AllowInDoubt = true });
        var doubt = account.ShouldNotBeNull().Doubt.ShouldNotBeNull();
        (account.Balances.DebitsPosted, doubt.Least.DebitsPosted, doubt.Greatest.DebitsPosted).ShouldBe(
            (UInt128.Zero, UInt128.Zero, (UInt128)5));
        var one = doubt.Transactions.ShouldHaveSingleItem();
        (one.Coordinator, one.DebitsPosted, one.CreditsPending).ShouldBe(("a", 5, -1));
        one.Counterparties.ShouldBe(["bad"]);
    }

    [Fact]
    public async Task A_statement_that_may_lack_entries_is_listed_only_for_who_asks_for_it()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        await client.PostTransferAsync(Some.Transfer());
        (await client.ListStatementAsync("a").CountAsync()).ShouldBe(1);
        server.Ledger.Doubt("a");

        var failure = await Should.ThrowAsync<LedgerClientException>(
            async () => await client.ListStatementAsync("a").CountAsync());
        (failure.Code, failure.Reason, failure.OutcomeUnknown)
            .ShouldBe((StatusCode.Unavailable, "ACCOUNT_IN_DOUBT", false));

        (await client.ListStatementAsync("a", request: new RequestOptions { AllowInDoubt = true }).CountAsync())
            .ShouldBe(1);
        DateTimeOffset? completeUpTo = null;
        var query = new StatementQuery { OnInDoubt = time => completeUpTo = time };
        (await client.ListStatementAsync("a", query).CountAsync()).ShouldBe(1);
        completeUpTo.ShouldNotBeNull()
            .ShouldBe((await client.GetAccountAsync("b"))!.CreateTime, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_write_that_is_not_answered_in_time_is_unknown()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        // Warm, so that the deadline can't pass before anything is sent, which would be no unknown outcome.
        await client.GetAccountAsync("a");
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Ledger.Before = _ => release.Task;

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromMilliseconds(500) }));
        release.SetResult();

        failure.Code.ShouldBe(StatusCode.DeadlineExceeded);
        failure.OutcomeUnknown.ShouldBeTrue();
    }

    [Fact]
    public async Task A_stream_that_the_server_resets_at_the_deadline_is_told_as_the_deadline()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect(o => o with { RetryUnknownFor = TimeSpan.Zero });
        await client.GetAccountAsync("a");
        server.Ledger.Before = async call =>
        {
            // A little before: as a server does whose timer is faster than the client's.
            var early = call.Context.Deadline - TimeProvider.System.GetUtcNow().UtcDateTime - TimeSpan
                .FromMilliseconds(20);
            await Task.Delay(early > TimeSpan.Zero ? early : TimeSpan.Zero);
            Reset(call);
        };

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromMilliseconds(500) }));

        failure.Code.ShouldBe(StatusCode.DeadlineExceeded);
        failure.OutcomeUnknown.ShouldBeTrue();
    }

    [Fact]
    public async Task A_stream_that_is_reset_with_time_left_is_told_as_broken()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect(o => o with { RetryUnknownFor = TimeSpan.Zero });
        server.Ledger.Before = call =>
        {
            Reset(call);
            return Task.CompletedTask;
        };

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));

        failure.Code.ShouldBe(StatusCode.Internal);
        failure.OutcomeUnknown.ShouldBeTrue();
    }

    [Fact]
    public async Task A_read_whose_connection_breaks_is_asked_again()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a");
        server.Ledger.Before = call =>
        {
            if (call.Number == 1)
            {
                Reset(call);
            }

            return Task.CompletedTask;
        };

        (await client.GetAccountAsync("a")).ShouldNotBeNull();

        server.Ledger.CallCount("GetAccount").ShouldBe(2);
    }

    [Fact]
    public async Task The_callers_own_cancellation_is_not_a_failure_of_the_ledger()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        using var cancel = new CancellationTokenSource();
        server.Ledger.Before = async call =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, call.Context.CancellationToken);
        };

        await Should.ThrowAsync<OperationCanceledException>(
            () => client.PostTransferAsync(Some.Transfer(), cancellationToken: cancel.Token));
    }

    [Fact]
    public async Task Nobody_there_is_unreachable_and_not_unknown()
    {
        var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect(o => o with { RetryUnknownFor = TimeSpan.FromMilliseconds(50) });
        await server.DisposeAsync();

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));

        failure.Unreachable.ShouldBeTrue();
        failure.OutcomeUnknown.ShouldBeFalse("nothing was ever sent");
    }

    [Fact]
    public async Task A_node_that_dies_with_the_request_leaves_it_unknown_even_when_nobody_is_there_afterwards()
    {
        var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect(o => o with { RetryUnknownFor = TimeSpan.FromMilliseconds(300) });
        Task? death = null;
        server.Ledger.After = call =>
        {
            // Applied, and then the connection and the node are gone, before any retry.
            death ??= Task.Run(async () => await server.DisposeAsync());
            call.Context.GetHttpContext().Abort();
            return Task.CompletedTask;
        };

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));
        await death!;

        failure.OutcomeUnknown.ShouldBeTrue();
        failure.Unreachable.ShouldBeFalse();
    }

    [Fact]
    public async Task Of_several_nodes_those_that_live_are_used()
    {
        var ledger = new FakeLedger();
        await using var living = await FakeServer.OnPortAsync(ledger);
        var dead = await FakeServer.OnPortAsync(ledger);
        var deadAddress = dead.Address;
        await dead.DisposeAsync();
        await using var client = new LedgerClient(
            FakeServer.Quick() with { Addresses = [deadAddress, living.Address] });

        await Some.OpenAsync(client, "a", "b");
        for (var i = 0; i < 10; i++)
        {
            (await client.PostTransferAsync(Some.Transfer())).IsCommitted.ShouldBeTrue();
        }
    }

    [Fact]
    public async Task Calls_go_round_the_nodes()
    {
        await using var one = await FakeServer.OnPortAsync();
        await using var two = await FakeServer.OnPortAsync();
        await using var client = new LedgerClient(
            FakeServer.Quick() with { Addresses = [one.Address, two.Address] });

        // Connections are made in the background: the second node joins when its own is up.
        for (var i = 0; i < 1000
            && (one.Ledger.CallCount("GetAccount") == 0 || two.Ledger.CallCount("GetAccount") == 0); i++)
        {
            await client.GetAccountAsync("a");
        }

        one.Ledger.CallCount("GetAccount").ShouldBeGreaterThan(0);
        two.Ledger.CallCount("GetAccount").ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Options_that_contradict_themselves_are_refused()
    {
        Should.Throw<ArgumentException>(() => new LedgerClient(new LedgerClientOptions { Addresses = [] }));
        Should.Throw<ArgumentException>(() => new LedgerClient(
            new LedgerClientOptions { Addresses = [new Uri("http://a"), new Uri("https://b")] }));
        Should.Throw<ArgumentException>(() => new LedgerClient(
            new LedgerClientOptions { Addresses = [new Uri("ftp://a")] }));
        Should.Throw<ArgumentException>(() => new LedgerClient(new LedgerClientOptions { MaxAttempts = 6 }));
    }

    // INTERNAL_ERROR of HTTP/2.
    private static void Reset(FakeCall call) =>
        call.Context.GetHttpContext().Features.GetRequiredFeature<IHttpResetFeature>().Reset(errorCode: 2);
}

/// <summary>The same, where the calls share streams.</summary>
public sealed class SharedFailureTests : FailureTests
{
    protected override bool IsShared => true;
}
