using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Numerics;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Ledger.Benchmarks.Workloads;
using Ledger.V1;
using StatusCode = Grpc.Core.StatusCode;

namespace Ledger.Benchmarks;

/// <summary>The sum of what accounts say, or how it differs from what it must be.</summary>
internal sealed class BooksException(string message) : Exception(message);

/// <summary>What accounts say of themselves.</summary>
/// <param name="Entries">How many entries they have.</param>
/// <param name="Debits">Their posted debits, which are their posted credits too.</param>
internal readonly record struct Books(long Entries, BigInteger Debits);

/// <summary>Drives a node over gRPC with raw stubs.</summary>
internal sealed class Driver : IDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel[] channels;
    private readonly TransferService.TransferServiceClient[] transfers;
    private readonly TransactionService.TransactionServiceClient[] transactions;
    private readonly AccountService.AccountServiceClient[] accounts;
    private int nextChannel;

    public Driver(Uri address, int connections, SslClientAuthenticationOptions? tls = null)
    {
        channels = new GrpcChannel[Math.Max(1, connections)];
        for (var i = 0; i < channels.Length; i++)
        {
            channels[i] = GrpcChannel.ForAddress(address, new GrpcChannelOptions
            {
                HttpHandler = new SocketsHttpHandler
                {
                    EnableMultipleHttp2Connections = connections == 0, SslOptions = tls ?? new(),
                },
                DisposeHttpClient = true,
                MaxReceiveMessageSize = null,
            });
        }

        transfers = Array.ConvertAll(channels, channel => new TransferService.TransferServiceClient(channel));
        transactions = Array.ConvertAll(channels, channel => new TransactionService.TransactionServiceClient(channel));
        accounts = Array.ConvertAll(channels, channel => new AccountService.AccountServiceClient(channel));
    }

    private int Channel => (int)((uint)Interlocked.Increment(ref nextChannel) % (uint)channels.Length);

    /// <summary>Opens a workload's accounts and gives them what they have at the beginning, unless that was
    /// done.</summary>
    public async Task OpenAsync(Workload workload, CancellationToken cancellationToken)
    {
        if (!await OpenAsync(workload.Accounts, cancellationToken))
        {
            return;
        }

        var unmeasured = new Load(isTimed: false);
        long asked = 0;
        await Parallel.ForEachAsync(
            workload.Funding.Chunk(1000),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken },
            async (chunk, token) =>
            {
                Interlocked.Add(ref asked, chunk.Length);
                await CallAsync(new PostCall(chunk), unmeasured, token);
            });
        if (unmeasured.Acknowledged != asked)
        {
            throw new InvalidOperationException($"{unmeasured.Acknowledged} of {asked} accounts were given money.");
        }
    }

    /// <summary>Opens accounts.</summary>
    /// <returns>Whether all of them are new.</returns>
    public async Task<bool> OpenAsync(IReadOnlyList<V1.AccountSpec> specs, CancellationToken cancellationToken)
    {
        var areNew = true;
        await Parallel.ForEachAsync(
            specs.Chunk(1000),
            new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken },
            async (chunk, token) =>
            {
                var request = new OpenAccountsRequest();
                request.Accounts.AddRange(chunk);
                var response = await accounts[Channel].OpenAccountsAsync(request, Options(token));
                foreach (var result in response.Results)
                {
                    if (result.Status is not (V1.AccountStatus.Created or V1.AccountStatus.Exists))
                    {
                        throw new InvalidOperationException($"{result.Address} was not opened: {result.Status}.");
                    }

                    if (result.Status == V1.AccountStatus.Exists)
                    {
                        Volatile.Write(ref areNew, false);
                    }
                }
            });
        return areNew;
    }

    /// <summary>Makes one call, and repeats it until it is decided.</summary>
    public async Task CallAsync(Call call, Load load, CancellationToken cancellationToken)
    {
        var channel = Channel;
        switch (call)
        {
            case PostCall { Transfers: [var transfer] }:
                var one = new PostTransferRequest { Transfer = transfer };
                var answer = await DecidedAsync(
                    load, () =>
                        transfers[channel].PostTransferAsync(one, Options(cancellationToken)), cancellationToken);
                Count(load, transfer, answer.Result);
                break;
            case PostCall post:
                var many = new PostTransfersRequest();
                many.Transfers.AddRange(post.Transfers);
                var answers = await DecidedAsync(
                    load, () =>
                        transfers[channel].PostTransfersAsync(many, Options(cancellationToken)), cancellationToken);
                for (var i = 0; i < answers.Results.Count; i++)
                {
                    Count(load, post.Transfers[i], answers.Results[i]);
                }

                break;
            case TransactionCall { Transaction: var transaction }:
                var whole = new PostTransactionRequest { Transaction = transaction };
                var done = await DecidedAsync(
                    load, () =>
                        transactions[channel].PostTransactionAsync(whole, Options(cancellationToken)),
                        cancellationToken);
                if (done.Result.Status is not (V1.TransferStatus.Created or V1.TransferStatus.Exists))
                {
                    load.Failed("rejected: " + done.Result.Status);
                    break;
                }

                load.Recorded(
                    done.Result.Legs.Count,
                    done.Result.Legs.Sum(static leg => long.Parse(leg.Amount, CultureInfo.InvariantCulture)));
                break;
            case BatchCall { Request: var batch }:
                var results = await DecidedAsync(
                    load, () =>
                        transactions[channel].SubmitBatchAsync(batch, Options(cancellationToken)), cancellationToken);
                for (var i = 0; i < results.Results.Count; i++)
                {
                    if (results.Results[i].Transfer is { } result)
                    {
                        Count(load, batch.Items[i].Transfer, result);
                    }
                }

                break;
            case ReadCall read:
                var seen = await Task.WhenAll(
                    read.Accounts.Select(name => GetAsync(load, channel, name, cancellationToken)));
                if (read.Then?.Invoke(seen) is { } next)
                {
                    await CallAsync(next, load, cancellationToken);
                }

                break;
            default:
                throw new InvalidOperationException(call.GetType().Name);
        }
    }

    /// <summary>One stream with so many transfers in flight.</summary>
    public async Task<Load> StreamAsync(
        TransferWorkload workload, int inFlight, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        using var call = transfers[0].StreamTransfers(cancellationToken: cancellationToken);
        using var places = new SemaphoreSlim(inFlight, inFlight);
        var sent = new ConcurrentDictionary<ulong, (StreamTransfersRequest Request, long Start)>();
        var again = new ConcurrentQueue<ulong>();
        var reading = Task.Run(ReadAsync, cancellationToken);
        for (ulong sequence = 1; load.Elapsed < length; sequence++)
        {
            while (!await places.WaitAsync(10, cancellationToken))
            {
                // Perhaps all that are in flight are to be sent again.
                await ResendAsync();
            }

            var request = new StreamTransfersRequest { Sequence = sequence, Transfer = workload.NextTransfer() };
            sent[sequence] = (request, Stopwatch.GetTimestamp());
            await call.RequestStream.WriteAsync(request, cancellationToken);
        }

        while (!sent.IsEmpty)
        {
            await ResendAsync();
            await Task.Delay(10, cancellationToken);
        }

        await call.RequestStream.CompleteAsync();
        await reading;
        load.Stop();
        return load;

        async Task ResendAsync()
        {
            while (again.TryDequeue(out var sequence))
            {
                await call.RequestStream.WriteAsync(sent[sequence].Request, cancellationToken);
            }
        }

        async Task ReadAsync()
        {
            while (await call.ResponseStream.MoveNext(cancellationToken))
            {
                var answer = call.ResponseStream.Current;
                if (answer.Error is { } error)
                {
                    load.Failed(ReasonOf(error.Code, error.GetDetail<ErrorInfo>()?.Reason));
                    again.Enqueue(answer.Sequence);
                    continue;
                }

                sent.TryRemove(answer.Sequence, out var known);
                Count(load, known.Request.Transfer, answer.Result);
                load.Took(known.Start);
                places.Release();
            }
        }
    }

    /// <summary>Reads each account once.</summary>
    public async Task<Load> ReadAsync(IReadOnlyList<string> names, int inFlight, CancellationToken cancellationToken)
    {
        var load = new Load();
        await ReadAsync(names, inFlight, load, cancellationToken);
        load.Stop();
        return load;
    }

    /// <summary>Reads each account once, as a part of a load.</summary>
    public Task ReadAsync(IReadOnlyList<string> names, int inFlight, Load load, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = inFlight, CancellationToken = cancellationToken },
            async (name, token) =>
            {
                var start = Stopwatch.GetTimestamp();
                await GetAsync(load, Channel, name, token);
                load.Recorded(1);
                load.Took(start);
            });

    /// <summary>Adds accounts up: Σ debits = Σ credits, or it throws.</summary>
    public async Task<Books> CheckBooksAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        BigInteger debits = 0;
        BigInteger credits = 0;
        long entries = 0;
        var gate = new Lock();
        await Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = cancellationToken },
            async (name, token) =>
            {
                var response = await accounts[Channel]
                    .GetAccountAsync(new GetAccountRequest { Address = name }, Options(token));
                var balances = response.Account.Balances;
                lock (gate)
                {
                    debits += BigInteger.Parse(balances.DebitsPosted, CultureInfo.InvariantCulture);
                    credits += BigInteger.Parse(balances.CreditsPosted, CultureInfo.InvariantCulture);
                    entries += (long)response.Account.EntryCount;
                    if (balances.DebitsInDoubt is not "0" || balances.CreditsInDoubt is not "0")
                    {
                        throw new BooksException($"{name} has money in doubt although nothing is under way.");
                    }
                }
            });
        return debits == credits
            ? new Books(entries, debits)
            : throw new BooksException($"the debits are {debits} and the credits {credits}.");
    }

    public void Dispose()
    {
        foreach (var channel in channels)
        {
            channel.Dispose();
        }
    }

    // Whatever has no outcome yet is sent again with its ids, so that the books can be compared with what was
    // acknowledged; the time that it takes counts.
    private static async Task<T> DecidedAsync<T>(
        Load load, Func<AsyncUnaryCall<T>> send, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var call = send();
                return await call;
            }
            catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
            {
                load.Failed(ReasonOf((int)e.StatusCode, e.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason));
                if (e.StatusCode is StatusCode.InvalidArgument or StatusCode.Unimplemented or StatusCode.NotFound
                    || Stopwatch.GetElapsedTime(start) > TimeSpan.FromMinutes(1))
                {
                    throw;
                }

                await Task.Delay(20, cancellationToken);
            }
        }
    }

    private static void Count(Load load, V1.Transfer transfer, V1.TransferResult result)
    {
        if (result.Status is not (V1.TransferStatus.Created or V1.TransferStatus.Exists))
        {
            // An answer, but none that a load is given for nothing.
            load.Failed("rejected: " + result.Status);
            return;
        }

        load.Recorded(
            1, transfer.Kind == V1.TransferKind.Hold ? 0 : long.Parse(result.Amount, CultureInfo.InvariantCulture));
    }

    private async Task<V1.Account> GetAsync(Load load, int channel, string name, CancellationToken cancellationToken)
    {
        var request = new GetAccountRequest { Address = name };
        return (await DecidedAsync(
            load, () => accounts[channel].GetAccountAsync(request, Options(cancellationToken)), cancellationToken))
                .Account;
    }

    private static string ReasonOf(int code, string? reason) => $"{(StatusCode)code} {reason}";

    private static CallOptions Options(CancellationToken cancellationToken) => new(
        deadline: TimeProvider.System.GetUtcNow().UtcDateTime + CallTimeout, cancellationToken: cancellationToken);
}
