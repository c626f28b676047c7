using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.V1;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc.Services;

/// <summary>Runs the streams of StreamCalls: each item is served by the method that serves the same call
/// alone.</summary>
internal sealed class CallStreams
{
    /// <summary>How many bytes they may have together.</summary>
    public const int BytesMax = 1024 * 1024;

    private const int MessageItemsMax = 256;
    private const int MessageBytesMax = 256 * 1024;
    private const int ItemBytesMax = 32 * 1024;

    /// <summary>How long a stream is read after it was told to end.</summary>
    public static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(10);

    /// <summary>How often it is looked whether what the caller has shown is still good.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);

    // Another one after each start.
    private readonly string node = RandomNumberGenerator.GetHexString(16, lowercase: true);
    private readonly CallerLedgers ledgers;
    private readonly IHostApplicationLifetime lifetime;
    private readonly LedgerGrpcOptions options;
    private readonly StreamedCall postTransfer;
    private readonly StreamedCall getAccount;
    private readonly StreamedCall getTransfer;

    public CallStreams(
        TransferGrpcService transfers, AccountGrpcService accounts, CallerLedgers ledgers, ErrorInterceptor errors,
        CallMetrics metrics, TimeProvider time, CallDeadline clock, IOptions<LedgerGrpcOptions> options,
        IHostApplicationLifetime lifetime)
    {
        (this.ledgers, this.lifetime, this.options) = (ledgers, lifetime, options.Value);
        (Errors, Metrics, Time, Clock) = (errors, metrics, time, clock);
        var (ofTransfers, ofAccounts) = (TransferService.Descriptor, AccountService.Descriptor);
        postTransfer = new StreamedCall(
            ofTransfers.FindMethodByName(nameof(transfers.PostTransfer)), isRead: false,
            async (item, context) => new CallAnswer
            {
                Id = item.Id, PostTransfer = await transfers.PostTransfer(item.PostTransfer, context),
            });
        getAccount = new StreamedCall(
            ofAccounts.FindMethodByName(nameof(accounts.GetAccount)), isRead: true,
            async (item, context) => new CallAnswer
            {
                Id = item.Id, GetAccount = await accounts.GetAccount(item.GetAccount, context),
            });
        getTransfer = new StreamedCall(
            ofTransfers.FindMethodByName(nameof(transfers.GetTransfer)), isRead: true,
            async (item, context) => new CallAnswer
            {
                Id = item.Id, GetTransfer = await transfers.GetTransfer(item.GetTransfer, context),
            });
    }

    /// <summary>Turns failures into what the caller learns.</summary>
    public ErrorInterceptor Errors { get; }

    /// <summary>Measures each item as a call.</summary>
    public CallMetrics Metrics { get; }

    /// <summary>The clock of deadlines.</summary>
    public TimeProvider Time { get; }

    /// <summary>What is left of deadlines.</summary>
    public CallDeadline Clock { get; }

    /// <summary>How many items of one stream may be unanswered.</summary>
    public int ItemsMax => options.StreamInFlightMax;

    /// <summary>The largest message that is sent.</summary>
    public int AnswerBytesMax => options.MaxSendMessageBytes;

    /// <summary>The method that an item calls.</summary>
    /// <exception cref="RequestErrorException">It names none that this node knows.</exception>
    public StreamedCall CallOf(CallItem item) => item.RequestCase switch
    {
        CallItem.RequestOneofCase.PostTransfer => postTransfer,
        CallItem.RequestOneofCase.GetAccount => getAccount,
        CallItem.RequestOneofCase.GetTransfer => getTransfer,
        _ => throw new RequestError(
            ErrorReasons.MethodNotFound, "The item names no call that this node knows.").Exception(),
    };

    /// <summary>Requires of an item what the gate requires of a call.</summary>
    /// <exception cref="RequestErrorException">The caller may not call its method.</exception>
    public void Require(StreamedCall call, ServerCallContext context) => ledgers.Require(context, call.Rights);

    public async Task RunAsync(
        IAsyncStreamReader<StreamCallsRequest> requests, IServerStreamWriter<StreamCallsResponse> responses,
        ServerCallContext context, MessageIntake? intake = null)
    {
        var left = ledgers.ExpiryOf(context);
        using var stream = new CallStream(this, context, intake);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(stream.Broken);
        await using var stop = lifetime.ApplicationStopping.UnsafeRegister(
            static state => ((CallStream)state!).Drain(), stream);
        await using var looking = Look(stream, ledgers.ValidityOf(context), left);
        await using var end = stream.Draining.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).CancelAfter(DrainWithin), reading);
        var writing = stream.WriteAllAsync(responses, Hello(left));
        try
        {
            await stream.ReadAllAsync(requests, reading.Token);
        }
        catch (OperationCanceledException) when (reading.IsCancellationRequested
            && !context.CancellationToken.IsCancellationRequested)
        {
            // Its time to drain is over, or the writer broke; then its exception, below, says why.
        }
        finally
        {
            // Whatever ended the reading, what was read is answered if it can be, and no call outlives the stream.
            stream.ReadingEnded();
            await writing;
        }
    }

    private StreamHello Hello(TimeSpan? left)
    {
        // What the edge lets through is what may be sent.
        var messageBytesMax = Math.Min(MessageBytesMax, options.MaxReceiveMessageBytes);
        return new StreamHello
        {
            Node = node,
            Draining = lifetime.ApplicationStopping.IsCancellationRequested,
            ItemsMax = (uint)ItemsMax,
            BytesMax = BytesMax,
            MessageItemsMax = MessageItemsMax,
            MessageBytesMax = (uint)messageBytesMax,
            ItemBytesMax = (uint)Math.Min(ItemBytesMax, messageBytesMax),
            ExpireAfter = left is { } time ? Duration.FromTimeSpan(time > TimeSpan.Zero ? time : TimeSpan.Zero) : null,
        };
    }

    // At its expiry, and now and then: it may be withdrawn.
    private ITimer? Look(CallStream stream, Func<bool>? isGood, TimeSpan? left)
    {
        if (isGood is null)
        {
            return null;
        }

        var first = left < LookEvery ? left.Value : LookEvery;
        return Time.CreateTimer(
            _ =>
            {
                bool isStillGood;
                try
                {
                    isStillGood = isGood();
                }
                catch (Exception)
                {
                    // Nobody can tell: the next stream is opened with what is shown then.
                    isStillGood = false;
                }

                if (!isStillGood)
                {
                    stream.Drain();
                }
            },
            state: null, first > TimeSpan.Zero ? first : TimeSpan.Zero, LookEvery);
    }
}
