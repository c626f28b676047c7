using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.Testing;
using Ledger.V1;

namespace Ledger.Client.Tests;

/// <summary>The streams that small calls share, rule by rule, against a server that does as the test says. What is
/// between client and server is real; time is the test's where minutes pass.</summary>
public sealed class SharedStreamTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly OpeningClock time = new();
    private readonly ConcurrentQueue<FakeSharedStream> streams = new();
    private FakeServer? server;

    private FakeLedger Ledger => Server.Ledger;

    private FakeServer Server => server ?? throw new InvalidOperationException("It was not started.");

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    // ---------------------------------------------------------------- S1: hello first, else alone

    [Fact]
    public async Task Before_the_hello_nothing_is_sent_and_calls_are_made_alone()
    {
        var hello = new TaskCompletionSource();
        var read = 0;
        await StartAsync(async stream =>
        {
            var first = stream.ReadAsync();
            if (await Task.WhenAny(first, hello.Task) == first)
            {
                Interlocked.Increment(ref read);
            }

            await stream.HelloAsync();
            await Task.WhenAll((await first)!.Items.Select(stream.AnswerAsync));
            await stream.GoOnAsync();
        });
        await using var client = Server.Connect();
        await CallAsync(client, 40);
        await UntilAsync(() => Ledger.CallCount(FakeSharedStream.Method) == 2);
        await CallAsync(client, 40);

        (Ledger.CallCount("GetAccount"), Ledger.CallCount(FakeSharedStream.Items), read).ShouldBe((80, 0, 0));
        hello.SetResult();
        await UntilAsync(async () =>
        {
            await CallAsync(client, 1);
            return Ledger.CallCount(FakeSharedStream.Items) > 10;
        });
    }

    [Theory]
    [InlineData("silent", 600)]
    [InlineData("unimplemented", 600)]
    [InlineData("denied", 600)]
    [InlineData("no hello", 600)]
    [InlineData("draining", 1)]
    [InlineData("unavailable", 1)]
    public async Task Where_no_stream_comes_about_calls_are_made_alone_and_it_is_asked_again_later(
        string how, int seconds)
    {
        var over = 0;
        await StartAsync(async stream =>
        {
            try
            {
                switch (how)
                {
                    case "silent":
                        await Task.Delay(Timeout.Infinite, stream.Context.CancellationToken);
                        break;
                    case "unimplemented":
                        throw Refusals.Of(StatusCode.Unimplemented);
                    case "denied":
                        throw Refusals.Of(StatusCode.PermissionDenied);
                    case "unavailable":
                        throw Refusals.Of(StatusCode.Unavailable);
                    case "draining":
                        var late = FakeSharedStream.Greeting;
                        late.Draining = true;
                        await stream.HelloAsync(late);
                        break;
                    default:
                        await stream.DrainAsync();
                        break;
                }
            }
            finally
            {
                Interlocked.Increment(ref over);
            }
        });
        await using var client = Server.Connect(o => o with { TimeProvider = time });
        await CallAsync(client, 40);
        await UntilAsync(() => Ledger.CallCount(FakeSharedStream.Method) == 2);
        if (how == "silent")
        {
            // Only the two seconds end it.
            time.Advance(TimeSpan.FromSeconds(1.9));
            await CallAsync(client, 40);
            over.ShouldBe(0);
            time.Advance(TimeSpan.FromSeconds(0.1));
        }

        await UntilAsync(() => Volatile.Read(ref over) == 2);

        // Where the client has just learnt it, the pause begins a moment later.
        var pause = TimeSpan.FromSeconds(seconds);
        time.Advance(pause * 0.9);
        await CallAsync(client, 40);
        Ledger.CallCount(FakeSharedStream.Method).ShouldBe(2);
        await UntilAsync(async () =>
        {
            time.Advance(pause * 0.5);
            await CallAsync(client, 40);
            return Ledger.CallCount(FakeSharedStream.Method) == 4;
        });
        Ledger.CallCount(FakeSharedStream.Items).ShouldBe(0);
    }

    [Fact]
    public async Task A_few_calls_open_no_stream_and_the_option_opens_none_ever()
    {
        await StartAsync();
        await using var quiet = Server.Connect();
        await CallAsync(quiet, 15);
        await using var alone = Server.Connect(o => o with { UseSharedStreams = false });
        await CallAsync(alone, 100);

        (Ledger.CallCount("GetAccount"), Ledger.CallCount(FakeSharedStream.Method)).ShouldBe((115, 0));
    }

    // ---------------------------------------------------------------- S2: credits; the reader only completes

    [Fact]
    public async Task No_more_is_unanswered_than_the_hello_allows()
    {
        var hello = FakeSharedStream.Greeting;
        (hello.ItemsMax, hello.MessageItemsMax, hello.BytesMax, hello.ItemBytesMax) = (8, 3, 900, 900);
        var (items, bytes, perMessage) = (0, 0, 0);
        await StartAsync(async stream =>
        {
            await stream.HelloAsync(hello);
            var (unanswered, size) = (0, 0);
            while (await stream.ReadAsync() is { } message)
            {
                Max(ref perMessage, message.Items.Count);
                Max(ref items, Interlocked.Add(ref unanswered, message.Items.Count));
                Max(ref bytes, Interlocked.Add(ref size, message.Items.Sum(static item => item.CalculateSize())));
                foreach (var item in message.Items)
                {
                    _ = Task.Run(async () =>
                    {
                        await Task.Yield();
                        Interlocked.Decrement(ref unanswered);
                        Interlocked.Add(ref size, -item.CalculateSize());
                        await stream.AnswerAsync(item);
                    });
                }
            }
        });
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");

        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 500).Select(_ => client.PostTransferAsync(Some.Transfer()))).WaitAsync(Patience);

        outcomes.ShouldAllBe(static outcome => outcome.Status == TransferStatus.Created);
        items.ShouldBeInRange(2, 8);
        perMessage.ShouldBeInRange(2, 3);
        bytes.ShouldBeInRange(100, 900);
        Ledger.CallCount(FakeSharedStream.Items).ShouldBe(500);
    }

    [Fact]
    public async Task What_waits_leaves_together()
    {
        var messages = 0;
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                Interlocked.Increment(ref messages);
                await Task.WhenAll(message.Items.Select(stream.AnswerAsync));
            }
        });
        await using var client = await Server.ConnectSharedAsync();
        messages = 0;

        await Task.WhenAll(Enumerable.Range(0, 2000).Select(_ => client.GetAccountAsync("nobody"))).WaitAsync(Patience);

        messages.ShouldBeInRange(8, 1000);
    }

    [Fact]
    public async Task What_follows_an_answer_does_not_run_where_answers_are_read()
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync();

        var release = new TaskCompletionSource();
        Ledger.Before = _ => release.Task;
        var following = client.GetAccountAsync("nobody").ContinueWith(
            static _ =>
                new StackTrace().ToString(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

        // Only now is there something that could run there.
        release.SetResult();
        var stack = await following.WaitAsync(Patience);

        stack.ShouldContain("GetAccountAsync");
        stack.ShouldNotContain("SharedStream.Re");
    }

    // ---------------------------------------------------------------- S3: what each call brings, and cancellation

    [Fact]
    public async Task An_item_carries_its_timeout_and_its_trace()
    {
        var seen = new ConcurrentQueue<CallItem>();
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                foreach (var item in message.Items)
                {
                    seen.Enqueue(item);
                    await stream.AnswerAsync(item);
                }
            }
        });
        await using var client = await Server.ConnectSharedAsync();
        seen.Clear();
        using var activity = new Activity("a caller's").SetIdFormat(ActivityIdFormat.W3C).Start();

        await client.GetAccountAsync("nobody", new RequestOptions { Timeout = TimeSpan.FromSeconds(60) });

        var item = seen.ShouldHaveSingleItem();
        item.Timeout.ToTimeSpan().ShouldBeInRange(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(60));
        item.Traceparent.ShouldBe(activity.Id);
    }

    [Fact]
    public async Task A_read_that_is_given_up_is_cancelled_at_the_server_and_a_write_is_not()
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        using var arrived = new SemaphoreSlim(0);
        var read = new TaskCompletionSource();
        var write = new TaskCompletionSource();
        Ledger.Before = async call =>
        {
            arrived.Release();
            if (call.Method == "PostTransfer")
            {
                await write.Task;
                return;
            }

            try
            {
                await Task.Delay(Timeout.Infinite, call.Context.CancellationToken);
            }
            finally
            {
                read.SetResult();
            }
        };
        using var cancel = new CancellationTokenSource();
        var reading = client.GetAccountAsync("a", cancellationToken: cancel.Token);
        var writing = client.PostTransferAsync(Some.Transfer(), cancellationToken: cancel.Token);
        await arrived.WaitAsync(Patience);
        await arrived.WaitAsync(Patience);

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => reading);
        await Should.ThrowAsync<OperationCanceledException>(() => writing);
        await read.Task.WaitAsync(Patience);
        write.SetResult();
        await UntilAsync(() => Ledger.TransferCount == 1);
        streams.Sum(static stream => stream.Cancelled.Count).ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_not_written_when_its_caller_gives_up_never_is_and_is_not_unknown(bool byDeadline)
    {
        var hello = FakeSharedStream.Greeting;
        hello.ItemsMax = 1;
        await StartAsync(stream => stream.ServeAsync(hello));
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        var release = new TaskCompletionSource();
        Ledger.Before = _ => release.Task;
        var sent = Enumerable.Range(0, 2).Select(_ => client.PostTransferAsync(Some.Transfer())).ToArray();
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 2);

        using var cancel = new CancellationTokenSource();
        var waiting = client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = byDeadline ? TimeSpan.FromMilliseconds(200) : null },
            cancel.Token);
        if (byDeadline)
        {
            var failure = await Should.ThrowAsync<LedgerClientException>(() => waiting);
            (failure.Code, failure.OutcomeUnknown).ShouldBe((StatusCode.DeadlineExceeded, false));
        }
        else
        {
            await cancel.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        }

        release.SetResult();
        await Task.WhenAll(sent);
        (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
        Ledger.CallCount("PostTransfer").ShouldBe(3);
        Ledger.TransferCount.ShouldBe(3);
    }

    // An answer that its caller has weighs no more: else both calls could wait for one place, beside a free one.
    [Fact]
    public async Task Two_calls_behind_an_answer_take_a_stream_each()
    {
        var hello = FakeSharedStream.Greeting;
        hello.ItemsMax = 1;
        await StartAsync(stream => stream.ServeAsync(hello));
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        for (var round = 0; round < 2_000; round++)
        {
            var both = new CountdownEvent(2);
            var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Ledger.Before = _ =>
            {
                if (both.Signal())
                {
                    arrived.SetResult();
                }

                return arrived.Task;
            };
            await Task.WhenAll(client.PostTransferAsync(Some.Transfer()), client.PostTransferAsync(Some.Transfer()))
                .WaitAsync(Patience);
            Ledger.Before = static _ => Task.CompletedTask;
            (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
        }
    }

    // ---------------------------------------------------------------- S4: unsent, sent, answered

    [Theory]
    [InlineData(5)]
    [InlineData(1)]
    public async Task What_was_sent_when_the_stream_breaks_is_sent_again_with_its_id_or_is_unknown(int attempts)
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = attempts });
        await Some.OpenAsync(client, "a", "b");
        Ledger.After = call =>
        {
            // Applied, and then the connection is gone.
            if (call is { Method: "PostTransfer", Number: 1 })
            {
                call.Context.GetHttpContext().Abort();
            }

            return Task.CompletedTask;
        };

        var posting = client.PostTransferAsync(Some.Transfer());
        if (attempts == 1)
        {
            var failure = await Should.ThrowAsync<LedgerClientException>(() => posting);
            (failure.Code, failure.OutcomeUnknown, failure.Unreachable).ShouldBe((StatusCode.Unavailable, true, false));
        }
        else
        {
            (await posting).Status.ShouldBe(TransferStatus.Exists);
            Ledger.Arrived.Count.ShouldBe(2);
        }

        Ledger.Arrived.Distinct().Count().ShouldBe(1);
        Ledger.TransferCount.ShouldBe(1);
    }

    [Fact]
    public async Task What_a_stream_has_lost_comes_back_spread_over_half_a_second()
    {
        const int count = 300;
        var times = new ConcurrentQueue<long>();
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        var release = new TaskCompletionSource();
        Ledger.Before = call =>
        {
            if (call.Number > count)
            {
                times.Enqueue(Stopwatch.GetTimestamp());
            }

            return call.Number > count ? Task.CompletedTask : release.Task;
        };
        var posting = Enumerable.Range(0, count).Select(_ => client.PostTransferAsync(Some.Transfer())).ToArray();
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == count);

        foreach (var stream in streams)
        {
            stream.Context.GetHttpContext().Abort();
        }

        (await Task.WhenAll(posting).WaitAsync(Patience))
            .ShouldAllBe(static outcome => outcome.Status == TransferStatus.Created);
        Stopwatch.GetElapsedTime(times.Min(), times.Max()).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(250));
        release.SetResult();
    }

    [Fact]
    public async Task What_was_not_sent_when_the_stream_breaks_goes_elsewhere_and_is_not_unknown()
    {
        var hello = FakeSharedStream.Greeting;
        hello.ItemsMax = 1;
        await StartAsync(stream => stream.ServeAsync(hello));
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = 1 });
        await Some.OpenAsync(client, "a", "b");
        Ledger.Before = call =>
            call.Number <= 2 ? Task.Delay(Timeout.Infinite, call.Context.CancellationToken) : Task.CompletedTask;
        var posting = Enumerable.Range(0, 6).Select(_ => client.PostTransferAsync(Some.Transfer())).ToArray();
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 2);

        foreach (var stream in streams)
        {
            stream.Context.GetHttpContext().Abort();
        }

        await UntilAsync(() => Array.TrueForAll(posting, static one => one.IsCompleted));
        var failures = posting.Where(static one => one.IsFaulted)
            .Select(static one => (LedgerClientException)one.Exception!.InnerException!).ToArray();
        failures.Length.ShouldBe(2);
        failures.ShouldAllBe(static failure => failure.OutcomeUnknown);
        Ledger.TransferCount.ShouldBe(4);
    }

    [Theory]
    [InlineData(0ul, false)]
    [InlineData(1ul, true)]
    public async Task Where_the_end_says_that_a_message_was_not_read_its_items_go_elsewhere(ulong read, bool unknown)
    {
        var scripted = true;
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                if (Volatile.Read(ref scripted) && message.Items is [{ PostTransfer: not null }])
                {
                    await stream.EndAsync(stream.MessagesRead - 1 + read);
                    throw Refusals.Rich(StatusCode.Unavailable, "STREAM_ENDED").ToRpcException();
                }

                await Task.WhenAll(message.Items.Select(stream.AnswerAsync));
            }
        });
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = 1 });
        await Some.OpenAsync(client, "a", "b");

        if (unknown)
        {
            (await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer())))
                .OutcomeUnknown.ShouldBeTrue();
        }
        else
        {
            (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
            Ledger.Arrived.Count.ShouldBe(1);
        }
    }

    // ---------------------------------------------------------------- S5: draining

    [Fact]
    public async Task A_stream_that_drains_gets_no_new_items_is_answered_and_another_one_takes_over()
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = 1 });
        await Some.OpenAsync(client, "a", "b");
        var release = new TaskCompletionSource();
        Ledger.Before = call => call.Number <= 8 ? release.Task : Task.CompletedTask;
        var posting = Enumerable.Range(0, 8).Select(_ => client.PostTransferAsync(Some.Transfer())).ToArray();
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 8);
        var old = streams.ToArray();

        foreach (var stream in old)
        {
            await stream.DrainAsync();
        }

        await UntilAsync(async () =>
        {
            await client.PostTransferAsync(Some.Transfer());
            return streams.Count == 4;
        });
        var read = old.Select(static stream => stream.MessagesRead).ToArray();
        for (var i = 0; i < 20; i++)
        {
            (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
        }

        old.Select(static stream => stream.MessagesRead).ShouldBe(read);
        release.SetResult();
        (await Task.WhenAll(posting).WaitAsync(Patience))
            .ShouldAllBe(static outcome => outcome.Status == TransferStatus.Created);

        // The old ones end by the client's saying that it sends no more.
        await UntilAsync(() => Ledger.SharedStreamsOpen == 2);
    }

    [Fact]
    public async Task What_a_draining_stream_does_not_answer_in_ten_seconds_is_unknown()
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = 1, TimeProvider = time });
        await Some.OpenAsync(client, "a", "b");
        Ledger.Before = call => Task.Delay(Timeout.Infinite, call.Context.CancellationToken);
        var posting = client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromMinutes(5) });
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 1);
        foreach (var stream in streams)
        {
            await stream.DrainAsync();
        }

        // Idle, the other one ends by itself.
        await UntilAsync(() => Ledger.SharedStreamsOpen == 1);
        for (var i = 0; i < 8; i++)
        {
            time.Advance(Second);
        }

        posting.IsCompleted.ShouldBeFalse();
        await UntilAsync(() =>
        {
            time.Advance(Second);
            return posting.IsCompleted;
        });
        (await Should.ThrowAsync<LedgerClientException>(() => posting)).OutcomeUnknown.ShouldBeTrue();
    }

    // ---------------------------------------------------------------- S6: life, idleness, beats, death

    [Fact]
    public async Task A_stream_lives_about_five_minutes_and_the_next_one_is_there_before_it_ends()
    {
        var beats = 0;
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                if (message.Items.Count == 0)
                {
                    Interlocked.Increment(ref beats);
                }

                await Task.WhenAll(message.Items.Select(stream.AnswerAsync));
            }
        });
        await using var client = await Server.ConnectSharedAsync(o => o with { TimeProvider = time });
        for (var second = 0; second < 239; second++)
        {
            time.Advance(Second);
            await CallAsync(client, 2);
        }

        Ledger.CallCount(FakeSharedStream.Method).ShouldBe(0);
        for (var second = 239; second < 361; second++)
        {
            await UntilAsync(() => time.Opening == 0);
            time.Advance(Second);
            await CallAsync(client, 2);
        }

        await UntilAsync(async () =>
        {
            await CallAsync(client, 2);
            return Ledger.CallCount(FakeSharedStream.Method) == 2;
        });

        // Never was there none, and whoever is busy needs no beats.
        Ledger.CallCount("GetAccount").ShouldBe(Ledger.CallCount(FakeSharedStream.Items));
        beats.ShouldBe(0);
        await UntilAsync(() => Ledger.SharedStreamsOpen == 2);
    }

    [Fact]
    public async Task An_idle_stream_beats_every_fifteen_seconds_and_ends_after_sixty()
    {
        var beats = 0;
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                if (message.Items.Count == 0)
                {
                    Interlocked.Increment(ref beats);
                }

                await Task.WhenAll(message.Items.Select(stream.AnswerAsync));
            }
        });
        await using var client = await Server.ConnectSharedAsync(o => o with { TimeProvider = time });
        for (var i = 1; i <= 3; i++)
        {
            var due = 2 * i;
            for (var second = 0; second < 15; second++)
            {
                time.Advance(Second);
            }

            await UntilAsync(() => Volatile.Read(ref beats) == due);
        }

        Ledger.SharedStreamsOpen.ShouldBe(2);
        time.Advance(TimeSpan.FromSeconds(16));
        await UntilAsync(() => Ledger.SharedStreamsOpen == 0);
        Ledger.CallCount(FakeSharedStream.Method).ShouldBe(0, "nobody needs another one");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_on_which_nothing_is_heard_for_five_seconds_while_an_answer_is_due_is_dead(bool beats)
    {
        var asked = 0;
        var release = new TaskCompletionSource();
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                if (message.Items.Count == 0)
                {
                    Interlocked.Increment(ref asked);
                    if (beats)
                    {
                        await stream.BeatAsync();
                    }
                }

                foreach (var item in message.Items)
                {
                    _ = stream.AnswerAsync(item);
                }
            }
        });
        await using var client = await Server.ConnectSharedAsync(o => o with { MaxAttempts = 1, TimeProvider = time });
        await Some.OpenAsync(client, "a", "b");
        Ledger.Before = _ => release.Task;
        var posting = client.PostTransferAsync(
            Some.Transfer(), new RequestOptions { Timeout = TimeSpan.FromMinutes(5) });
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 1);
        time.Advance(Second);
        time.Advance(Second);
        time.Advance(Second);
        await UntilAsync(() => Volatile.Read(ref asked) > 0);

        if (beats)
        {
            for (var round = 0; round < 8; round++)
            {
                // Each answer to a beat is heard before time goes on.
                var before = streams.Sum(static stream => stream.Beats);
                time.Advance(Second);
                time.Advance(Second);
                time.Advance(Second);
                await UntilAsync(() => streams.Sum(static stream => stream.Beats) > before);
                await Task.Delay(300);
            }

            posting.IsCompleted.ShouldBeFalse();
            release.SetResult();
            (await posting.WaitAsync(Patience)).Status.ShouldBe(TransferStatus.Created);
            return;
        }

        posting.IsCompleted.ShouldBeFalse();
        time.Advance(Second);
        time.Advance(Second);
        time.Advance(Second);
        var failure = await Should.ThrowAsync<LedgerClientException>(() => posting.WaitAsync(Patience));
        (failure.Code, failure.OutcomeUnknown).ShouldBe((StatusCode.Unavailable, true));
        release.SetResult();
    }

    // ---------------------------------------------------------------- S7: how many, and which one

    [Fact]
    public async Task Behind_one_address_there_are_two_streams_on_connections_of_their_own()
    {
        server = await FakeServer.OnPortAsync(new FakeLedger { HasSharedStreams = true });
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [proxy.Address] });
        await server.ShareAsync(client);

        proxy.Accepted.ShouldBe(3, "two for the streams, and one for calls alone");
    }

    [Fact]
    public async Task With_several_addresses_there_is_one_stream_to_each_and_an_item_goes_to_the_less_loaded()
    {
        await using var one = await FakeServer.OnPortAsync(new FakeLedger { HasSharedStreams = true });
        await using var two = await FakeServer.OnPortAsync(new FakeLedger { HasSharedStreams = true });
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [one.Address, two.Address] });
        await UntilAsync(async () =>
        {
            await CallAsync(client, 4);
            return one.Ledger.SharedStreamsOpen + two.Ledger.SharedStreamsOpen == 2
                && one.Ledger.CallCount(FakeSharedStream.Items) > 0 && two.Ledger.CallCount(FakeSharedStream.Items) > 0;
        });
        (one.Ledger.SharedStreamsOpen, two.Ledger.SharedStreamsOpen).ShouldBe((1, 1));

        var release = new TaskCompletionSource();
        one.Ledger.Before = _ => release.Task;
        one.Ledger.ForgetCalls();
        two.Ledger.ForgetCalls();
        var held = new List<Task>();
        await UntilAsync(() =>
        {
            held.Add(client.GetAccountAsync("nobody"));
            return one.Ledger.CallCount("GetAccount") > 0;
        });
        await UntilAsync(() => held.Count(static task => !task.IsCompleted) == one.Ledger.CallCount("GetAccount"));
        var (here, there) = (one.Ledger.CallCount("GetAccount"), two.Ledger.CallCount("GetAccount"));

        // One after the other: the other stream has nothing to do.
        await CallAsync(client, 50);

        (one.Ledger.CallCount("GetAccount"), two.Ledger.CallCount("GetAccount")).ShouldBe((here, there + 50));
        release.SetResult();
        await Task.WhenAll(held);
    }

    // ---------------------------------------------------------------- S8: credentials

    [Fact]
    public async Task Each_call_goes_by_a_stream_that_shows_what_the_call_shows()
    {
        const string header = "authorization";
        var seen = new ConcurrentQueue<(string? Shown, string Account)>();
        await StartAsync(async stream =>
        {
            await stream.HelloAsync();
            while (await stream.ReadAsync() is { } message)
            {
                foreach (var item in message.Items)
                {
                    seen.Enqueue((stream.Context.RequestHeaders.GetValue(header), item.GetAccount.Address));
                    await stream.AnswerAsync(item);
                }
            }
        });
        var caller = new AsyncLocal<string>();
        await using var client = Server.Connect(o => o with { Token = _ => ValueTask.FromResult(caller.Value!) });
        await UntilAsync(async () =>
        {
            foreach (var one in (string[])["alice", "bob"])
            {
                caller.Value = one;
                await client.GetAccountAsync(one);
            }

            return Ledger.SharedStreamsOpen == 4 && seen.Count > 100;
        });

        seen.ShouldAllBe(static one => one.Shown == $"Bearer {one.Account}");
        seen.Select(static one => one.Account).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task At_four_fifths_of_the_credentials_life_the_next_stream_is_opened()
    {
        var hello = FakeSharedStream.Greeting;
        hello.ExpireAfter = Duration.FromTimeSpan(TimeSpan.FromSeconds(100));
        await StartAsync(stream => stream.ServeAsync(hello));
        await using var client = await Server.ConnectSharedAsync(o => o with { TimeProvider = time });
        for (var i = 0; i < 79; i++)
        {
            time.Advance(Second);
            await CallAsync(client, 2);
        }

        Ledger.CallCount(FakeSharedStream.Method).ShouldBe(0);
        time.Advance(Second);
        await UntilAsync(async () =>
        {
            await CallAsync(client, 20);
            return Ledger.CallCount(FakeSharedStream.Method) == 2;
        });
        Ledger.CallCount("GetAccount").ShouldBe(Ledger.CallCount(FakeSharedStream.Items));
    }

    // ---------------------------------------------------------------- S9: what goes alone

    [Fact]
    public async Task What_is_large_and_what_is_more_than_one_goes_alone()
    {
        await StartAsync();
        await using var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");

        await client.PostTransferAsync(Some.Transfer() with { Reference = new string('x', 33 * 1024) });
        await client.PostTransfersAsync([Some.Transfer(), Some.Transfer()]);
        await client.PostTransactionAsync(
            new Transaction { Id = TransferIds.New(), Legs = [TransactionLeg.Of(Some.Transfer())] });
        await foreach (var account in client.ListAccountsAsync())
        {
            account.ShouldNotBeNull();
        }

        Ledger.CallCount(FakeSharedStream.Items).ShouldBe(0);
        await client.PostTransferAsync(Some.Transfer() with { Reference = new string('x', 31 * 1024) });
        await client.GetTransferAsync("a", TransferIds.New());
        Ledger.CallCount(FakeSharedStream.Items).ShouldBe(2);
    }

    // ---------------------------------------------------------------- on real sockets

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connections_that_break_or_are_forgotten_under_load_cost_no_transfer_and_double_none(
        bool forgotten)
    {
        const int callers = 64;
        const int each = 20;
        server = await FakeServer.OnPortAsync(new FakeLedger { HasSharedStreams = true });
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with
        {
            Addresses = [proxy.Address], KeepAliveInterval = Second, KeepAliveTimeout = Second,
        });
        await Some.OpenAsync(client, "a", "b");
        await server.ShareAsync(client);
        var outcomes = new ConcurrentQueue<TransferResult>();

        var posting = Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
        {
            for (var i = 0; i < each; i++)
            {
                outcomes.Enqueue(await client.PostTransferAsync(Some.Transfer()));
            }
        }));
        foreach (var part in (int[])[4, 2])
        {
            await UntilAsync(() => outcomes.Count >= callers * each / part);
            if (forgotten)
            {
                proxy.Forget();
            }
            else
            {
                proxy.Reset();
            }
        }

        await posting.WaitAsync(Patience);
        outcomes.ShouldAllBe(static outcome => outcome.IsCommitted);
        (outcomes.Count, Ledger.TransferCount).ShouldBe((callers * each, callers * each));
    }

    // ---------------------------------------------------------------- the end

    [Fact]
    public async Task Whoever_disposes_the_client_leaves_what_was_sent_unknown()
    {
        await StartAsync();
        var client = await Server.ConnectSharedAsync();
        await Some.OpenAsync(client, "a", "b");
        var release = new TaskCompletionSource();
        Ledger.Before = _ => release.Task;
        var posting = client.PostTransferAsync(Some.Transfer());
        await UntilAsync(() => Ledger.CallCount("PostTransfer") == 1);

        await client.DisposeAsync();

        var failure = await Should.ThrowAsync<LedgerClientException>(() => posting.WaitAsync(Patience));
        (failure.Code, failure.OutcomeUnknown).ShouldBe((StatusCode.Cancelled, true));
        release.SetResult();
        await UntilAsync(() => Ledger.SharedStreamsOpen == 0);
    }

    private static async Task CallAsync(LedgerClient client, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await client.GetAccountAsync("nobody")).ShouldBeNull();
        }
    }

    private static void Max(ref int target, int value)
    {
        for (var seen = target; value > seen; seen = target)
        {
            Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(Patience);
            await Task.Delay(5);
        }
    }

    private async Task StartAsync(Func<FakeSharedStream, Task>? serve = null) =>
        server = await FakeServer.InMemoryAsync(
        new FakeLedger
        {
            HasSharedStreams = true,
            SharedStream = stream =>
            {
                streams.Enqueue(stream);
                return serve?.Invoke(stream) ?? stream.ServeAsync();
            },
        });
}
