using System.Collections.Concurrent;
using Grpc.Core;
using Ledger.Grpc.Services;
using Ledger.V1;

namespace Ledger.Testing;

internal sealed class FakeStreamService(FakeLedger ledger) : StreamService.StreamServiceBase
{
    public override async Task StreamCalls(
        IAsyncStreamReader<StreamCallsRequest> requestStream, IServerStreamWriter<StreamCallsResponse> responseStream,
        ServerCallContext context)
    {
        ItemCallContext.Prepare(context);
        var call = ledger.Begin(FakeSharedStream.Method, context);
        var stream = new FakeSharedStream(ledger, call, requestStream, responseStream);
        try
        {
            await (ledger.SharedStream?.Invoke(stream) ?? stream.ServeAsync());
        }
        finally
        {
            stream.Ended();
        }
    }
}

/// <summary>One stream that calls share, as the server has it. A test serves it by the whole, or step by
/// step.</summary>
internal sealed class FakeSharedStream(
    FakeLedger ledger, FakeCall call, IAsyncStreamReader<StreamCallsRequest> requests,
    IServerStreamWriter<StreamCallsResponse> responses)
{
    /// <summary>What a stream is counted as.</summary>
    public const string Method = "StreamCalls";

    /// <summary>What its items are counted as, all together.</summary>
    public const string Items = "CallItem";

    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly ConcurrentDictionary<ulong, CancellationTokenSource> underWay = new();
    private bool isOpen;

    /// <summary>Which one of the server's it is, from 1.</summary>
    public int Number => call.Number;

    public FakeLedger Ledger => ledger;

    public ServerCallContext Context => call.Context;

    /// <summary>How many messages have come.</summary>
    public ulong MessagesRead { get; private set; }

    /// <summary>The ids of reads that the client waits for no more.</summary>
    public ConcurrentQueue<ulong> Cancelled { get; } = new();

    public static StreamHello Greeting => new()
    {
        Node = "fake", ItemsMax = 1024, BytesMax = 1024 * 1024, MessageItemsMax = 256, MessageBytesMax = 256 * 1024,
        ItemBytesMax = 32 * 1024,
    };

    /// <summary>Says hello, reads to the end, and answers all.</summary>
    public async Task ServeAsync(StreamHello? hello = null)
    {
        await HelloAsync(hello);
        await GoOnAsync();
    }

    /// <summary>Reads to the end, and answers all.</summary>
    public async Task GoOnAsync()
    {
        var answering = new List<Task>();
        while (await ReadAsync() is { } message)
        {
            answering.AddRange(message.Items.Select(AnswerAsync));
            if (message.Items.Count == 0 && message.CancelledIds.Count == 0)
            {
                await BeatAsync();
            }
        }

        await Task.WhenAll(answering);
        await EndAsync();
    }

    public async Task HelloAsync(StreamHello? hello = null)
    {
        await WriteAsync(new StreamCallsResponse { Hello = hello ?? Greeting });
        isOpen = true;
        ledger.SharedStreamOpened(1);
    }

    /// <summary>The next message; null at the end.</summary>
    public async Task<StreamCallsRequest?> ReadAsync()
    {
        if (!await requests.MoveNext(call.Context.CancellationToken))
        {
            return null;
        }

        MessagesRead++;
        foreach (var id in requests.Current.CancelledIds)
        {
            Cancelled.Enqueue(id);
            if (underWay.TryGetValue(id, out var item))
            {
                await item.CancelAsync();
            }
        }

        return requests.Current;
    }

    /// <summary>Serves one item, as its call alone is served.</summary>
    public async Task AnswerAsync(CallItem item)
    {
        ledger.Begin(Items, call.Context);
        ledger.SharedStreamsUsed[this] = true;
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(call.Context.CancellationToken);
        underWay[item.Id] = cancellation;
        var answer = new CallAnswer { Id = item.Id };
        var deadline = item.Timeout is { } timeout
            ? TimeProvider.System.GetUtcNow().UtcDateTime + timeout.ToTimeSpan()
            : DateTime.MaxValue;
        ServerCallContext Context(string method) =>
            new ItemCallContext(call.Context, method, deadline, cancellation.Token);
        try
        {
            switch (item.RequestCase)
            {
                case CallItem.RequestOneofCase.PostTransfer:
                    answer.PostTransfer = await ledger.RunAsync("PostTransfer", Context("PostTransfer"), () =>
                        new PostTransferResponse { Result = ledger.Post(item.PostTransfer.Transfer) });
                    break;
                case CallItem.RequestOneofCase.GetAccount:
                    answer.GetAccount = await ledger.RunAsync("GetAccount", Context("GetAccount"), () =>
                        new GetAccountResponse { Account = ledger.Get(item.GetAccount.Address) });
                    break;
                case CallItem.RequestOneofCase.GetTransfer:
                    answer.GetTransfer = await ledger.RunAsync("GetTransfer", Context("GetTransfer"), () =>
                        new GetTransferResponse { Record = ledger.GetTransfer(
                            item.GetTransfer.Account, item.GetTransfer.Id) });
                    break;
                default:
                    throw Refusals.Of(StatusCode.Unimplemented);
            }
        }
        catch (Exception failure)
        {
            var refusal = failure as RpcException ?? Refusals.Of(StatusCode.Unknown, failure.Message);
            answer.Error = refusal.GetRpcStatus()
                ?? new Google.Rpc.Status { Code = (int)refusal.StatusCode, Message = refusal.Status.Detail };
        }

        underWay.TryRemove(item.Id, out _);
        await WriteAsync(new StreamCallsResponse { Answers = { answer } });
    }

    /// <summary>How many beats were written.</summary>
    public int Beats { get; private set; }

    public async Task BeatAsync()
    {
        await WriteAsync(new StreamCallsResponse());
        Beats++;
    }

    public Task DrainAsync() => WriteAsync(new StreamCallsResponse { Draining = true });

    public Task EndAsync(ulong? messagesRead = null) =>
        WriteAsync(new StreamCallsResponse { End = new StreamEnd { MessagesRead = messagesRead ?? MessagesRead } });

    public void Ended()
    {
        ledger.SharedStreamsUsed.TryRemove(this, out _);
        if (isOpen)
        {
            isOpen = false;
            ledger.SharedStreamOpened(-1);
        }
    }

    private async Task WriteAsync(StreamCallsResponse response)
    {
        await writing.WaitAsync();
        try
        {
            await responses.WriteAsync(response);
        }
        catch (Exception failure) when (failure is InvalidOperationException or OperationCanceledException
            or IOException)
        {
            // The client has gone, and the stream with it.
        }
        finally
        {
            writing.Release();
        }
    }
}
