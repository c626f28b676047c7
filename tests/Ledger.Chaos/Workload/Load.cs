using System.Buffers.Binary;
using System.Collections.Concurrent;
using Ledger.Chaos.Checking;
using Ledger.Client;

namespace Ledger.Chaos.Workload;

/// <summary>The clients: each does one call after another, at moments and with contents that follow from the run's seed
/// and from what it was answered. A client whose call ended unknown goes on as another one (another process, in the
/// words of the history), and sends the same request again, or leaves it.</summary>
internal sealed class Load : IAsyncDisposable
{
    private const int RecentMax = 256;

    // A storm of the largest would only show how long these take.
    private const int RecentLegsMax = 100;
    private const int AttemptsMax = 8;

    private readonly Lock _gate = new();
    private readonly Recorder _recorder;
    private readonly Books _books;
    private readonly Calls _calls;
    private readonly WorkloadKind _kind;
    private readonly ulong _seed;
    private readonly Uri[] _addresses;
    private readonly double _rate;
    private readonly string? _key;
    private readonly List<(CallKind Kind, CallRequest Request)> _recent = [];
    private readonly List<HoldMade> _holds = [];
    private readonly Dictionary<Guid, string> _debits = [];
    private readonly ConcurrentDictionary<Guid, Unknown> _unknowns = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<LedgerClient> _clients = [];
    private readonly List<Task> _running = [];
    private long _ids;
    private long _lastExpiry;

    public Load(
        Recorder recorder, Books books, WorkloadKind kind, ulong seed, Uri[] addresses, int clients, double rate,
        string? key = null)
    {
        (_recorder, _books, _kind, _seed, _addresses) = (recorder, books, kind, seed, addresses);
        _calls = new Calls(recorder, books);
        ClientCount = clients;
        _rate = rate;
        _key = key;
    }

    public int ClientCount { get; }

    public Calls Calls => _calls;

    public Books Books => _books;

    /// <summary>How likely a client breaks its call off while it is under way.</summary>
    public double DisconnectChance { get; set; }

    /// <summary>How likely a call is a malformed or an oversized one.</summary>
    public double PoisonChance { get; set; } = 0.002;

    /// <summary>How likely a call is one at a limit in bytes, or beyond it.</summary>
    public double LargeChance { get; set; } = 0.0005;

    /// <summary>All ids that any attempt has left unknown, to be looked up in the end.</summary>
    public IReadOnlyCollection<Unknown> Unknowns => [.. _unknowns.Values];

    /// <summary>When, on the recorder's clock, the last hold will have expired.</summary>
    public long LastExpiry => Interlocked.Read(ref _lastExpiry);

    /// <summary>A client of one node, or of all with -1.</summary>
    public LedgerClient NewClient(int node, int attempts = 5, TimeSpan? timeout = null)
    {
        var client = new LedgerClient(new LedgerClientOptions
        {
            Addresses = node < 0 ? _addresses : [_addresses[node]],
            Token = _key is null ? null : _ => ValueTask.FromResult(_key),
            MaxAttempts = attempts,
            WriteTimeout = timeout ?? TimeSpan.FromSeconds(10),
            ReadTimeout = timeout ?? TimeSpan.FromSeconds(10),
            KeepAliveInterval = TimeSpan.FromSeconds(2),
            KeepAliveTimeout = TimeSpan.FromSeconds(2),
        });
        lock (_gate)
        {
            _clients.Add(client);
        }

        return client;
    }

    /// <summary>An id as clients make them: of version 7 with the time of its making, and one in twenty of version 4.
    /// All but the time follows from the seed.</summary>
    public Guid NewId()
    {
        const int UnorderedEvery = 20;
        Span<byte> bytes = stackalloc byte[16];
        var number = Interlocked.Increment(ref _ids);
        var mixed = unchecked((_seed * 0x9E3779B97F4A7C15) ^ (ulong)number);
        var isOrdered = number % UnorderedEvery != 0;
        var time = _recorder.StartTime.ToUnixTimeMilliseconds() + (_recorder.Now / 1_000_000);
        BinaryPrimitives.WriteInt64BigEndian(
            bytes, isOrdered ? time << 16 : unchecked((long)(mixed * 0xD6E8FEB86659FD93)));
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], mixed);
        BinaryPrimitives.WriteUInt16BigEndian(
            bytes[6..], (ushort)((isOrdered ? 0x7000 : 0x4000) | (int)(number & 0xFFF)));
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Opens all accounts and gives them money. Not under faults: must succeed.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var client = NewClient(-1);
        var process = _recorder.NextProcess();
        foreach (var chunk in _books.Accounts.Chunk(100))
        {
            var request = new CallRequest { Accounts = chunk };
            await InsistAsync(() => _calls.DoAsync(
                client, -1, process, CallKind.Open, request, cancellationToken: cancellationToken), cancellationToken);
        }

        foreach (var account in _books.Plain.Concat(_books.Hot))
        {
            var request = new CallRequest
            {
                Transfer = new TransferContent
                {
                    Id = NewId(),
                    Type = TransferType.Direct,
                    Debit = Books.Issuance(account.Asset),
                    Credit = account.Address,
                    Amount = 10_000,
                    Asset = account.Asset,
                    Code = 1,
                },
            };
            await InsistAsync(() => _calls.DoAsync(
                client, -1, process, CallKind.Transfer, request, cancellationToken: cancellationToken),
                cancellationToken);
        }
    }

    public void Start()
    {
        for (var i = 0; i < ClientCount; i++)
        {
            // Of three clients two balance over all nodes; of the others each keeps to one node.
            var node = i % 3 == 2 ? (i / 3) % _addresses.Length : -1;
            var attempts = i % 4 == 3 ? 1 : 5;
            var random = new Random(unchecked((int)(_seed * 31) + i));
            var client = NewClient(node, attempts);
            _running.Add(Task.Run(() => RunClientAsync(client, node, random)));
        }
    }

    /// <summary>Ends the clients after the calls that they have under way.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_running);
    }

    /// <summary>Sends again, many at once, what was sent of late: same ids, same contents, whatever became of
    /// them.</summary>
    public async Task StormAsync(int parallel, TimeSpan length, int seed, CancellationToken cancellationToken)
    {
        var until = _recorder.Now + (long)length.TotalNanoseconds;
        await Task.WhenAll(Enumerable.Range(0, parallel).Select(async i =>
        {
            var random = new Random(unchecked(seed + i));
            var node = random.Next(-1, _addresses.Length);
            using var client = new LedgerClient(new LedgerClientOptions
            {
                Addresses = node < 0 ? _addresses : [_addresses[node]],
            });
            var process = _recorder.NextProcess();
            while (_recorder.Now < until && !cancellationToken.IsCancellationRequested)
            {
                (CallKind Kind, CallRequest Request) again;
                lock (_gate)
                {
                    if (_recent.Count == 0)
                    {
                        return;
                    }

                    again = _recent[random.Next(_recent.Count)];
                }

                var record = await _calls.DoAsync(
                    client, node, process, again.Kind, again.Request, attempt: 100,
                    cancellationToken: cancellationToken);
                process = Next(record, process);
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(5, 40)), CancellationToken.None);
            }
        }));
    }

    /// <summary>Notes what a call leaves open; the process that goes on.</summary>
    public long Next(CallRecord record, long process)
    {
        if (record.Outcome != CallOutcome.Unknown)
        {
            return process;
        }

        if (record.Kind == CallKind.Transaction)
        {
            var id = record.Request.Id!.Value;
            _unknowns[id] = new Unknown(id, record.Request.Legs![0].Debit, IsTransaction: true);
        }
        else if (record.Request.Transfer is { } transfer)
        {
            var account = transfer.Debit.Length > 0 ? transfer.Debit : DebitOf(transfer.Hold!.Value);
            _unknowns[transfer.Id] = new Unknown(transfer.Id, account, IsTransaction: false);
        }

        return _recorder.NextProcess();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _clients.ForEach(static client => client.Dispose());
        _stopping.Dispose();
    }

    /// <summary>An id whose outcome some attempt did not learn, and the account that knows it.</summary>
    internal sealed record Unknown(Guid Id, string Account, bool IsTransaction);

    private sealed record HoldMade(Guid Id, string Debit, UInt128 Amount);

    private static async Task InsistAsync(Func<Task<CallRecord>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < 30; attempt++)
        {
            var record = await call();
            if (record.Outcome == CallOutcome.Ok)
            {
                return;
            }

            cancellationToken.ThrowIfCancellationRequested();
            await Task.Delay(500, cancellationToken);
        }

        throw new InvalidOperationException("The accounts could not be opened and funded; see the nodes' logs.");
    }

    private async Task RunClientAsync(LedgerClient client, int node, Random random)
    {
        var process = _recorder.NextProcess();
        var think = ClientCount / _rate;
        while (!_stopping.IsCancellationRequested)
        {
            var pause = TimeSpan.FromSeconds(Math.Min(5, -Math.Log(1 - random.NextDouble()) * think));
            await Task.Delay(pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            var (kind, request) = Choose(random);
            for (var attempt = 1; ; attempt++)
            {
                CallRecord record;
                using (var gone = new CancellationTokenSource())
                {
                    if (random.NextDouble() < DisconnectChance)
                    {
                        gone.CancelAfter(TimeSpan.FromMilliseconds(random.Next(0, 150)));
                    }

                    record = await _calls.DoAsync(
                        client, node, process, kind, request, attempt, cancellationToken: gone.Token);
                }

                process = Next(record, process);
                Remember(kind, request, record);

                // Seven of ten unknown ones are sent again, as whoever wants his money does; the others are left as
                // they are.
                if (record.Outcome != CallOutcome.Unknown || attempt >= AttemptsMax || random.NextDouble() > 0.7)
                {
                    break;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20, 1500)), _stopping.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Remember(CallKind kind, CallRequest request, CallRecord record)
    {
        if (kind is CallKind.Read or CallKind.Statement or CallKind.Lookup or CallKind.LookupTransaction
            or CallKind.Poison
            || request.Legs?.Count > RecentLegsMax)
        {
            return;
        }

        lock (_gate)
        {
            if (_recent.Count < RecentMax)
            {
                _recent.Add((kind, request));
            }
            else
            {
                _recent[(int)(record.Op % RecentMax)] = (kind, request);
            }

            if (kind == CallKind.Hold && record.Outcome != CallOutcome.Rejected)
            {
                var transfer = request.Transfer!;
                _holds.Add(new HoldMade(transfer.Id, transfer.Debit, transfer.Amount!.Value));
                _debits[transfer.Id] = transfer.Debit;
                if (transfer.TimeoutMicroseconds > 0)
                {
                    _lastExpiry = Math.Max(_lastExpiry, _recorder.Now + (transfer.TimeoutMicroseconds * 1000));
                }
            }
        }
    }

    private (CallKind Kind, CallRequest Request) Choose(Random random)
    {
        if (random.NextDouble() < PoisonChance)
        {
            return Poison(random);
        }

        if (random.NextDouble() < LargeChance)
        {
            return Large(random);
        }

        var dice = random.Next(100);
        return _kind switch
        {
            WorkloadKind.Uniform => dice < 85 ? Transfer(random) : Look(random),
            WorkloadKind.Holds => dice switch
            {
                < 40 => Hold(random),
                < 75 => Resolve(random),
                < 85 => Transfer(random),
                _ => Look(random),
            },
            WorkloadKind.Transactions => dice switch
            {
                < 65 => Several(random),
                < 80 => Transfer(random),
                _ => Look(random),
            },
            _ => dice switch
            {
                < 45 => Transfer(random),
                < 60 => Several(random),
                < 70 => Hold(random),
                < 79 => Resolve(random),
                _ => Look(random),
            },
        };
    }

    private AccountContent Pick(Random random, string asset)
    {
        var hot = _kind switch
        {
            WorkloadKind.Hot => 70,
            WorkloadKind.Uniform => 0,
            _ => 20,
        };
        if (asset == Books.Main && random.Next(100) < hot)
        {
            return _books.Hot[random.Next(_books.Hot.Length)];
        }

        while (true)
        {
            var account = _books.Plain[random.Next(_books.Plain.Length)];
            if (account.Asset == asset)
            {
                return account;
            }
        }
    }

    private static string PickAsset(Random random) => random.Next(6) == 0 ? Books.Other : Books.Main;

    // Powers of two tell from a balance alone which transfers are in it; only where no limit refuses the large ones.
    private static UInt128 Amount(Random random, AccountContent debit) =>
        debit.DebitAllowance is null && random.Next(10) == 0
        ? UInt128.One << random.Next(63)
        : (UInt128)random.Next(1, random.Next(4) == 0 ? 8_000 : 200);

    private TransferContent Move(Random random, string asset, AccountContent? from = null)
    {
        var debit = from ?? Pick(random, asset);
        AccountContent credit;
        do
        {
            credit = Pick(random, asset);
        }
        while (credit.Address == debit.Address);
        return new TransferContent
        {
            Id = NewId(),
            Type = TransferType.Direct,
            Debit = debit.Address,
            Credit = credit.Address,
            Amount = Amount(random, debit),
            Asset = asset,
            Code = 1,
        };
    }

    private (CallKind, CallRequest) Transfer(Random random)
    {
        var transfer = Move(random, PickAsset(random));
        if (random.Next(25) == 0)
        {
            transfer = transfer with { BalancingDebit = true };
        }

        return (CallKind.Transfer, new CallRequest { Transfer = transfer });
    }

    private (CallKind, CallRequest) Several(Random random)
    {
        // From 2 to 6 legs; where there are two assets it is an exchange.
        var legs = new List<TransferContent>();
        var count = random.Next(2, 7);
        for (var i = 0; i < count; i++)
        {
            legs.Add(Move(random, random.Next(4) == 0 ? Books.Other : Books.Main));
        }

        return (CallKind.Transaction, new CallRequest { Id = NewId(), Legs = legs });
    }

    private (CallKind, CallRequest) Hold(Random random)
    {
        var transfer = Move(random, PickAsset(random)) with
        {
            Type = TransferType.Hold,
            TimeoutMicroseconds = random.Next(3) == 0 ? 0 : random.Next(500, 12_000) * 1000L,
        };
        return (CallKind.Hold, new CallRequest { Transfer = transfer });
    }

    private (CallKind, CallRequest) Resolve(Random random)
    {
        HoldMade hold;
        lock (_gate)
        {
            if (_holds.Count == 0)
            {
                return Hold(random);
            }

            // Mostly one of the latest; mostly for the first time, but sometimes one that is resolved already.
            var place = _holds.Count - 1 - random.Next(Math.Min(_holds.Count, 40));
            hold = _holds[place];
            if (random.Next(10) > 0)
            {
                _holds.RemoveAt(place);
            }
        }

        var content = new TransferContent
        {
            Id = NewId(),
            Type = random.Next(3) == 0 ? TransferType.Void : TransferType.Post,
            Debit = "",
            Credit = "",
            Hold = hold.Id,
        };
        if (content.Type == TransferType.Void)
        {
            return (CallKind.Void, new CallRequest { Transfer = content });
        }

        if (random.Next(3) == 0)
        {
            content = content with { Amount = UInt128.Max(1, hold.Amount / 2), KeepRest = random.Next(2) == 0 };
        }

        return (CallKind.Post, new CallRequest { Transfer = content });
    }

    private (CallKind, CallRequest) Look(Random random)
    {
        var account = Pick(random, PickAsset(random)).Address;
        switch (random.Next(10))
        {
            case 0 or 1:
                var from = (ulong)random.Next(1, 200);
                return (CallKind.Statement, new CallRequest
                {
                    Account = account,
                    MinSequence = random.Next(2) == 0 ? from : null,
                    PageSize = 20,
                    NewestFirst = random.Next(2) == 0,
                });
            case 2:
                lock (_gate)
                {
                    if (_recent.Count > 0 && _recent[random.Next(_recent.Count)] is var (kind, request))
                    {
                        return kind == CallKind.Transaction
                            ? (CallKind.LookupTransaction,
                                new CallRequest { Id = request.Id, Account = request.Legs![0].Debit })
                            : (CallKind.Lookup, new CallRequest
                            {
                                Id = request.Transfer!.Id,
                                Account = request.Transfer.Debit.Length > 0
                                    ? request.Transfer.Debit
                                    : DebitLocked(request.Transfer.Hold!.Value),
                            });
                    }
                }

                goto default;
            default:
                return (CallKind.Read, new CallRequest { Account = account });
        }
    }

    private (CallKind, CallRequest) Poison(Random random)
    {
        // The history keeps the sound transfer and the name of what is done to it: some of it is large.
        return (CallKind.Poison, new CallRequest
        {
            Transfer = Move(random, Books.Main),
            Poison = Poisons.Names[random.Next(Poisons.Names.Count)],
        });
    }

    private (CallKind, CallRequest) Large(Random random)
    {
        var full = Move(random, Books.Main) with { MetadataBytes = LargeRequests.MetadataMax };
        switch (random.Next(6))
        {
            case 0:
                return (CallKind.Transfer, new CallRequest { Transfer = full });
            case 1:
                return (
                    CallKind.Transaction,
                    Legs(full with { Debit = _books.Long[0].Address }, LargeRequests.FullLegsMax));
            case 2:
                return (CallKind.Transaction, Legs(
                    full with { Debit = _books.Long[0].Address, Credit = _books.Long[1].Address, MetadataBytes = 0 },
                    LargeRequests.LegsMax));
            default:
                var beyond = LargeRequests.Names[random.Next(LargeRequests.Names.Count)];
                return (CallKind.Poison, new CallRequest
                {
                    Transfer = Move(random, Books.Main), Poison = beyond, Expected = LargeRequests.ReasonOf(beyond),
                });
        }

        CallRequest Legs(TransferContent leg, int count) => new()
        {
            Id = NewId(),
            Legs = [.. Enumerable.Range(0, count).Select(_ => leg with { Id = NewId(), Amount = 1 })],
        };
    }

    private string DebitOf(Guid hold)
    {
        lock (_gate)
        {
            return DebitLocked(hold);
        }
    }

    private string DebitLocked(Guid hold) => _debits.GetValueOrDefault(hold, "");
}
