using Grpc.Core;
using Ledger.Testing;

namespace Ledger.Client.Tests;

/// <summary>Which failures are tried again, with what, and what the caller then knows.</summary>
public class RetryTests
{
    /// <summary>Whether small calls share streams.</summary>
    protected virtual bool IsShared => false;

    [Fact]
    public async Task Unavailable_is_retried_with_the_same_id()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        // Applied, but the answer is lost: the second attempt must find the first.
        server.Ledger.After = call => call is { Method: "PostTransfer", Number: < 3 }
            ? throw Refusals.Of(StatusCode.Unavailable)
            : Task.CompletedTask;

        var outcome = await client.PostTransferAsync(Some.Transfer());

        outcome.Status.ShouldBe(TransferStatus.Exists);
        outcome.Replayed.ShouldBeTrue();
        server.Ledger.Arrived.Count.ShouldBe(3);
        server.Ledger.Arrived.Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Unavailable_is_given_up_after_five_attempts_and_is_unknown()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Of(StatusCode.Unavailable);

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));

        failure.Code.ShouldBe(StatusCode.Unavailable);
        failure.OutcomeUnknown.ShouldBeTrue();
        failure.Unreachable.ShouldBeFalse();
        server.Ledger.CallCount("PostTransfer").ShouldBe(5);
    }

    [Theory]
    [InlineData(StatusCode.DeadlineExceeded, true)]
    [InlineData(StatusCode.Internal, true)]
    [InlineData(StatusCode.Unknown, true)]
    [InlineData(StatusCode.Cancelled, true)]
    [InlineData(StatusCode.Aborted, true)]
    [InlineData(StatusCode.InvalidArgument, false)]
    [InlineData(StatusCode.ResourceExhausted, false)]
    [InlineData(StatusCode.PermissionDenied, false)]
    [InlineData(StatusCode.Unimplemented, false)]
    public async Task Nothing_else_is_retried_unless_asked_for(StatusCode code, bool unknown)
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Of(code);

        var write = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));
        var read = await Should.ThrowAsync<LedgerClientException>(() => client.GetAccountAsync("a"));

        write.Code.ShouldBe(code);
        write.OutcomeUnknown.ShouldBe(unknown);
        read.OutcomeUnknown.ShouldBeFalse("a read changes nothing");
        server.Ledger.CallCount("PostTransfer").ShouldBe(1);
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument, false)]
    [InlineData(StatusCode.ResourceExhausted, true)]
    public async Task A_failed_batch_is_unknown_unless_it_was_malformed(StatusCode code, bool unknown)
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Of(code);

        var failure =
            await Should.ThrowAsync<LedgerClientException>(() => client.PostTransfersAsync([Some.Transfer()]));

        failure.OutcomeUnknown.ShouldBe(unknown);
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.Cancelled)]
    public async Task Unknown_outcome_is_resent_with_the_same_id_until_decided(StatusCode code)
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync(o => o with { MaxAttempts = 1 });
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.After = call => call is { Method: "PostTransfer", Number: < 4 }
            ? throw Refusals.Of(code)
            : Task.CompletedTask;

        var outcome = await client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { RetryUnknownFor = TimeSpan.FromSeconds(30) });

        outcome.Status.ShouldBe(TransferStatus.Exists);
        server.Ledger.Arrived.Count.ShouldBe(4);
        server.Ledger.TransferCount.ShouldBe(1);
    }

    [Fact]
    public async Task Unknown_outcome_is_told_when_the_time_is_over()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Of(StatusCode.Internal);

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { RetryUnknownFor = TimeSpan.FromSeconds(2) }));

        failure.OutcomeUnknown.ShouldBeTrue();
        server.Ledger.CallCount("PostTransfer").ShouldBeGreaterThan(1);
    }

    [Fact]
    public async Task What_was_unknown_once_is_not_made_certain_by_a_later_refusal_of_the_call()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        // gRPC's own retry hides the first attempt, which was applied.
        server.Ledger.After = call => call is { Method: "PostTransfer", Number: 1 }
            ? throw Refusals.Of(StatusCode.Unavailable)
            : throw Refusals.Of(StatusCode.ResourceExhausted);

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));

        failure.Code.ShouldBe(StatusCode.ResourceExhausted);
        failure.OutcomeUnknown.ShouldBeTrue();
    }

    [Fact]
    public async Task Overload_is_sent_again_after_the_pause_that_the_ledger_asks_for()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        var times = new List<long>();
        server.Ledger.Before = call =>
        {
            times.Add(TimeProvider.System.GetTimestamp());
            return call.Number == 1
                ? throw Refusals.Rich(
                    StatusCode.ResourceExhausted, "OVERLOADED", retryAfter: TimeSpan.FromMilliseconds(200))
                    .ToRpcException()
                : Task.CompletedTask;
        };

        var outcome = await client.PostTransferAsync(Some.Transfer());

        outcome.Status.ShouldBe(TransferStatus.Created);
        TimeProvider.System.GetElapsedTime(times[0], times[1]).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(190));
    }

    [Fact]
    public async Task Overload_that_lasts_is_told_within_the_timeout_and_moved_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync(new FakeLedger { HasSharedStreams = IsShared });
        await using var client = await server.ConnectSharedAsync();
        server.Ledger.Before = _ => throw Refusals.Rich(
            StatusCode.ResourceExhausted, "OVERLOADED", retryAfter: TimeSpan.FromMilliseconds(800)).ToRpcException();

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromSeconds(2) }));

        failure.OutcomeUnknown.ShouldBeFalse();
        failure.Reason.ShouldBe("OVERLOADED");
        failure.RetryAfter.ShouldBe(TimeSpan.FromMilliseconds(800));
    }
}

/// <summary>The same, where the calls share streams.</summary>
public sealed class SharedRetryTests : RetryTests
{
    protected override bool IsShared => true;
}
