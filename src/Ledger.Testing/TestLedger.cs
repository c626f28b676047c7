using Akka.Actor;
using Ledger.Actors;
using Ledger.Actors.Calls;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Testing;

/// <summary>A ledger for tests: the real one, as an application embeds it, on files of its own that go with
/// it.</summary>
/// <remarks>
/// <code>
/// await using var test = await TestLedger.StartAsync();
/// await test.OpenAsync("bank", "USD/2");
/// await test.OpenAsync("users:1", "USD/2");
/// await yourCode.PayAsync(test.Ledger);
/// await test.ShouldHaveBalanceAsync("users:1", -1000);
/// await test.ShouldBalanceAsync();
/// </code>
/// Time goes as the system's until <see cref="AdvanceAsync"/> moves it on. Each ledger stands alone, so tests run
/// beside each other.
/// </remarks>
public sealed class TestLedger : IAsyncDisposable
{
    private const int PageSize = 100;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly CallFaults faults = new();
    private readonly DirectoryInfo directory;
    private readonly Action<LedgerOptions>? configure;
    private readonly Action<IHostApplicationBuilder>? build;
    private IHost host;
    private volatile ILedger? inner;

    private TestLedger(
        DirectoryInfo directory, Action<LedgerOptions>? configure, Action<IHostApplicationBuilder>? build)
    {
        (this.directory, this.configure, this.build) = (directory, configure, build);
        host = Build();
        Ledger = new FaultyLedger(() => Inner, faults);
    }

    /// <summary>The ledger. It stays the same when the ledger is started again.</summary>
    public ILedger Ledger { get; }

    /// <summary>Questions across accounts, of the ledger that runs now. Searches need
    /// <see cref="LedgerOptions.Index"/>.</summary>
    public ILedgerQueries Queries => host.Services.GetRequiredService<ILedgerQueries>();

    /// <summary>The ledger's clock.</summary>
    public TestClock Clock { get; } = new();

    /// <summary>The SQLite file with the journal.</summary>
    public string Path => System.IO.Path.Combine(directory.FullName, "ledger.db");

    /// <summary>How many faults of <see cref="FailCalls"/> no call has met yet.</summary>
    public int FaultsLeft => faults.Waiting;

    // Until the next one has started, that of before: it answers that the outcome is unknown.
    internal ILedger Inner => inner!;

    internal TestCalls Calls => LedgerExtension.Of(host.Services.GetRequiredService<ActorSystem>()).TestCalls;

    /// <summary>Starts a ledger with nothing in it.</summary>
    /// <param name="configure">Sets options; the storage and the clock are set already.</param>
    /// <param name="build">Adds to the host that the ledger runs in, such as logging: it logs nothing else.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<TestLedger> StartAsync(
        Action<LedgerOptions>? configure = null, Action<IHostApplicationBuilder>? build = null,
        CancellationToken cancellationToken = default)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-test-");
        TestLedger? ledger = null;
        try
        {
            ledger = new TestLedger(directory, configure, build);
            await ledger.host.StartAsync(cancellationToken);
            ledger.Started();
            return ledger;
        }
        catch
        {
            ledger?.host.Dispose();
            directory.Delete(recursive: true);
            throw;
        }
    }

    // ---------------------------------------------------------------- what tests do

    /// <summary>Opens an account.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="asset">Its asset, such as <c>USD/2</c>.</param>
    /// <param name="code">What kind of account it is, by the application's own plan.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="LedgerAssertionException">It was not opened.</exception>
    public async Task<AccountAddress> OpenAsync(string address, string asset, ushort code = 1)
    {
        var account = AccountAddress.Parse(address);
        var opened = await Inner.OpenAccountsAsync([new AccountSpec(account, Asset.Parse(asset), code)], s_patience);
        return opened[0].Status is AccountStatus.Created or AccountStatus.Exists
            ? account
            : throw new LedgerAssertionException($"The account {account} was not opened: {opened[0].Status}.");
    }

    /// <summary>Moves the clock on, and returns when every hold that is due has expired.</summary>
    /// <param name="time">How far.</param>
    public async Task AdvanceAsync(TimeSpan time)
    {
        Clock.Advance(time);
        await Calls.ExpireDueHoldsAsync();
    }

    // ---------------------------------------------------------------- failures

    /// <summary>Has the next calls of <see cref="Ledger"/> fail, those of any part of it and of any thread.</summary>
    /// <param name="fault">How.</param>
    /// <param name="calls">How many of them.</param>
    public void FailCalls(CallFault fault, int calls = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(calls, 1);
        faults.Add(fault, calls);
    }

    /// <summary>Has the journal refuse every row until the result is disposed: the disk is full, so to speak. Accounts
    /// that write fail, start again from what the journal holds, and answer
    /// <see cref="LedgerErrorReason.JournalUnavailable"/>: the outcome is unknown.</summary>
    /// <returns>What ends it.</returns>
    public IDisposable RefuseWrites()
    {
        Execute(
            "CREATE TRIGGER test_refuses_writes BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'the test refuses "
                + "writes'); END");
        return new Undo(() => Execute("DROP TRIGGER IF EXISTS test_refuses_writes"));
    }

    /// <summary>Ends the ledger as a crash does, in the middle of whatever it does, and starts it again on the same
    /// files. Calls that are under way fail with an unknown outcome.</summary>
    public async Task CrashAsync()
    {
        var system = host.Services.GetRequiredService<ActorSystem>();
        ((ExtendedActorSystem)system).Abort();

        // Not on the thread that ends the actor system. The host of before is left as it is: to stop it would wait for
        // actors that answer no more.
        await system.WhenTerminated.WaitAsync(s_patience).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await BuildAgainAsync();
    }

    /// <summary>Stops the ledger in order and starts it again on the same files.</summary>
    public async Task RestartAsync()
    {
        await host.StopAsync();
        host.Dispose();
        await BuildAgainAsync();
    }

    // ---------------------------------------------------------------- assertions

    /// <summary>Says that an account has a balance: its posted debits less its posted credits, in minor
    /// units.</summary>
    /// <param name="address">The account.</param>
    /// <param name="balance">The balance; below zero where credits are more.</param>
    /// <exception cref="LedgerAssertionException">It has another one, or there is no such account.</exception>
    public async Task ShouldHaveBalanceAsync(string address, Int128 balance)
    {
        var view = await AccountAsync(address);
        var wanted = balance.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (view.Balances.Balance.ToString() != wanted)
        {
            throw new LedgerAssertionException(
                $"The balance of {address} is {view.Balances.Balance} and not {wanted}: {Text(view)}.");
        }
    }

    /// <summary>Says how much is held on an account, in minor units.</summary>
    /// <param name="address">The account.</param>
    /// <param name="debits">What holds reserve of its debits.</param>
    /// <param name="credits">What holds reserve of its credits.</param>
    /// <exception cref="LedgerAssertionException">It is more or less, or there is no such account.</exception>
    public async Task ShouldHaveHeldAsync(string address, ulong debits, ulong credits = 0)
    {
        var view = await AccountAsync(address);
        if ((view.Balances.DebitsPending, view.Balances.CreditsPending) != (Amount.Of(debits), Amount.Of(credits)))
        {
            throw new LedgerAssertionException(
                $"On {address} are held {view.Balances.DebitsPending} of debits and {view.Balances.CreditsPending} of "
                + $"credits, and not {debits} and {credits}: {Text(view)}.");
        }
    }

    /// <summary>Says that no money was made or lost: over all accounts of each asset, debits equal credits, posted and
    /// held, and the statement of each account leads to its counters. Nothing else may be under way.</summary>
    /// <exception cref="LedgerAssertionException">It is not so.</exception>
    public async Task ShouldBalanceAsync()
    {
        var sums = new SortedDictionary<string, BookSums>(StringComparer.Ordinal);
        string? after = null;
        do
        {
            var page = await Inner.ListAccountsAsync(after, PageSize, s_patience);
            foreach (var listed in page.Accounts)
            {
                var view = listed.Doubt is null ? listed : await DecidedAsync(listed.Spec.Address);
                var asset = view.Spec.Asset.ToString();
                sums[asset] = sums.GetValueOrDefault(asset).With(view.Balances);
                await ShouldFollowFromStatementAsync(view);
            }

            after = page.Next;
        }
        while (after is not null);

        foreach (var (asset, sum) in sums)
        {
            if (!sum.IsBalanced)
            {
                throw new LedgerAssertionException($"The books of {asset} do not balance: {sum}.");
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await host.StopAsync(CancellationToken.None);
        }
        finally
        {
            host.Dispose();
            directory.Delete(recursive: true);
        }
    }

    private static string Text(Account view) =>
        $"debits {view.Balances.DebitsPosted} posted and {view.Balances.DebitsPending} held, credits"
        + $" {view.Balances.CreditsPosted} posted and {view.Balances.CreditsPending} held";

    private async Task<Account> AccountAsync(string address) =>
        await Inner.GetAccountAsync(AccountAddress.Parse(address), s_patience)
        ?? throw new LedgerAssertionException($"There is no account {address}.");

    // What a crash has left in doubt is decided soon.
    private async Task<Account> DecidedAsync(AccountAddress account)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return (await Inner.GetAccountAsync(account, s_patience))!;
            }
            catch (LedgerException failed) when (failed.Reason == LedgerErrorReason.AccountInDoubt)
            {
                if (TimeProvider.System.GetElapsedTime(began) > s_patience)
                {
                    throw new LedgerAssertionException($"Account {account} is still in doubt: {failed.Message}");
                }
            }
        }
    }

    private async Task ShouldFollowFromStatementAsync(Account view)
    {
        var query = new StatementQuery(view.Spec.Address) { PageSize = 1, NewestFirst = true };
        if (await Inner.ListStatementAsync(query, s_patience) is not { Entries: [var last, ..] })
        {
            if (view.Balances.DebitsPosted.IsZero && view.Balances.CreditsPosted.IsZero)
            {
                return;
            }

            throw new LedgerAssertionException(
                $"The statement of {view.Spec.Address} is empty, and its counters are not: {Text(view)}.");
        }

        if ((last.Sequence, last.DebitsPosted, last.CreditsPosted)
            != (view.EntryCount, view.Balances.DebitsPosted, view.Balances.CreditsPosted))
        {
            throw new LedgerAssertionException(
                $"The statement of {view.Spec.Address} ends with entry {last.Sequence}, debits {last.DebitsPosted} "
                + $"and credits {last.CreditsPosted}, and the account has {view.EntryCount} entries, {Text(view)}.");
        }
    }

    private IHost Build()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLedger(options =>
        {
            options.UseSqlite(Path);
            options.TimeProvider = Clock;
            configure?.Invoke(options);
        });
        build?.Invoke(builder);
        return builder.Build();
    }

    private async Task BuildAgainAsync()
    {
        host = Build();
        await host.StartAsync();
        Started();
    }

    private void Started() => inner = host.Services.GetRequiredService<ILedger>();

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path};Mode=ReadWrite;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private sealed class Undo(Action undo) : IDisposable
    {
        public void Dispose() => undo();
    }
}
