using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Ledger.Client;

namespace Ledger.Chaos.Attacks;

/// <summary>Somebody who has nothing to do with it: 100 calls a second whether or not the last ones are answered, half
/// of them reads and half transfers, on accounts, from an address and on a connection of its own. Each half second it
/// also asks on a new connection.</summary>
internal sealed class Bystander : IAsyncDisposable
{
    public const string Prefix = AttackAccounts.Prefix + "bystander:";
    public const int PairsCount = 8;

    private const int PerSecond = 100;
    private static readonly IPAddress s_address = IPAddress.Parse("127.0.0.2");
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_newConnectionEvery = TimeSpan.FromMilliseconds(500);

    private readonly Lock gate = new();
    private readonly IReadOnlyList<Uri> addresses;
    private readonly string? key;
    private readonly int attempts;
    private readonly SocketsHttpHandler handler = FromItsAddress();
    private readonly LedgerClient client;
    private readonly CancellationTokenSource stop = new(); // Without a timer it holds nothing that must be disposed of.
    private readonly long began = Stopwatch.GetTimestamp();
    private readonly List<Call> calls = [];
    private readonly List<string> errors = [];
    private long pending;
    private int moved;
    private Task running = Task.CompletedTask;

    private Bystander(IReadOnlyList<Uri> addresses, string? key, int attempts)
    {
        (this.addresses, this.key, this.attempts) = (addresses, key, attempts);
        client = Connect(handler);
    }

    private readonly record struct Call(TimeSpan Due, double Milliseconds, bool HasFailed, bool IsOnNewConnection);

    /// <summary>How long it has been there.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(began);

    /// <summary>How many of its transfers were made.</summary>
    public int Moved => moved;

    /// <summary>What went wrong, each kind once.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (gate)
            {
                return [.. errors.Distinct(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Opens its accounts, and begins.</summary>
    /// <param name="addresses">The nodes.</param>
    /// <param name="key">The key that it shows; null for none.</param>
    /// <param name="isPatient">Whether it asks again where it is told to, as clients do; else the first failure
    /// counts.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Bystander> StartAsync(
        IReadOnlyList<Uri> addresses, string? key, bool isPatient, CancellationToken cancellationToken)
    {
        var bystander = new Bystander(addresses, key, isPatient ? new LedgerClientOptions().MaxAttempts : 1);
        await bystander.client.OpenAccountsAsync(
            [.. Enumerable.Range(0, 2 * PairsCount).Select(static i => new Client.AccountSpec
            {
                Address = Account(i), Asset = AttackAccounts.Asset, Code = 1,
            })],
            cancellationToken: cancellationToken);
        bystander.running = Task.WhenAll(bystander.CallAsync(), bystander.ConnectAgainAsync());
        return bystander;
    }

    public static string Account(int number) => FormattableString.Invariant($"{Prefix}{number}");

    /// <summary>What its calls of a time were like. Waits for the last of them.</summary>
    public async Task<BystanderFigures> FiguresAsync(TimeSpan from, TimeSpan to, CancellationToken cancellationToken)
    {
        // A call that was due before it has its answer, or has failed, after the longest deadline.
        var waiting = Stopwatch.StartNew();
        while (Volatile.Read(ref pending) > 0 && waiting.Elapsed < s_patience && !AllOf(from, to))
        {
            await Task.Delay(50, cancellationToken);
        }

        lock (gate)
        {
            var within = calls.Where(call => call.Due >= from && call.Due < to).ToList();
            var usual = within.Where(static call => !call.IsOnNewConnection).Select(static call => call.Milliseconds)
                .Order().ToList();
            return new BystanderFigures(
                within.Count,
                within.Count(static call => call.HasFailed),
                usual.Count == 0 ? double.PositiveInfinity : usual[usual.Count / 2],
                usual.Count == 0 ? double.PositiveInfinity : usual[usual.Count * 99 / 100]);
        }
    }

    /// <summary>Has it end, after the calls that it has under way. May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (stop.IsCancellationRequested)
        {
            return;
        }

        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await client.DisposeAsync();
        handler.Dispose();
    }

    private bool AllOf(TimeSpan from, TimeSpan to)
    {
        lock (gate)
        {
            return calls.Count(call => call.Due >= from && call.Due < to && !call.IsOnNewConnection)
                >= (int)((to - from).TotalSeconds * PerSecond) - 1;
        }
    }

    private LedgerClient Connect(SocketsHttpHandler handler) => new(new LedgerClientOptions
    {
        Addresses = addresses,
        Token = key is null ? null : _ => ValueTask.FromResult(key),
        MaxAttempts = attempts,
        WriteTimeout = s_patience,
        ReadTimeout = s_patience,
        HttpHandler = handler,
    });

    private static SocketsHttpHandler FromItsAddress() => new()
    {
        ConnectCallback = static async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.Bind(new IPEndPoint(s_address, 0));
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    private async Task CallAsync()
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var due = TimeSpan.FromSeconds((double)number / PerSecond);
            if (due - Now is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            _ = OneAsync(client, number, due, isOnNewConnection: false);
        }

        while (Volatile.Read(ref pending) > 0)
        {
            await Task.Delay(20, CancellationToken.None);
        }
    }

    private async Task ConnectAgainAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(s_newConnectionEvery, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var handler = FromItsAddress();
            await using var another = Connect(handler);
            await OneAsync(another, 0, Now, isOnNewConnection: true);
        }
    }

    private async Task OneAsync(LedgerClient by, int number, TimeSpan due, bool isOnNewConnection)
    {
        Interlocked.Increment(ref pending);
        var error = "";
        try
        {
            var pair = number / 2 % PairsCount * 2;
            if (number % 2 == 0)
            {
                error = await by.GetAccountAsync(Account(pair)) is null ? "an account is not there" : "";
            }
            else
            {
                var result = await by.PostTransferAsync(new Client.Transfer
                {
                    Id = Guid.CreateVersion7(),
                    DebitAccount = Account(pair), CreditAccount = Account(pair + 1),
                    Amount = 1,
                    Asset = AttackAccounts.Asset, Code = 1,
                });
                error = result.Status == Client.TransferStatus.Created
                    ? ""
                    : $"a transfer was answered {result.Status}";
                Interlocked.Add(ref moved, error.Length == 0 ? 1 : 0);
            }
        }
        catch (LedgerClientException e)
        {
            error = $"{e.Code} {e.Reason}: {e.Message}";
        }

        lock (gate)
        {
            calls.Add(new Call(due, (Now - due).TotalMilliseconds, error.Length > 0, isOnNewConnection));
            if (error.Length > 0)
            {
                errors.Add((isOnNewConnection ? "on a new connection: " : "") + error);
            }
        }

        Interlocked.Decrement(ref pending);
    }
}
