using Google.Rpc;
using Grpc.Core;
using Ledger.Testing;
using Ledger.V1;

namespace Ledger.Client.Tests;

/// <summary>The session: answers find their questions, and a broken stream leaves nobody waiting or
/// misinformed.</summary>
public sealed class StreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Many_transfers_in_flight_are_all_decided()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        await using var stream = client.OpenTransferStream(new TransferStreamOptions { InFlightMax = 50 });
        var transfers = Enumerable.Range(1, 2000).Select(i => Some.Transfer(i)).ToList();

        var outcomes = await Task.WhenAll(transfers.Select(t => stream.PostAsync(t))).WaitAsync(Patience);

        outcomes.Select(o => o.Id).ShouldBe(transfers.Select(t => t.Id));
        outcomes.ShouldAllBe(o => o.Status == TransferStatus.Created);
        server.Ledger.CallCount("StreamTransfers").ShouldBe(1);
    }

    [Fact]
    public async Task Answers_that_overtake_each_other_find_their_questions()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            var held = new Stack<StreamTransfersRequest>();
            while (held.Count < 3 && await requests.MoveNext())
            {
                held.Push(requests.Current);
            }

            foreach (var request in held)
            {
                await responses.WriteAsync(Answer(server, request));
            }
        };
        await using var stream = client.OpenTransferStream();
        var transfers = Enumerable.Range(1, 3).Select(i => Some.Transfer(i)).ToList();

        var outcomes = await Task.WhenAll(transfers.Select(t => stream.PostAsync(t))).WaitAsync(Patience);

        outcomes.Select(o => o.Id).ShouldBe(transfers.Select(t => t.Id));
    }

    [Fact]
    public async Task An_error_answers_one_request_and_does_not_end_the_session()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            while (await requests.MoveNext())
            {
                var request = requests.Current;
                await responses.WriteAsync(request.Transfer.Amount == "1"
                    ? new StreamTransfersResponse
                    {
                        Sequence = request.Sequence,
                        Error = Refusals.Rich(StatusCode.InvalidArgument, "MALFORMED", field: "transfer.amount"),
                    }
                    : Answer(server, request));
            }
        };
        await using var stream = client.OpenTransferStream();

        var failure = await Should.ThrowAsync<LedgerClientException>(() => stream.PostAsync(Some.Transfer(1)));
        var outcome = await stream.PostAsync(Some.Transfer(2)).WaitAsync(Patience);

        failure.Reason.ShouldBe("MALFORMED");
        failure.Field.ShouldBe("transfer.amount");
        failure.OutcomeUnknown.ShouldBeFalse();
        outcome.IsCommitted.ShouldBeTrue();
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, "STREAM_ENDED")]
    [InlineData(StatusCode.ResourceExhausted, "OVERLOADED")]
    public async Task A_stream_that_the_node_ends_goes_on_as_another_one_and_nothing_is_unknown(
        StatusCode code, string reason)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            // What was read is answered; what follows is not read.
            for (var i = 0; i < 3 && await requests.MoveNext(); i++)
            {
                await responses.WriteAsync(Answer(server, requests.Current));
            }

            throw Refusals.Rich(code, reason, retryAfter: TimeSpan.FromMilliseconds(10)).ToRpcException();
        };
        await using var stream = client.OpenTransferStream();
        var transfers = Enumerable.Range(1, 10).Select(i => Some.Transfer(i)).ToList();

        var outcomes = await Task.WhenAll(transfers.Select(t => stream.PostAsync(t))).WaitAsync(Patience);

        outcomes.ShouldAllBe(o => o.Status == TransferStatus.Created);
        server.Ledger.TransferCount.ShouldBe(10);
        server.Ledger.CallCount("StreamTransfers").ShouldBeGreaterThanOrEqualTo(4);

        // One that is idle when it is ended is opened when it is needed.
        (await stream.PostAsync(Some.Transfer(11)).WaitAsync(Patience)).Status.ShouldBe(TransferStatus.Created);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_stream_breaks_all_that_is_unanswered_is_unknown(bool withError)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            for (var i = 0; i < 4 && await requests.MoveNext(); i++)
            {
                if (i == 0)
                {
                    await responses.WriteAsync(Answer(server, requests.Current));
                }
            }

            if (withError)
            {
                throw Refusals.Of(StatusCode.Unavailable);
            }
        };
        await using var stream = client.OpenTransferStream();
        var first = await stream.PostAsync(Some.Transfer()).WaitAsync(Patience);
        var others = Enumerable.Range(0, 3).Select(_ => stream.PostAsync(Some.Transfer())).ToList();

        foreach (var other in others)
        {
            var failure = await Should.ThrowAsync<LedgerClientException>(() => other.WaitAsync(Patience));
            failure.OutcomeUnknown.ShouldBeTrue();
        }

        first.IsCommitted.ShouldBeTrue();
        var after = await Should.ThrowAsync<LedgerClientException>(
            () => stream.PostAsync(Some.Transfer()).WaitAsync(Patience));
        after.OutcomeUnknown.ShouldBeFalse("it was never sent");
    }

    [Fact]
    public async Task With_patience_a_broken_stream_is_opened_again_and_the_same_ids_are_sent()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, call) =>
        {
            var count = 0;
            while (await requests.MoveNext())
            {
                // The first three streams apply two and break before they answer the second.
                var answer = Answer(server, requests.Current);
                if (call.Number <= 3 && ++count == 2)
                {
                    throw Refusals.Of(StatusCode.Internal);
                }

                await responses.WriteAsync(answer);
            }
        };
        await using var stream = client.OpenTransferStream(new TransferStreamOptions { RetryUnknownFor = Patience });
        var transfers = Enumerable.Range(1, 20).Select(i => Some.Transfer(i)).ToList();

        var outcomes = await Task.WhenAll(transfers.Select(t => stream.PostAsync(t))).WaitAsync(Patience);

        outcomes.Select(o => o.Id).ShouldBe(transfers.Select(t => t.Id));
        outcomes.ShouldAllBe(o => o.IsCommitted);
        outcomes.Count(o => o.Status == TransferStatus.Exists).ShouldBeGreaterThanOrEqualTo(3);
        server.Ledger.TransferCount.ShouldBe(20);
        server.Ledger.CallCount("StreamTransfers").ShouldBe(4);
    }

    [Fact]
    public async Task A_node_that_restarts_is_survived()
    {
        var ledger = new FakeLedger();
        var server = await FakeServer.OnPortAsync(ledger);
        var port = server.Address.Port;
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        await using var stream = client.OpenTransferStream(new TransferStreamOptions
        {
            InFlightMax = 8,
            RetryUnknownFor = Patience,
        });
        var halfway = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = 0;

        var posting = Task.WhenAll(Enumerable.Range(0, 4000).Select(async _ =>
        {
            var outcome = await stream.PostAsync(Some.Transfer());
            if (Interlocked.Increment(ref done) == 500)
            {
                halfway.SetResult();
            }

            return outcome;
        }));
        await halfway.Task.WaitAsync(Patience);
        await server.DisposeAsync();
        await using var restarted = await FakeServer.OnPortAsync(ledger, port);
        var outcomes = await posting.WaitAsync(Patience);

        outcomes.ShouldAllBe(o => o.IsCommitted);
        ledger.TransferCount.ShouldBe(4000);
    }

    [Fact]
    public async Task An_answer_that_does_not_come_in_time_is_unknown()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        server.Ledger.Stream = async (requests, _, call) =>
        {
            while (await requests.MoveNext(call.Context.CancellationToken))
            {
                // Never answers.
            }
        };
        await using var stream = client.OpenTransferStream(
            new TransferStreamOptions { AnswerTimeout = TimeSpan.FromMilliseconds(100) });

        var failure = await Should.ThrowAsync<LedgerClientException>(
            () => stream.PostAsync(Some.Transfer()).WaitAsync(Patience));

        failure.Code.ShouldBe(StatusCode.DeadlineExceeded);
        failure.OutcomeUnknown.ShouldBeTrue();
    }

    [Fact]
    public async Task Overload_of_one_request_is_sent_again()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            var count = 0;
            while (await requests.MoveNext())
            {
                await responses.WriteAsync(++count == 1
                    ? new StreamTransfersResponse
                    {
                        Sequence = requests.Current.Sequence,
                        Error = Refusals.Rich(
                            StatusCode.ResourceExhausted, "OVERLOADED", retryAfter: TimeSpan.FromMilliseconds(20)),
                    }
                    : Answer(server, requests.Current));
            }
        };
        await using var stream = client.OpenTransferStream();

        var outcome = await stream.PostAsync(Some.Transfer()).WaitAsync(Patience);

        outcome.Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public async Task Nobody_there_is_unreachable_and_not_unknown()
    {
        var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect();
        await server.DisposeAsync();
        await using var stream = client.OpenTransferStream();

        var failure = await Should.ThrowAsync<LedgerClientException>(
            () => stream.PostAsync(Some.Transfer()).WaitAsync(Patience));

        failure.Unreachable.ShouldBeTrue();
        failure.OutcomeUnknown.ShouldBeFalse();
    }

    [Fact]
    public async Task Completing_waits_for_answers_and_takes_no_more()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        await using var stream = client.OpenTransferStream();
        var posted = Enumerable.Range(0, 100).Select(_ => stream.PostAsync(Some.Transfer())).ToList();

        await stream.CompleteAsync().WaitAsync(Patience);

        posted.ShouldAllBe(task => task.IsCompleted || task.Wait(Patience));
        await Should.ThrowAsync<ObjectDisposedException>(() => stream.PostAsync(Some.Transfer()));
    }

    [Fact]
    public async Task Disposing_leaves_the_unanswered_unknown()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Ledger.Stream = async (requests, _, call) =>
        {
            await requests.MoveNext();
            arrived.SetResult();
            await Task.Delay(Timeout.Infinite, call.Context.CancellationToken);
        };
        var stream = client.OpenTransferStream();
        var posted = stream.PostAsync(Some.Transfer());
        await arrived.Task.WaitAsync(Patience);

        await stream.DisposeAsync();

        (await Should.ThrowAsync<LedgerClientException>(() => posted.WaitAsync(Patience))).OutcomeUnknown
            .ShouldBeTrue();
    }

    [Fact]
    public async Task Giving_up_on_one_makes_room_for_another()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        using var cancel = new CancellationTokenSource();
        server.Ledger.Stream = async (requests, responses, _) =>
        {
            await requests.MoveNext();
            await cancel.CancelAsync();
            while (await requests.MoveNext())
            {
                await responses.WriteAsync(Answer(server, requests.Current));
            }
        };
        await using var stream = client.OpenTransferStream(new TransferStreamOptions { InFlightMax = 1 });

        await Should.ThrowAsync<OperationCanceledException>(() => stream.PostAsync(Some.Transfer(), cancel.Token));
        var outcome = await stream.PostAsync(Some.Transfer()).WaitAsync(Patience);

        outcome.IsCommitted.ShouldBeTrue();
    }

    private static StreamTransfersResponse Answer(FakeServer server, StreamTransfersRequest request) => new()
    {
        Sequence = request.Sequence,
        Result = server.Ledger.Post(request.Transfer),
    };
}
