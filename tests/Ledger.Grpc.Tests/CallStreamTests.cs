using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Services;
using Ledger.Tests.Shared;
using Ledger.V1;
using Microsoft.Extensions.DependencyInjection;
using GrpcMetadata = Grpc.Core.Metadata;

namespace Ledger.Grpc.Tests;

/// <summary>The stream that calls share, at the server: each item is what its call alone is, and the stream keeps to
/// what it says of itself.</summary>
public sealed class CallStreamTests
{
    private const string Policy = """
        {"limits": {"slow": {"perSecond": 1, "burst": 3}},
         "principals": {
          "payer": {"limits": "slow", "grants": [{"do": ["transfer"], "debit": ["users:**"], "credit": ["shop"]}]},
          "reader": {"grants": [{"do": ["read"], "accounts": ["shop"]}]},
          "opener": {"grants": [{"do": ["open"], "accounts": ["**"]}]}}}
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static TheoryData<LedgerErrorReason> LedgerReasons() => [.. System.Enum.GetValues<LedgerErrorReason>()];

    // ---------------------------------------------------------------- what the stream says

    [Fact]
    public async Task The_server_says_hello_before_anything_is_asked()
    {
        await using var host = await GrpcHost.StartAsync();
        using var one = host.Streams.StreamCalls();
        using var two = host.Streams.StreamCalls();

        var hello = (await ReceiveAsync(one)).Hello;

        hello.ShouldBe(new StreamHello
        {
            Node = hello.Node,
            ItemsMax = 1024, BytesMax = 1024 * 1024, MessageItemsMax = 256,
            MessageBytesMax = 256 * 1024,
            ItemBytesMax = 32 * 1024,
        });
        hello.Node.Length.ShouldBe(16);
        (await ReceiveAsync(two)).Hello.Node.ShouldBe(hello.Node);
    }

    [Fact]
    public async Task A_beat_is_answered_by_one_and_the_end_counts_all_messages()
    {
        await using var host = await GrpcHost.StartAsync();
        using var stream = await OpenAsync(host);
        await stream.RequestStream.WriteAsync(new StreamCallsRequest());
        (await ReceiveAsync(stream)).ShouldBe(new StreamCallsResponse());
        await SendAsync(stream, Post(1), Post(2));
        await AnswersAsync(stream, 2);
        await stream.RequestStream.WriteAsync(new StreamCallsRequest { CancelledIds = { 7 } });
        await stream.RequestStream.CompleteAsync();

        (await ReceiveAsync(stream)).End.MessagesRead.ShouldBe(3ul);
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
    }

    // ---------------------------------------------------------------- an item is its call

    [Fact]
    public async Task Each_item_is_answered_as_its_call_alone()
    {
        await using var host = await GrpcHost.StartAsync();
        var spec = new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 1);
        host.Ledger.Account = new Account(spec, FakeLedger.Now, default, 8, 9, false);
        var transfer = Samples.Transfer();
        var post = new PostTransferRequest { Transfer = transfer };
        var alone = await host.Transfers.PostTransferAsync(post);
        host.Ledger.Record = new TransferRecord(
            (Transfer)host.Ledger.Calls.First().Argument, TransferStatus.Created, FakeLedger.Now, null);
        var get = new GetAccountRequest { Address = "shop" };
        var look = new GetTransferRequest { Account = "shop", Id = Samples.Id };
        using var stream = await OpenAsync(host);
        await SendAsync(
            stream, new CallItem { Id = 1, PostTransfer = post }, new CallItem { Id = 2, GetAccount = get },
            new CallItem { Id = 3, GetTransfer = look });

        var answers = await AnswersAsync(stream, 3);

        answers[1].PostTransfer.ShouldBe(alone);
        answers[2].GetAccount.ShouldBe(await host.Accounts.GetAccountAsync(get));
        answers[3].GetTransfer.ShouldBe(await host.Transfers.GetTransferAsync(look));
    }

    [Theory]
    [MemberData(nameof(LedgerReasons))]
    public async Task A_failure_of_the_ledger_is_the_same_of_an_item_and_of_a_call(LedgerErrorReason reason)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnTransfer = (_, _) =>
            throw new LedgerException(reason, "Said to the client.", "transfer.metadata");
        using var stream = await OpenAsync(host);
        await SendAsync(stream, Post(1));

        var item = (await AnswersAsync(stream, 1))[1].Error;

        var call = await Should.ThrowAsync<RpcException>(
            async () =>
                await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() }));
        item.ShouldBe(call.GetRpcStatus());
    }

    [Fact]
    public async Task What_is_wrong_with_an_item_is_said_as_of_a_call_and_the_stream_goes_on()
    {
        await using var host = await GrpcHost.StartAsync();
        using var stream = await OpenAsync(host);
        var bad = new PostTransferRequest { Transfer = Samples.Transfer(t => t.Amount = "-1") };
        await SendAsync(
            stream, new CallItem { Id = 1, PostTransfer = bad },
            new CallItem { Id = 2, PostTransfer = new PostTransferRequest() },
            new CallItem { Id = 3 }, new CallItem { Id = 4, GetAccount = new GetAccountRequest { Address = "nobody" } },
            Post(5, TimeSpan.Zero), Post(6));

        var answers = await AnswersAsync(stream, 6);

        var alone = await Should.ThrowAsync<RpcException>(async () => await host.Transfers.PostTransferAsync(bad));
        answers[1].Error.ShouldBe(alone.GetRpcStatus());
        Errors.Of(answers[2].Error).Reason.ShouldBe("TRANSFER_MISSING");
        Errors.Of(answers[3].Error).ShouldSatisfyAllConditions(
            static e => e.Code.ShouldBe(StatusCode.Unimplemented), static e => e.Reason.ShouldBe("METHOD_NOT_FOUND"));
        Errors.Of(answers[4].Error).Reason.ShouldBe("ACCOUNT_NOT_FOUND");
        Errors.Of(answers[5].Error).Reason.ShouldBe("DEADLINE_EXPIRED");
        answers[6].PostTransfer.Result.Status.ShouldBe(V1.TransferStatus.Created);
    }

    [Fact]
    public async Task What_nobody_expected_is_said_as_of_a_call()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnTransfer = (_, _) => throw new InvalidOperationException("secret");
        using var stream = await OpenAsync(host);
        await SendAsync(stream, Post(1));
        var error = Errors.Of((await AnswersAsync(stream, 1))[1].Error);
        (error.Code, error.Reason, error.Info.Metadata["outcome"])
            .ShouldBe((StatusCode.Internal, "INTERNAL", "unknown"));
        error.Message.ShouldNotContain("secret");
    }

    [Fact]
    public async Task The_timeout_and_the_trace_of_an_item_are_its_own()
    {
        await using var host = await GrpcHost.StartAsync();
        var traces = new ConcurrentQueue<string?>();
        host.Ledger.OnTransfer = (transfer, _) =>
        {
            traces.Enqueue(Activity.Current?.TraceId.ToHexString());
            return Task.FromResult(FakeLedger.Created(transfer));
        };
        using var stream = await OpenAsync(host);
        const string trace = "0af7651916cd43dd8448eb211c80319c";
        var item = Post(1, TimeSpan.FromSeconds(3));
        item.Traceparent = $"00-{trace}-b7ad6b7169203331-01";
        var odd = Post(2);
        odd.Traceparent = "no trace";
        await SendAsync(stream, item);
        await AnswersAsync(stream, 1);
        await SendAsync(stream, odd);
        await AnswersAsync(stream, 1);

        host.Ledger.Calls.First().Timeout.ShouldNotBeNull()
            .ShouldBeInRange(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2.9));
        host.Ledger.Calls.Last().Timeout.ShouldNotBeNull()
            .ShouldBeInRange(TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(10));
        traces.First().ShouldBe(trace);
        traces.Last().ShouldNotBe(trace);
    }

    [Fact]
    public async Task An_item_that_throws_outside_of_its_call_is_answered_and_its_stream_ends()
    {
        const string trace = "1af7651916cd43dd8448eb211c80319d";
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name.Length == 0,
            ActivityStarted = static activity =>
            {
                if (activity.TraceId.ToHexString() == trace)
                {
                    throw new InvalidOperationException("a listener of the host's");
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var host = await GrpcHost.StartAsync();
        using var stream = await OpenAsync(host);
        var item = Post(1);
        item.Traceparent = $"00-{trace}-b7ad6b7169203331-01";
        await SendAsync(stream, item, Post(2));

        var answers = await AnswersAsync(stream, 2);
        Errors.Of(answers[1].Error).Reason.ShouldBe("INTERNAL");
        answers[2].PostTransfer.Result.Status.ShouldBe(V1.TransferStatus.Created);
        await stream.RequestStream.CompleteAsync();
        (await ReceiveAsync(stream)).End.MessagesRead.ShouldBe(1ul);
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
    }

    [Fact]
    public async Task Each_item_is_measured_as_its_call_and_the_stream_is_not()
    {
        using var meter = new MeterRecorder();
        await using var host = await GrpcHost.StartAsync(meter: meter);
        using var stream = await OpenAsync(host);
        await SendAsync(
            stream, Post(1), new CallItem { Id = 2, GetAccount = new GetAccountRequest { Address = "nobody" } });
        await AnswersAsync(stream, 2);
        await stream.RequestStream.CompleteAsync();
        await ReceiveAsync(stream);

        await Until.TrueAsync(() => meter.Measured.Count(static one => one.Name == "ledger.call.duration") == 2);
        meter.Of("ledger.call.duration", "code=OK,method=ledger.v1.TransferService/PostTransfer").Count.ShouldBe(1);
        meter.Of("ledger.call.duration", "code=NOT_FOUND,method=ledger.v1.AccountService/GetAccount").Count.ShouldBe(1);
        meter.SumOf("ledger.refused", "reason=ACCOUNT_NOT_FOUND").ShouldBe(1);
    }

    // ---------------------------------------------------------------- credits

    [Fact]
    public async Task Beyond_what_the_hello_allows_items_are_refused_and_the_reading_goes_on()
    {
        await using var host = await GrpcHost.StartAsync(static o => o.StreamInFlightMax = 4);
        var release = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            await release.Task;
            return FakeLedger.Created(transfer);
        };
        using var stream = host.Streams.StreamCalls();
        (await ReceiveAsync(stream)).Hello.ItemsMax.ShouldBe(4u);
        await SendAsync(stream, [.. Enumerable.Range(1, 6).Select(static i => Post((ulong)i))]);
        var refused = await AnswersAsync(stream, 2);

        refused.Keys.Order().ShouldBe([5ul, 6ul]);
        Errors.Of(refused[5].Error).ShouldSatisfyAllConditions(
            static e => e.Code.ShouldBe(StatusCode.ResourceExhausted), static e => e.Reason.ShouldBe("OVERLOADED"),
            static e => e.Info.Metadata["outcome"].ShouldBe("not_applied"));
        await stream.RequestStream.WriteAsync(new StreamCallsRequest());
        (await ReceiveAsync(stream)).ShouldBe(new StreamCallsResponse());
        release.SetResult();
        (await AnswersAsync(stream, 4)).Keys.Order().ShouldBe([1ul, 2ul, 3ul, 4ul]);

        // What was answered makes room.
        await SendAsync(stream, Post(7));
        (await AnswersAsync(stream, 1))[7].PostTransfer.Result.Status.ShouldBe(V1.TransferStatus.Created);
    }

    [Fact]
    public async Task So_are_bytes_and_what_was_held_is_given_back()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        var release = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            await release.Task;
            return FakeLedger.Created(transfer);
        };
        using var stream = await OpenAsync(host);
        const int count = 400;
        for (var i = 0; i < count; i += 20)
        {
            await SendAsync(stream, [.. Enumerable.Range(i, 20).Select(static id => Large((ulong)id))]);
        }

        var refused = new List<CallAnswer>();
        while (refused.Count < count - (1024 * 1024 / Large(1).CalculateSize()) - 1)
        {
            refused.AddRange((await ReceiveAsync(stream)).Answers);
        }

        refused.ShouldAllBe(static answer => Errors.Of(answer.Error).Reason == "OVERLOADED");
        var bytes = host.Services.GetRequiredService<EdgeWall>().Bytes;
        bytes.Taken.ShouldBeGreaterThan(900_000);
        release.SetResult();
        await stream.RequestStream.CompleteAsync();
        await foreach (var _ in stream.ResponseStream.ReadAllAsync())
        {
        }

        await Until.TrueAsync(() => bytes.Taken == 0);
    }

    [Fact]
    public async Task Whoever_sends_on_and_takes_no_answers_is_cut_off()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(static o => o.StreamInFlightMax = 16);
        var release = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, cancellation) =>
        {
            await release.Task.WaitAsync(cancellation);
            return FakeLedger.Created(transfer);
        };
        using var stream = host.Streams.StreamCalls();
        var sending = async () =>
        {
            while (true)
            {
                await SendAsync(stream, [.. Enumerable.Range(1, 200).Select(static i => Post((ulong)i))]);
            }
        };

        await Should.ThrowAsync<Exception>(() => sending().WaitAsync(Patience)).ContinueWith(
            static failed => failed.Result.ShouldNotBeOfType<TimeoutException>(), TaskScheduler.Default);
    }

    [Fact]
    public async Task A_message_that_is_too_large_ends_the_stream_after_its_answers_and_was_not_read()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        using var stream = await OpenAsync(host);
        await SendAsync(stream, Post(1));
        await AnswersAsync(stream, 1);
        await SendAsync(stream, Post(2, change: static t => t.Reference = new string('x', 600_000)))
            .ContinueWith(static _ => { }, TaskScheduler.Default);

        (await ReceiveAsync(stream)).End.MessagesRead.ShouldBe(1ul);
        (await Errors.OfAsync(() => stream.ResponseStream.MoveNext())).Reason.ShouldBe("REQUEST_TOO_LARGE");
        host.Ledger.Calls.Count.ShouldBe(1);
    }

    // ---------------------------------------------------------------- cancellation, draining, ends

    [Fact]
    public async Task When_the_client_leaves_its_items_are_cancelled()
    {
        await using var host = await GrpcHost.StartAsync();
        var (begun, ended) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        host.Ledger.OnTransfer = async (_, cancellation) =>
        {
            begun.Release();
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
                throw new InvalidOperationException();
            }
            finally
            {
                ended.Release();
            }
        };
        using (var stream = await OpenAsync(host))
        {
            // A cancel of a write is none.
            await SendAsync(stream, Post(1));
            (await begun.WaitAsync(Patience)).ShouldBeTrue();
            await stream.RequestStream.WriteAsync(new StreamCallsRequest { CancelledIds = { 1 } });
            await stream.RequestStream.WriteAsync(new StreamCallsRequest());
            await ReceiveAsync(stream);
            ended.CurrentCount.ShouldBe(0);
        }

        (await ended.WaitAsync(Patience)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_read_can_be_cancelled()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnGetAccount = async cancellation =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return null;
        };
        using var stream = await OpenAsync(host);
        await SendAsync(stream, new CallItem { Id = 9, GetAccount = new GetAccountRequest { Address = "shop" } });
        await stream.RequestStream.WriteAsync(new StreamCallsRequest { CancelledIds = { 9, 9, 10 } });

        Errors.Of((await AnswersAsync(stream, 1))[9].Error).Reason.ShouldBe("CANCELLED");
    }

    [Fact]
    public async Task A_node_that_stops_drains_reads_on_answers_all_and_ends()
    {
        await using var host = await GrpcHost.StartAsync();
        var release = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            await release.Task;
            return FakeLedger.Created(transfer);
        };
        using var stream = await OpenAsync(host);
        await SendAsync(stream, Post(1));
        await Until.TrueAsync(() => host.Ledger.Calls.Count == 1);

        host.Stop();
        (await ReceiveAsync(stream)).ShouldBe(new StreamCallsResponse { Draining = true });
        using (var late = host.Streams.StreamCalls())
        {
            (await ReceiveAsync(late)).Hello.Draining.ShouldBeTrue();
        }

        // What was on its way is served.
        await SendAsync(stream, Post(2));
        await Until.TrueAsync(() => host.Ledger.Calls.Count == 2);
        await stream.RequestStream.CompleteAsync();
        release.SetResult();
        (await AnswersAsync(stream, 2)).Values
            .ShouldAllBe(static one => one.PostTransfer.Result.Status == V1.TransferStatus.Created);
        (await ReceiveAsync(stream)).End.MessagesRead.ShouldBe(2ul);
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
    }

    // ---------------------------------------------------------------- who may

    [Fact]
    public async Task An_item_is_held_to_the_rights_of_its_call()
    {
        await using var host = await GrpcHost.StartAsync(callers: new KnownCallers(Policy));
        var post = new PostTransferRequest { Transfer = Samples.Transfer(static t => t.Asset = "") };
        var get = new GetAccountRequest { Address = "shop" };
        foreach (var (caller, item, call) in new (string, CallItem, Func<CallOptions, Task>)[]
        {
            ("reader", new CallItem { Id = 1, PostTransfer = post },
                async o => await host.Transfers.PostTransferAsync(post, o)),
            ("payer", new CallItem { Id = 1, GetAccount = get },
                async o => await host.Accounts.GetAccountAsync(get, o)),
            ("reader", new CallItem { Id = 1, GetAccount = new GetAccountRequest { Address = "other" } },
                async o => await host.Accounts.GetAccountAsync(new GetAccountRequest { Address = "other" }, o)),
        })
        {
            using var stream = await OpenAsync(host, caller);
            await SendAsync(stream, item);
            var refused = (await AnswersAsync(stream, 1))[1].Error;

            Errors.Of(refused).Reason.ShouldBe("PERMISSION_DENIED");
            var alone = await Should.ThrowAsync<RpcException>(() => call(As(caller)));
            refused.ShouldBe(alone.GetRpcStatus());
        }

        host.Ledger.Calls.ShouldBeEmpty();

        // And the stream to those of all of them.
        using var opener = host.Streams.StreamCalls(As("opener"));
        (await Errors.OfAsync(() => opener.ResponseStream.MoveNext())).Reason.ShouldBe("PERMISSION_DENIED");
        using var nobody = host.Streams.StreamCalls();
        (await Errors.OfAsync(() => nobody.ResponseStream.MoveNext())).Reason.ShouldBe("UNAUTHENTICATED");
    }

    [Fact]
    public async Task Items_and_calls_share_one_rate_and_write_in_one_name()
    {
        await using var host = await GrpcHost.StartAsync(callers: new KnownCallers(Policy));
        using var stream = await OpenAsync(host, "payer");
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < 3; i++)
        {
            await host.Transfers.PostTransferAsync(
                new PostTransferRequest { Transfer = Samples.Transfer() }, As("payer"));
        }

        // Nothing is left of what may be asked at once, but for what has come back meanwhile.
        await SendAsync(stream, [.. Enumerable.Range(1, 100).Select(static i => Post((ulong)i))]);
        var answers = await AnswersAsync(stream, 100);

        var refused = answers.Values.Where(static one => one.Error is not null)
            .Select(static one => Errors.Of(one.Error)).ToArray();
        (100 - refused.Length).ShouldBeLessThanOrEqualTo(1 + (int)Stopwatch.GetElapsedTime(started).TotalSeconds);
        refused.ShouldAllBe(static one => one.Reason == "OVERLOADED" && one.Info.Metadata["limit"] == "1");
        host.Ledger.Principals.Distinct().ShouldBe(["payer"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_drains_when_what_the_caller_has_shown_expires_or_is_withdrawn(bool expires)
    {
        var callers = new KnownCallers(Policy);
        await using var host = await GrpcHost.StartAsync(callers: callers);
        callers.ExpireTime = expires ? callers.Clock.GetUtcNow() + TimeSpan.FromSeconds(30) : null;
        using var stream = host.Streams.StreamCalls(As("reader"));
        var hello = (await ReceiveAsync(stream)).Hello;
        hello.ExpireAfter.ShouldBe(expires ? Duration.FromTimeSpan(TimeSpan.FromSeconds(30)) : null);

        var next = ReceiveAsync(stream);
        callers.IsStillTaken = expires;
        callers.Clock.Advance(TimeSpan.FromSeconds(expires ? 29 : 59));
        await Task.WhenAny(next, Task.Delay(50));
        next.IsCompleted.ShouldBeFalse();
        callers.Clock.Advance(TimeSpan.FromSeconds(1));
        (await next).ShouldBe(new StreamCallsResponse { Draining = true });

        // Items are refused from then on, each by itself, as calls are.
        await SendAsync(stream, new CallItem { Id = 1, GetAccount = new GetAccountRequest { Address = "shop" } });
        Errors.Of((await AnswersAsync(stream, 1))[1].Error).Reason.ShouldBe("UNAUTHENTICATED");
    }

    private static CallItem Post(ulong id, TimeSpan? timeout = null, Action<V1.Transfer>? change = null) => new()
    {
        Id = id,
        Timeout = timeout is { } time ? Duration.FromTimeSpan(time) : null,
        PostTransfer = new PostTransferRequest { Transfer = Samples.Transfer(change) },
    };

    // About 4 KiB, as the largest transfers.
    private static CallItem Large(ulong id) => Post(id, change: static t =>
    {
        for (var i = 0; i < 14; i++)
        {
            t.Metadata[$"key {i}"] = new string('x', 256);
        }
    });

    private static CallOptions As(string caller) =>
        new(new GrpcMetadata { { KnownCallers.Header, caller } });

    private static async Task<AsyncDuplexStreamingCall<StreamCallsRequest, StreamCallsResponse>> OpenAsync(
        GrpcHost host, string? caller = null)
    {
        var stream = host.Streams.StreamCalls(caller is null ? default : As(caller));
        (await ReceiveAsync(stream)).Hello.ShouldNotBeNull();
        return stream;
    }

    private static Task SendAsync(
        AsyncDuplexStreamingCall<StreamCallsRequest, StreamCallsResponse> stream, params CallItem[] items) =>
        stream.RequestStream.WriteAsync(new StreamCallsRequest { Items = { items } });

    private static async Task<StreamCallsResponse> ReceiveAsync(
        AsyncDuplexStreamingCall<StreamCallsRequest, StreamCallsResponse> stream)
    {
        (await stream.ResponseStream.MoveNext().WaitAsync(Patience)).ShouldBeTrue();
        return stream.ResponseStream.Current;
    }

    private static async Task<Dictionary<ulong, CallAnswer>> AnswersAsync(
        AsyncDuplexStreamingCall<StreamCallsRequest, StreamCallsResponse> stream, int count)
    {
        var answers = new Dictionary<ulong, CallAnswer>();
        while (answers.Count < count)
        {
            foreach (var answer in (await ReceiveAsync(stream)).Answers)
            {
                answers.Add(answer.Id, answer);
            }
        }

        return answers;
    }
}
