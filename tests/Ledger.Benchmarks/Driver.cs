using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using HdrHistogram;
using Ledger.V1;
using StatusCode = Grpc.Core.StatusCode;

namespace Ledger.Benchmarks;

/// <summary>The sum of what accounts say, or how it differs from what it must be.</summary>
internal sealed class BooksException(string message) : Exception(message);

/// <summary>What a load has seen.</summary>
/// <param name="isTimed">Whether latencies are kept, which takes some memory.</param>
internal sealed class Load(bool isTimed = true)
{
    private readonly Stopwatch clock = Stopwatch.StartNew();

    /// <summary>Latencies in microseconds, from the first sending to the answer, repetitions included.</summary>
    public LongConcurrentHistogram Latency => latency ?? throw new InvalidOperationException("Nothing was timed.");

    private readonly LongConcurrentHistogram? latency = isTimed ? new(1, 120_000_000, 3) : null;

    public ConcurrentDictionary<string, int> Errors { get; } = new(StringComparer.Ordinal);

    private long acknowledged;

    public long Acknowledged => Interlocked.Read(ref acknowledged);

    public TimeSpan Elapsed => clock.Elapsed;

    public void Took(long start, int count = 1)
    {
        latency?.RecordValue(Math.Max(1, (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds));
        Interlocked.Add(ref acknowledged, count);
    }

    public void Failed(string reason) => Errors.AddOrUpdate(reason, 1, static (_, n) => n + 1);

    public void Stop() => clock.Stop();
}

/// <summary>Drives a node over gRPC with raw stubs.</summary>
internal sealed class Driver : IDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel[] channels;
    private readonly TransferService.TransferServiceClient[] transfers;
    private readonly AccountService.AccountServiceClient accounts;
    private readonly Load unmeasured = new(isTimed: false);
    private int nextChannel;

    public Driver(Uri address, int connections)
    {
        channels = new GrpcChannel[Math.Max(1, connections)];
        for (var i = 0; i < channels.Length; i++)
        {
            channels[i] = GrpcChannel.ForAddress(address, new GrpcChannelOptions
            {
                HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = connections == 0 },
                DisposeHttpClient = true,
                MaxReceiveMessageSize = null,
            });
        }

        transfers = Array.ConvertAll(channels, channel => new TransferService.TransferServiceClient(channel));
        accounts = new AccountService.AccountServiceClient(channels[0]);
    }

    /// <summary>Opens a workload's accounts and gives them what they have at the beginning, unless that was done.</summary>
    public async Task OpenAsync(Workload workload, CancellationToken cancellationToken)
    {
        var isLimited = workload.OpeningBalance > 0;
        if (!await OpenAsync(workload.Accounts, cancellationToken, isLimited) || !isLimited)
        {
            return;
        }

        await OpenAsync([workload.Bank], cancellationToken);
        var given = 0;
        foreach (var chunk in workload.Funding().Chunk(1000))
        {
            given += await PostAsync(chunk, cancellationToken);
        }

        if (given != workload.Accounts.Count)
        {
            throw new InvalidOperationException($"{given} of {workload.Accounts.Count} accounts were given money.");
        }
    }

    /// <summary>Opens accounts.</summary>
    /// <returns>Whether all of them are new.</returns>
    public async Task<bool> OpenAsync(
        IReadOnlyList<string> names, CancellationToken cancellationToken, bool isLimited = false)
    {
        var areNew = true;
        foreach (var chunk in names.Chunk(1000))
        {
            var request = new OpenAccountsRequest();
            foreach (var name in chunk)
            {
                request.Accounts.Add(new AccountSpec
                {
                    Address = name,
                    Asset = "USD/2",
                    Code = 1,
                    DebitsMustNotExceedCredits = isLimited ? new Limit { Allowance = "0" } : null,
                });
            }

            var response = await accounts.OpenAccountsAsync(request, Options(cancellationToken));
            foreach (var result in response.Results)
            {
                if (result.Status is not (AccountStatus.Created or AccountStatus.Exists))
                {
                    throw new InvalidOperationException($"{result.Address} was not opened: {result.Status}.");
                }

                areNew &= result.Status == AccountStatus.Created;
            }
        }

        return areNew;
    }

    /// <summary>One transfer a call; each of the loops sends the next when the last is answered.</summary>
    public async Task<Load> UnaryAsync(
        Workload workload, int inFlight, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(i => Task.Run(() => LoopAsync(i), cancellationToken)));
        load.Stop();
        return load;

        async Task LoopAsync(int i)
        {
            var client = transfers[i % transfers.Length];
            while (load.Elapsed < length)
            {
                var request = new PostTransferRequest { Transfer = workload.Next() };
                await UntilDecidedAsync(
                    load, async () => Check(load, (await client.PostTransferAsync(request, Options(cancellationToken))).Result),
                    cancellationToken);
            }
        }
    }

    /// <summary>Posts one transfer, or many as a batch, until they are decided; how many were posted.</summary>
    public async Task<int> PostAsync(IReadOnlyList<Transfer> posted, CancellationToken cancellationToken)
    {
        var client = transfers[(int)((uint)Interlocked.Increment(ref nextChannel) % (uint)transfers.Length)];
        return await UntilDecidedAsync(
            unmeasured,
            async () =>
            {
                if (posted.Count == 1)
                {
                    return Check(unmeasured, (await client.PostTransferAsync(
                        new PostTransferRequest { Transfer = posted[0] }, Options(cancellationToken))).Result);
                }

                var request = new PostTransfersRequest();
                request.Transfers.AddRange(posted);
                var response = await client.PostTransfersAsync(request, Options(cancellationToken));
                return response.Results.Count(result => Check(unmeasured, result) > 0);
            },
            cancellationToken);
    }

    /// <summary>Batches; each of the loops sends the next when the last is answered.</summary>
    public async Task<Load> BatchesAsync(
        Workload workload, int inFlight, int size, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(i => Task.Run(() => LoopAsync(i), cancellationToken)));
        load.Stop();
        return load;

        async Task LoopAsync(int i)
        {
            var client = transfers[i % transfers.Length];
            while (load.Elapsed < length)
            {
                var request = new PostTransfersRequest();
                for (var n = 0; n < size; n++)
                {
                    request.Transfers.Add(workload.Next());
                }

                await UntilDecidedAsync(
                    load,
                    async () =>
                    {
                        var response = await client.PostTransfersAsync(request, Options(cancellationToken));
                        return response.Results.Count(result => Check(load, result) > 0);
                    },
                    cancellationToken);
            }
        }
    }

    /// <summary>One stream with so many transfers in flight.</summary>
    public async Task<Load> StreamAsync(
        Workload workload, int inFlight, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        using var call = transfers[0].StreamTransfers(cancellationToken: cancellationToken);
        using var places = new SemaphoreSlim(inFlight, inFlight);
        var sent = new ConcurrentDictionary<ulong, (StreamTransfersRequest Request, long Start)>();
        var again = new ConcurrentQueue<ulong>();
        var reading = Task.Run(ReadAsync, cancellationToken);
        for (ulong sequence = 1; load.Elapsed < length; sequence++)
        {
            await places.WaitAsync(cancellationToken);
            await ResendAsync();
            var request = new StreamTransfersRequest { Sequence = sequence, Transfer = workload.Next() };
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
                if (Check(load, answer.Result) > 0)
                {
                    load.Took(known.Start);
                }

                places.Release();
            }
        }
    }

    /// <summary>Reads each account once.</summary>
    public async Task<Load> ReadAsync(IReadOnlyList<string> names, int inFlight, CancellationToken cancellationToken)
    {
        var load = new Load();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(LoopAsync, cancellationToken)));
        load.Stop();
        return load;

        async Task LoopAsync()
        {
            while (Interlocked.Increment(ref next) is var i && i < names.Count)
            {
                await UntilDecidedAsync(
                    load,
                    async () =>
                    {
                        await accounts.GetAccountAsync(
                            new GetAccountRequest { Address = names[i] }, Options(cancellationToken));
                        return 1;
                    },
                    cancellationToken);
            }
        }
    }

    /// <summary>Adds accounts up: Σ debits = Σ credits, or it throws.</summary>
    /// <returns>The number of entries of all of them.</returns>
    public async Task<long> CheckBooksAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        BigInteger debits = 0;
        BigInteger credits = 0;
        long entries = 0;
        var gate = new Lock();
        await Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = cancellationToken },
            async (name, token) =>
            {
                var response = await accounts.GetAccountAsync(new GetAccountRequest { Address = name }, Options(token));
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
            ? entries
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
    private static async Task<int> UntilDecidedAsync(Load load, Func<Task<int>> send, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                var count = await send();
                if (count > 0)
                {
                    load.Took(start, count);
                }

                return count;
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

    private static int Check(Load load, TransferResult result)
    {
        if (result.Status is TransferStatus.Created or TransferStatus.Exists)
        {
            return 1;
        }

        // An answer, but none that this load should be given.
        load.Failed("rejected: " + result.Status);
        return 0;
    }

    private static string ReasonOf(int code, string? reason) => $"{(StatusCode)code} {reason}";

    private static CallOptions Options(CancellationToken cancellationToken) => new(
        deadline: TimeProvider.System.GetUtcNow().UtcDateTime + CallTimeout, cancellationToken: cancellationToken);
}
