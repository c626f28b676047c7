using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Ledger.Actors;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Actors.HoldExpiry;
using Ledger.Core;
using Ledger.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Storage.Tests;

/// <summary>An index in memory, whose store can fail.</summary>
internal sealed class FakeIndex : IHoldIndex
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TransferId, (AccountAddress Debit, AccountAddress Credit, long Due)> _live = [];
    private readonly Dictionary<AccountAddress, LedgerTime> _unfinished = [];
    private int _next;
    private int _removals;

    /// <summary>How often a note was to be taken off.</summary>
    public int Removals
    {
        get
        {
            lock (_gate)
            {
                return _removals;
            }
        }
    }

    public bool IsDown { get; set; }

    public List<JournalPageRow> Rows { get; } = [];

    public long Recovered { get; set; }

    public int UnfinishedCount
    {
        get
        {
            lock (_gate)
            {
                return _unfinished.Count;
            }
        }
    }

    public int LiveCount
    {
        get
        {
            lock (_gate)
            {
                return _live.Count;
            }
        }
    }

    public TransferId Add(string debit, long due, string? credit = null)
    {
        lock (_gate)
        {
            var id = SpelledFacts.Hold(++_next);
            _live[id] = (SpelledFacts.Account(debit), SpelledFacts.Account(credit ?? "credit-" + debit), due);
            return id;
        }
    }

    /// <summary>As an account does that expires what is due.</summary>
    public void Expire(AccountAddress account, long upTo)
    {
        lock (_gate)
        {
            foreach (var (id, hold) in _live)
            {
                if (hold.Debit == account && hold.Due <= upTo)
                {
                    _live.Remove(id);
                }
            }
        }
    }

    public Task CatchUpAsync(CancellationToken cancellationToken) => Run(() => true);

    public Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken) =>
        Run<HoldAccounts?>(() => _live.TryGetValue(hold, out var one) ? new HoldAccounts(one.Debit, one.Credit) : null);

    public Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken) =>
        Run<IReadOnlyList<DueAccount>>(() =>
        [
            .. _live.Values.Where(hold => hold.Due <= upTo.UnixMicroseconds && !except.Contains(hold.Debit))
                .GroupBy(hold => hold.Debit)
                .Select(group => new DueAccount(group.Key, new LedgerTime(group.Min(hold => hold.Due))))
                .OrderBy(one => one.Due).Take(limit),
        ]);

    public Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken) =>
        Run<IReadOnlySet<AccountAddress>>(() => accounts
            .Where(one => _live.Values.Any(hold => hold.Debit == one.Account && hold.Due <= one.Due.UnixMicroseconds))
            .Select(one => one.Account).ToHashSet());

    public Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        Run<IReadOnlyList<UpcomingHold>>(() =>
        [
            .. _live.Values.Where(hold => hold.Due > after.UnixMicroseconds && hold.Due <= upTo.UnixMicroseconds)
                .OrderBy(hold => hold.Due).Take(limit)
                .Select(hold => new UpcomingHold(hold.Debit, hold.Credit, new LedgerTime(hold.Due))),
        ]);

    public Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken) =>
        Run<LedgerTime?>(() => _live.Count == 0 ? null : new LedgerTime(_live.Values.Min(hold => hold.Due)));

    public Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        Run<IReadOnlyList<DueHold>>(() =>
        [
            .. _live.Where(one => one.Value.Debit == account && one.Value.Due <= upTo.UnixMicroseconds)
                .Select(one => new DueHold(one.Key, one.Value.Credit, new LedgerTime(one.Value.Due))).Take(limit),
        ]);

    public Task EndedAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken) =>
        Run(() => holds.Count(_live.Remove));

    public Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken) => Run(() =>
    {
        _live[hold.Id] = _live[hold.Id] with { Due = deadline?.UnixMicroseconds ?? long.MaxValue };
        return true;
    });

    public Task<UnfinishedAccount> AddUnfinishedAsync(
        AccountAddress account, LedgerTime since, CancellationToken cancellationToken) => Run(() =>
        {
            _unfinished[account] = _unfinished.TryGetValue(account, out var before) && before >= since
                ? new LedgerTime(before.UnixMicroseconds + 1)
                : since;
            return new UnfinishedAccount(account, _unfinished[account]);
        });

    public Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken) => Run(() =>
    {
        _removals++;
        return _unfinished.TryGetValue(seen.Account, out var since) && since == seen.Since
            && _unfinished.Remove(seen.Account);
    });

    public Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken) =>
        Run<IReadOnlyList<UnfinishedAccount>>(() =>
        [
            .. _unfinished.Where(one => one.Key.CompareTo(after) > 0).OrderBy(one => one.Key).Take(limit)
                .Select(one => new UnfinishedAccount(one.Key, one.Value)),
        ]);

    public async IAsyncEnumerable<JournalPageRow> ReadSinceAsync(
        long ordering, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var row in await Run(() => Rows.Where(row => row.Ordering > ordering).ToArray()))
        {
            yield return row;
        }
    }

    public Task<long> SettledAsync(CancellationToken cancellationToken) => Run(() => 0L);

    public Task<long> RecoveredUpToAsync(CancellationToken cancellationToken) => Run(() => Recovered);

    public Task SaveRecoveredUpToAsync(long ordering, CancellationToken cancellationToken) =>
        Run(() => Recovered = ordering);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<T> Run<T>(Func<T> action)
    {
        lock (_gate)
        {
            return IsDown ? Task.FromException<T>(new IOException("The store is down.")) : Task.FromResult(action());
        }
    }
}

/// <summary>A clock that stands still.</summary>
internal sealed class StandingClock : TimeProvider
{
    private long _micros;

    public long Micros
    {
        get => Volatile.Read(ref _micros);
        set => Volatile.Write(ref _micros, value);
    }

    public override DateTimeOffset GetUtcNow() => new LedgerTime(Micros).ToDateTimeOffset();
}

/// <summary>Stands for all accounts of a node.</summary>
internal sealed class FakeRegion(Action<AccountAddress> activated) : UntypedActor
{
    protected override void OnReceive(object message)
    {
        if (message is AccountEnvelope { Message: Activate } envelope)
        {
            activated(envelope.Account);
        }
    }
}

/// <summary>Finds the accounts of rows that say <c>prepared</c> and, later, nothing else.</summary>
internal sealed class SpelledUnfinished : IUnfinishedFold
{
    private readonly HashSet<AccountAddress> _accounts = [];

    public IReadOnlyCollection<AccountAddress> Accounts => _accounts;

    public void Add(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
    {
        var account = SpelledFacts.Account(persistenceId[AccountActor.PersistenceIdPrefix.Length..]);
        _ = System.Text.Encoding.UTF8.GetString(row.Span) switch
        {
            "prepared" => _accounts.Add(account),
            "decided" => _accounts.Remove(account),
            var other => throw new JournalCorruptException(other),
        };
    }
}

/// <summary>The hold expiry over accounts that do as each test says, and an index in memory.</summary>
public sealed class HoldExpiryTests : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(20);

    private readonly ActorSystem _system = ActorSystem.Create(
        "holdExpiry", "akka.loglevel = OFF, akka.stdout-loglevel = OFF");

    private readonly FakeIndex _index = new();
    private readonly StandingClock _clock = new() { Micros = 1_000 };
    private readonly HoldExpiryHealth _health = new();
    private readonly ConcurrentQueue<(string Account, long At)> _activations = new();

    private Action<AccountAddress> _activated = static _ => { };
    private Func<AccountAddress, AccountRequest, AccountResponse> _answer = static (_, _) => TimedOut.Instance;

    private string[] Activated => [.. _activations.Select(activation => activation.Account)];

    public void Dispose() => _system.Dispose();

    [Fact]
    public async Task Accounts_are_woken_in_the_order_of_what_is_due_and_no_others()
    {
        _index.Add("c", 900);
        _index.Add("a", 700);
        _index.Add("b", 800);
        _index.Add("a", 600);
        _index.Add("later", 1_001);
        var holdExpiry = Start();
        ExpireWhenActivated();
        await ExpireDueAsync(holdExpiry);
        Activated.ShouldBe(["a", "b", "c"]);
        _clock.Micros = 1_001;
        await ExpireDueAsync(holdExpiry);
        Activated.ShouldBe(["a", "b", "c", "later"]);
    }

    [Fact]
    public async Task Both_accounts_of_a_hold_are_woken_before_it_is_due_and_no_more_than_may_be()
    {
        for (var i = 0; i < 30; i++)
        {
            _index.Add($"d{i:00}", 1_000_100 + i, "c");
        }

        _index.Add("far", 3_000_000, "c");
        Start(static options => options.HoldExpiryConcurrencyMax = 2, ahead: TimeSpan.FromSeconds(2));

        // Sixteen times as many accounts as may be asked at once, two for each hold, the first due first.
        await Until.TrueAsync(() => Activated.Contains("d15"));
        await Task.Delay(200);
        Activated.Except(["c"]).ShouldBe(Enumerable.Range(0, 16).Select(static i => $"d{i:00}"));
        Activated.ShouldContain("c");

        // Those expire by themselves; as their time passes, the next are woken.
        for (var i = 0; i < 16; i++)
        {
            _index.Expire(SpelledFacts.Account($"d{i:00}"), 1_000_115);
        }

        _clock.Micros = 1_000_115;
        await Until.TrueAsync(() => Activated.Contains("d29"));
        await Until.TrueAsync(() => Activated.Contains("far"));
        Activated.Except(["c"]).Count().ShouldBe(31);
    }

    [Fact]
    public async Task Hold_expiry_ends_when_nothing_is_due_any_more()
    {
        _index.Add("slow", 900);
        var holdExpiry = Start();
        var done = holdExpiry.Ask<ExpiryDone>(ExpireNow.Instance, s_timeout);
        await Until.TrueAsync(() => Activated.Length > 0);
        await Task.Delay(300);
        done.IsCompleted.ShouldBeFalse();
        _index.Expire(SpelledFacts.Account("slow"), 1_000);
        await done;
        await ExpireDueAsync(holdExpiry);
    }

    [Fact]
    public async Task No_more_accounts_are_at_work_than_may_be()
    {
        for (var i = 0; i < 400; i++)
        {
            _index.Add($"a{i}", i);
        }

        var working = 0;
        var most = 0;
        _activated = account =>
        {
            most = Math.Max(most, Interlocked.Increment(ref working));
            _ = Task.Delay(5).ContinueWith(
                _ =>
                {
                    Interlocked.Decrement(ref working);
                    _index.Expire(account, 1_000);
                },
                TaskScheduler.Default);
        };
        await ExpireDueAsync(Start(options => options.HoldExpiryConcurrencyMax = 16));
        most.ShouldBeInRange(2, 16);
        Activated.ShouldBe(Enumerable.Range(0, 400).Select(i => $"a{i}"));
    }

    [Fact]
    public async Task An_account_that_does_nothing_is_asked_again_ever_more_seldom()
    {
        _index.Add("lazy", 900);
        Start(backoff: TimeSpan.FromMilliseconds(200));
        await Until.TrueAsync(() => _activations.Count >= 4);
        var at = _activations.Select(activation => activation.At).ToArray();
        for (var i = 0; i < 3; i++)
        {
            Stopwatch.GetElapsedTime(at[i], at[i + 1]).TotalMilliseconds.ShouldBeGreaterThanOrEqualTo(190 << i);
        }
    }

    [Fact]
    public async Task Accounts_that_do_nothing_do_not_keep_others_from_their_turn()
    {
        for (var i = 0; i < 10; i++)
        {
            _index.Add($"dead{i}", i);
        }

        for (var i = 0; i < 20; i++)
        {
            _index.Add($"well{i}", 100 + i);
        }

        _activated = account =>
        {
            if (account.Text.StartsWith("well", StringComparison.Ordinal))
            {
                _index.Expire(account, 1_000);
            }
        };
        Start(options => options.HoldExpiryConcurrencyMax = 4, TimeSpan.FromMilliseconds(20));
        await Until.TrueAsync(() => _index.LiveCount == 10);
        _health.Status.Stuck.ShouldBeGreaterThan(0);
        _health.Status.OldestDue.ShouldBe(new LedgerTime(0));
    }

    [Fact]
    public async Task An_entry_that_is_wrong_is_put_right_by_the_account()
    {
        var ended = _index.Add("ended", 900);
        var never = _index.Add("never", 900);
        var doubtful = _index.Add("doubtful", 900);
        var extended = _index.Add("extended", 900);
        var live = _index.Add("live", 900);
        _answer = (account, call) => (account.Text, ((GetTransferRequest)call).Id) switch
        {
            ("ended", var id) when id == ended => Record(id, HoldState.Posted),
            ("never" or "credit-never", var id) when id == never => new GetTransferResponse(null),
            ("doubtful", var id) when id == doubtful => new GetTransferResponse(null),
            ("extended", var id) when id == extended => Record(id, HoldState.Live, 5_000),
            ("live", var id) when id == live => Record(id, HoldState.Live, 900),
            _ => TimedOut.Instance,
        };
        Start(backoff: TimeSpan.FromMilliseconds(20));
        await Until.TrueAsync(() => _index.LiveCount == 3);
        await Task.Delay(300);
        (await _index.FindHoldAsync(doubtful, default)).ShouldNotBeNull();
        (await _index.FindHoldAsync(live, default)).ShouldNotBeNull();
        (await _index.DueHoldsAsync(SpelledFacts.Account("extended"), new LedgerTime(5_000), 1, default))
            .ShouldHaveSingleItem().Due.ShouldBe(new LedgerTime(5_000));
    }

    [Fact]
    public async Task After_a_failure_of_the_store_everything_goes_on()
    {
        _index.Add("a", 900);
        Start();
        await Until.TrueAsync(() => _activations.Count == 1);
        _index.IsDown = true;
        await Until.TrueAsync(() => _health.Status.Failure is not null);
        _health.Status.Failure.ShouldBe("The store is down.");
        ExpireWhenActivated();
        var activations = _activations.Count;
        _index.IsDown = false;
        _index.Add("b", 950);
        await Until.TrueAsync(() => _index.LiveCount == 0);
        _activations.Count.ShouldBe(activations + 2);
        await Until.TrueAsync(() => _health.Status is { Failure: null, Asked: 0 });
    }

    [Fact]
    public async Task What_a_dead_process_left_in_doubt_is_noted_and_woken_until_it_is_decided()
    {
        _index.Recovered = 1;
        await _index.AddUnfinishedAsync(SpelledFacts.Account("noted"), default, default);
        _index.IsDown = true;
        Row(1, "before", "prepared");
        Row(2, "doubt", "prepared");
        Row(3, "done", "prepared");
        Row(4, "odd", "unreadable");
        Row(5, "done", "decided");
        Row(6, "slow", "prepared");
        _index.Rows.Add(new JournalPageRow(7, "somebody-else", 1, "prepared"u8.ToArray()));
        _answer = (account, call) => call is GetAccountRequest && account.Text != "slow"
            ? new GetAccountResponse(null)
            : TimedOut.Instance;
        Start();
        await Task.Delay(300);
        _activations.ShouldBeEmpty();
        _index.IsDown = false;
        await Until.TrueAsync(() => _activations.Count == 4 && _index.UnfinishedCount == 1);

        // What the row of one may hold that can't be read, nobody knows before it has answered.
        Activated.ShouldBe(["doubt", "noted", "odd", "slow"], ignoreOrder: true);
        await Until.TrueAsync(() => _health.Status.HasRecovered);

        void Row(long ordering, string account, string text) => _index.Rows.Add(new JournalPageRow(
            ordering, AccountActor.PersistenceIdPrefix + account, 1, System.Text.Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public async Task A_note_that_an_account_makes_while_it_is_asked_stays()
    {
        await _index.AddUnfinishedAsync(SpelledFacts.Account("a"), new LedgerTime(1), default);
        var asked = 0;
        _answer = (account, call) =>
        {
            if (Interlocked.Increment(ref asked) == 1)
            {
                _ = _index.AddUnfinishedAsync(account, new LedgerTime(2), default);
            }

            return new GetAccountResponse(null);
        };
        Start();
        await Until.TrueAsync(() => _index.Removals == 1);
        _index.UnfinishedCount.ShouldBe(1);
    }

    [Fact]
    public async Task A_hold_is_located_as_soon_as_it_is_committed()
    {
        var locator = new HoldLocator(_index);
        (await locator.LocateAsync(SpelledFacts.Hold(1), default)).ShouldBeNull();
        var id = _index.Add("a", 1);
        (await locator.LocateAsync(id, default))!.Value.Debit.Text.ShouldBe("a");
    }

    /// <summary>In a real ledger: it starts with it, reads its real index, and stops with it.</summary>
    [Fact]
    public async Task Hold_expiry_starts_and_stops_with_the_ledger()
    {
        var directory = Directory.CreateTempSubdirectory("ledger-hold-expiry-").FullName;
        for (var i = 0; i < 2; i++)
        {
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Services.AddLedger(options => options.UseSqlite(Path.Combine(directory, "ledger.db")));
            using var host = builder.Build();
            await host.StartAsync();
            var ledger = LedgerExtension.Of(host.Services.GetRequiredService<ActorSystem>());
            await ExpireDueAsync(ledger.HoldExpiry!);
            (await ledger.Holds.LocateAsync(SpelledFacts.Hold(1), default)).ShouldBeNull();
            await Until.TrueAsync(
                () => ledger.HoldExpiryHealth.Status is { HasRecovered: true, LastLook: not null, Failure: null });
            await host.StopAsync();
        }

        Directory.Delete(directory, recursive: true);
    }

    private static GetTransferResponse Record(TransferId id, HoldState state, long? deadline = null)
    {
        var transfer = new Transfer(id, SpelledFacts.Account("a"), SpelledFacts.Account("b"), new Amount(1), 1);
        return new GetTransferResponse(new TransferRecord(transfer, TransferStatus.Created, default, null)
        {
            Hold = state,
            HoldDeadline = deadline is { } micros ? new LedgerTime(micros) : null,
        });
    }

    private static Task ExpireDueAsync(IActorRef holdExpiry) =>
        holdExpiry.Ask<ExpiryDone>(ExpireNow.Instance, s_timeout);

    private void ExpireWhenActivated() => _activated = account => _index.Expire(account, _clock.Micros);

    private IActorRef Start(Action<LedgerOptions>? configure = null, TimeSpan? backoff = null, TimeSpan? ahead = null)
    {
        var options = new LedgerOptions { TimeProvider = _clock, HoldExpiryInterval = TimeSpan.FromMilliseconds(20) };
        configure?.Invoke(options);
        var region = _system.ActorOf(Props.Create(() => new FakeRegion(Activate)));
        var context = new HoldExpiryContext(
            _index, HoldFactReader.None with { NewUnfinished = static () => new SpelledUnfinished() }, region, AskAsync,
            options,
            _health)
        {
            ActivationBackoff = backoff ?? TimeSpan.FromSeconds(1),
            AheadMax = ahead ?? TimeSpan.Zero,
        };
        return _system.ActorOf(Props.Create(() => new HoldExpiryActor(context)));
    }

    private void Activate(AccountAddress account)
    {
        _activations.Enqueue((account.Text, Stopwatch.GetTimestamp()));
        _activated(account);
    }

    private Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> call,
        CancellationToken cancellationToken) =>
        Task.FromResult(_answer(account, call(default, default)));
}
