using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.HoldExpiry;

/// <summary>Wakes the accounts that sleep over their work: those with holds that are due, and those that a dead process
/// left in doubt (R5). It decides nothing itself; an account that it wakes in vain goes to sleep again.</summary>
/// <remarks>
/// <para>Expiry. Whether an account has done what it was asked for is seen in the index, where the expiry appears: an
/// activation has no answer, and an answer could be lost. So the hold expiry keeps nothing that it could not find
/// again, and its memory holds the accounts that are being asked and no others: at most
/// <see cref="LedgerOptions.HoldExpiryConcurrencyMax"/>, and a bounded number of such as did not react to being asked
/// several times. These no longer keep others from their turn.</para>
/// <para>Ahead of time. The accounts of holds that will be due within seconds are woken too, so that by then they have
/// read their journals, and expire them by themselves. That is done once and not followed up, and not while there is
/// more that is due.</para>
/// <para>Doubt. Rows since a place that trails the journal's end by a minute are searched for what was prepared and not
/// decided; what is older than that has been noted by its own account, which is awake as long as it is in doubt. Those
/// found are noted too, before the place moves on, and are taken off when they answer a read, since a read waits for
/// what is in doubt (R10).
/// </para>
/// <para>Every node has one. What two of them do twice does no harm.</para>
/// </remarks>
internal sealed class HoldExpiryActor : UntypedActor, IWithTimers
{
    internal const int ActivationsBeforeVerify = 3;

    // How many accounts that do not react are set aside; beyond that they count as being asked.
    private const int StuckMax = 4_096;
    private const int VerifiesMax = 8;
    private const int VerifyHolds = 64;
    private const int UnfinishedAtOnce = 64;

    private const int ActivationBackoffsMax = 30;

    // How many accounts are awake before their time, as a multiple of how many may be asked at once; and how many of
    // these are woken by one look, so that callers' accounts don't queue behind them for long.
    private const int AheadFactor = 16;
    private const int AheadSlices = 8;

    private static readonly TimeSpan s_busyInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_urgentInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_failureBackoffMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_logEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_markEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_recoveredTrails = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_unfinishedEvery = TimeSpan.FromSeconds(30);

    private readonly HoldExpiryContext context;
    private readonly CancellationTokenSource stop = new();
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly Dictionary<AccountAddress, Asked> asked = [];
    private readonly Queue<(long At, long Settled)> marks = new();
    private int marksOf;
    private readonly int accountsMax;
    private readonly TimeSpan ahead;
    private readonly Queue<LedgerTime> wokenAhead = new();
    private LedgerTime wokenUpTo;
    private List<IActorRef> waiting = [];
    private List<IActorRef> arrived = [];
    private bool looking;
    private int verifying;
    private int failures;
    private long lastLogged;
    private LedgerTime? lastLook;
    private bool recovered;
    private bool recovering;
    private bool recoverAgain;
    private int recoveryFailures;
    private bool resolving;

    public HoldExpiryActor(HoldExpiryContext context)
    {
        this.context = context;
        accountsMax = context.Options.HoldExpiryConcurrencyMax;

        // They must not be asleep again when the time comes.
        var stayAwake = context.Options.PassivateAfter / 2;
        ahead = stayAwake < context.AheadMax ? stayAwake : context.AheadMax;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // While the actor system ends its storage closes, and what fails then is no news.
    private static bool IsEnding => CoordinatedShutdown.Get(Context.System).ShutdownReason is not null;

    private LedgerTime Now => LedgerTime.From(context.Time.GetUtcNow());

    // Backoffs run by the machine's clock: the ledger's may stand still, as in a test.
    private static long Monotonic => TimeProvider.System.GetTimestamp();

    protected override void PreStart()
    {
        if (context.Options.Mode == LedgerExecutionMode.Clustered)
        {
            Cluster.Get(Context.System).Subscribe(
                Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
                typeof(ClusterEvent.MemberRemoved));
        }

        Self.Tell(Look.Instance);
        Self.Tell(Recover.Instance);
        Timers.StartPeriodicTimer(Mark.Instance, Mark.Instance, s_markEvery);
        Timers.StartPeriodicTimer(ResolveUnfinished.Instance, ResolveUnfinished.Instance, s_unfinishedEvery);
    }

    protected override void PostStop()
    {
        stop.Cancel();
        stop.Dispose();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Look:
                StartLook();
                break;
            case ExpireNow:
                arrived.Add(Sender);
                StartLook();
                break;
            case Looked looked:
                EndLook(looked);
                break;
            case LookFailed failed:
                FailLook(failed.Cause);
                break;
            case Verified verified:
                EndVerify(verified);
                break;
            case Recover:
                StartRecovery();
                break;
            case Recovered found:
                EndRecovery(found);
                break;
            case ResolveUnfinished:
                StartResolve();
                break;
            case Resolved done:
                EndResolve(done);
                break;
            case Mark:
                StartMark();
                break;
            case Marked marked:
                marks.Enqueue((Monotonic, marked.Settled));
                break;
            case Nothing:
                break;
            case ClusterEvent.MemberRemoved:
                // Its accounts get new homes and must be woken there.
                Timers.StartSingleTimer(Recover.Instance, Recover.Instance, TimeSpan.FromSeconds(1));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // ---------------------------------------------------------------- holds that are due

    private void StartLook()
    {
        if (looking)
        {
            return;
        }

        looking = true;
        Timers.Cancel(Look.Instance);
        waiting.AddRange(arrived);
        arrived = [];
        var now = Now;
        var pending = new DueAccount[asked.Count];
        var isAsked = new HashSet<AccountAddress>();
        var stuck = 0;
        var i = 0;
        foreach (var (account, one) in asked)
        {
            pending[i++] = new DueAccount(account, one.UpTo);
            if (one.Activations <= ActivationsBeforeVerify)
            {
                isAsked.Add(account);
            }
            else
            {
                stuck++;
            }
        }

        var (from, until, room) = Ahead(now);
        var token = stop.Token;
        Run(
            async () =>
            {
                await context.Index.CatchUpAsync(token);
                var still = pending.Length == 0
                    ? new HashSet<AccountAddress>()
                    : await context.Index.StillDueAsync(pending, token);
                isAsked.IntersectWith(still);
                var free = accountsMax - isAsked.Count - Math.Max(0, stuck - StuckMax);
                var due = free > 0 ? await context.Index.DueAsync(now, free, [.. still], token) : [];

                // What is due comes first.
                var isBehind = free <= 0 || due.Count == free;
                var upcoming = isBehind || room <= 0 || until <= from
                    ? new Upcoming([], from, HasMore: false)
                    : await LookAheadAsync(from, until, room, token);
                return new Looked(now, still, due, isBehind, upcoming);
            },
            static cause => new LookFailed(cause));
    }

    private void EndLook(Looked looked)
    {
        looking = false;
        if (failures > 0)
        {
            log.Info("The hold expiry can read its index again");
            failures = 0;
            AskAgainAtOnce();
        }

        lastLook = looked.Now;
        foreach (var account in asked.Keys)
        {
            if (!looked.Still.Contains(account))
            {
                asked.Remove(account);
            }
        }

        foreach (var (account, due) in looked.Due)
        {
            asked[account] = new Asked(looked.Now, due);
        }

        WakeAhead(looked.Upcoming);

        // One that failed at the same time as the store is asked as soon as that works again, the earliest due first.
        var moment = Monotonic;
        foreach (var (account, one) in asked.Where(one => one.Value.NextActivation <= moment)
            .OrderBy(static one => one.Value.Due).ToArray())
        {
            if (one.Activations >= ActivationsBeforeVerify && !one.IsVerifying && verifying < VerifiesMax)
            {
                StartVerify(account, one);
            }

            Activate(account);
            one.Activated(moment, context.ActivationBackoff);
        }

        Report(null);
        if (looked.Due.Count == 0 && looked.Still.Count == 0)
        {
            foreach (var one in waiting)
            {
                one.Tell(ExpiryDone.Instance);
            }

            waiting = [];
        }

        LookAfter(waiting.Count + arrived.Count > 0 || looked.IsBehind ? s_urgentInterval
            : (asked.Count > 0 || looked.Upcoming.HasMore)
                && s_busyInterval < context.Options.HoldExpiryInterval ? s_busyInterval
            : context.Options.HoldExpiryInterval);
    }

    private (LedgerTime From, LedgerTime Until, int Headroom) Ahead(LedgerTime now)
    {
        while (wokenAhead.TryPeek(out var due) && due <= now)
        {
            wokenAhead.Dequeue();
        }

        var until = now.Add(ahead);
        if (wokenUpTo > until)
        {
            // The clock has been set back.
            wokenUpTo = now;
            wokenAhead.Clear();
        }

        var room = (accountsMax * AheadFactor) - wokenAhead.Count;
        return (wokenUpTo > now ? wokenUpTo : now, until, Math.Min(room, Math.Max(1, accountsMax / AheadSlices)));
    }

    private async Task<Upcoming> LookAheadAsync(LedgerTime from, LedgerTime until, int room, CancellationToken token)
    {
        try
        {
            var holds = await context.Index.UpcomingAsync(from, until, room, token);
            var isFull = holds.Count == room;
            return new Upcoming(holds, isFull ? holds[^1].Due : until, isFull);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What is due must not wait for it; and it is looked for again.
            log.Warning(e, "The hold expiry can't look ahead");
            return new Upcoming([], from, HasMore: false);
        }
    }

    private void WakeAhead(Upcoming upcoming)
    {
        wokenUpTo = upcoming.UpTo;
        var woken = new HashSet<AccountAddress>();
        foreach (var hold in upcoming.Holds)
        {
            foreach (var account in (ReadOnlySpan<AccountAddress>)[hold.Debit, hold.Credit])
            {
                if (woken.Add(account))
                {
                    wokenAhead.Enqueue(hold.Due);
                    Activate(account);
                }
            }
        }
    }

    private void FailLook(Exception cause)
    {
        looking = false;
        failures++;
        var moment = Monotonic;
        if (!IsEnding && (failures == 1 || TimeProvider.System.GetElapsedTime(lastLogged, moment) > s_logEvery))
        {
            lastLogged = moment;
            log.Warning(
                cause, "The hold expiry can't read its index, {Failures} times in a row; holds expire late", failures);
        }

        Report(cause.Message);
        var delay = context.Options.HoldExpiryInterval * (1 << Math.Min(failures, 10));
        LookAfter(delay < s_failureBackoffMax ? delay : s_failureBackoffMax);
    }

    private void LookAfter(TimeSpan delay) => Timers.StartSingleTimer(Look.Instance, Look.Instance, delay);

    private void AskAgainAtOnce()
    {
        foreach (var one in asked.Values.OrderBy(static one => one.Due).Take(accountsMax))
        {
            one.Forgive();
        }
    }

    private void Activate(AccountAddress account) =>
        context.Accounts.Tell(new AccountEnvelope(account, new Activate()), ActorRefs.NoSender);

    private void Report(string? failure)
    {
        LedgerTime? oldest = null;
        var stuck = 0;
        foreach (var one in asked.Values)
        {
            oldest = oldest is { } due && due < one.Due ? due : one.Due;
            stuck += one.Activations > ActivationsBeforeVerify ? 1 : 0;
        }

        context.Health.Report(new HoldExpiryStatus(lastLook, failure, asked.Count, stuck, oldest, recovered));
    }

    // ---------------------------------------------------------------- entries that are wrong

    private void StartVerify(AccountAddress account, Asked one)
    {
        one.IsVerifying = true;
        verifying++;
        var token = stop.Token;
        Run(
            async () =>
            {
                var holds = await context.Index.DueHoldsAsync(account, one.UpTo, VerifyHolds, token);
                var ended = await Task.WhenAll(holds.Select(hold => IsEndedAsync(account, hold, token)));
                TransferId[] gone = [.. holds.Where((_, i) => ended[i]).Select(static hold => hold.Id)];
                if (gone.Length > 0)
                {
                    await context.Index.EndedAsync(gone, token);
                }

                return new Verified(account, gone.Length, null);
            },
            cause => new Verified(account, 0, cause));
    }

    private async Task<bool> IsEndedAsync(AccountAddress account, DueHold hold, CancellationToken token)
    {
        switch (await context.Ask(account, (caller, until) => new GetTransferRequest(hold.Id, caller, until), token))
        {
            case GetTransferResponse({ Status: TransferStatus.Created, Hold: HoldState.Live } record):
                if (record.HoldDeadline != hold.Due)
                {
                    await context.Index.CorrectAsync(hold, record.HoldDeadline, token);
                }

                return false;
            case GetTransferResponse({ } record):
                // Also when the id has been used for something that is no hold, after a transaction that was to make it
                // failed.
                return record.Status != TransferStatus.Created || record.Hold != HoldState.Live;
            case GetTransferResponse(null):
                // A transaction that is still in doubt may yet bring the hold here. Its credit account, which prepared
                // it before it was indexed, answers only when that is decided.
                var credit = await context.Ask(
                    hold.Credit, (caller, until) => new GetTransferRequest(hold.Id, caller, until), token);
                return credit is GetTransferResponse(var known) && known is not { Status: TransferStatus.Created };
            default:
                return false;
        }
    }

    private void EndVerify(Verified verified)
    {
        verifying--;
        if (asked.TryGetValue(verified.Account, out var one))
        {
            one.IsVerifying = false;
        }

        if (verified.Cause is { } cause && !IsEnding)
        {
            log.Warning(cause, "The holds of {Account} that are overdue could not be looked at", verified.Account);
        }
        else if (verified.Ended > 0)
        {
            log.Info("{Count} holds of {Account} that were listed as due are none", verified.Ended, verified.Account);
        }
        else if (one?.Activations == ActivationsBeforeVerify + 1)
        {
            log.Warning(
                "{Account} has holds that are overdue and does not expire them; it is asked again", verified.Account);
        }
    }

    // ---------------------------------------------------------------- what a dead process left in doubt

    private void StartRecovery()
    {
        if (recovering)
        {
            recoverAgain = true;
            return;
        }

        recovering = true;
        recoverAgain = false;
        var token = stop.Token;
        var now = Now;
        Run(
            async () =>
            {
                // Asked first: what comes after is this process's own, or that of nodes that live.
                var settled = await context.Index.SettledAsync(token);
                var fold = context.Decoder.NewUnfinished();
                var unread = new HashSet<AccountAddress>();
                await foreach (
                    var row in context.Index.ReadSinceAsync(await context.Index.RecoveredUpToAsync(token), token))
                {
                    if (row.PersistenceId.StartsWith(AccountActor.PersistenceIdPrefix, StringComparison.Ordinal))
                    {
                        Add(fold, row, unread);
                    }
                }

                foreach (var account in fold.Accounts.Union(unread))
                {
                    await context.Index.AddUnfinishedAsync(account, now, token);
                }

                return new Recovered(fold.Accounts.Count, settled, null);
            },
            static cause => new Recovered(0, 0, cause));

        void Add(Journal.IUnfinishedFold fold, in JournalPageRow row, HashSet<AccountAddress> unread)
        {
            try
            {
                fold.Add(row.Payload, row.PersistenceId, row.SequenceNr);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // What it may hold in doubt nobody knows before it can be read: the account is asked until it has
                // answered.
                log.Error(e, "Row {SequenceNr} of {PersistenceId} can't be read", row.SequenceNr, row.PersistenceId);
                if (AccountAddress.TryParse(
                    row.PersistenceId[AccountActor.PersistenceIdPrefix.Length..], out var account))
                {
                    unread.Add(account);
                }
            }
        }
    }

    private void EndRecovery(Recovered found)
    {
        recovering = false;
        if (found.Cause is { } cause)
        {
            recoveryFailures++;
            if (recoveryFailures == 1 && !IsEnding)
            {
                log.Warning(cause, "The journal could not be searched for accounts in doubt; it is tried again");
            }

            Timers.StartSingleTimer(
                Recover.Instance, Recover.Instance,
                TimeSpan.FromMilliseconds(Math.Min(5_000, 250 << Math.Min(recoveryFailures, 5))));
            return;
        }

        recoveryFailures = 0;
        if (recoverAgain)
        {
            Self.Tell(Recover.Instance);
        }

        if (found.Accounts > 0)
        {
            log.Info("{Count} accounts were left in doubt and are woken", found.Accounts);
        }

        if (!recovered)
        {
            recovered = true;
            marks.Enqueue((Monotonic, found.Settled));
        }

        Self.Tell(ResolveUnfinished.Instance);
    }

    private void StartResolve()
    {
        if (resolving || !recovered)
        {
            return;
        }

        resolving = true;
        var token = stop.Token;
        Run(
            async () =>
            {
                var resolved = 0;
                var after = default(AccountAddress);
                while (true)
                {
                    var page = await context.Index.ListUnfinishedAsync(after, UnfinishedAtOnce, token);
                    if (page.Count == 0)
                    {
                        return new Resolved(resolved, null);
                    }

                    resolved += (await Task.WhenAll(page.Select(one => ResolveAsync(one, token))))
                        .Count(static done => done);
                    after = page[^1].Account;
                }
            },
            static cause => new Resolved(0, cause));
    }

    private async Task<bool> ResolveAsync(UnfinishedAccount seen, CancellationToken token)
    {
        Activate(seen.Account);
        if (await context.Ask(seen.Account, static (caller, until) => new GetAccountRequest(caller, until), token)
            is not GetAccountResponse { View: null or { Doubt: null } })
        {
            return false;
        }

        // What the account has noted since it was listed may be about something newer than the answer.
        await context.Index.RemoveUnfinishedAsync(seen, token);
        return true;
    }

    private void EndResolve(Resolved done)
    {
        resolving = false;
        if (done.Cause is { } cause && !IsEnding)
        {
            log.Warning(cause, "Accounts in doubt could not be woken; it is tried again");
        }
        else if (done.Accounts > 0)
        {
            log.Info("In-doubt accounts that were resolved: {Count}", done.Accounts);
        }
    }

    // The place from which the next process searches follows the journal's end at a distance.
    private void StartMark()
    {
        if (!recovered)
        {
            return;
        }

        if (context.Generation() is var generation && generation != marksOf)
        {
            // Places that the database has lost are given again: from an older mark on too much is searched, from these
            // too little.
            marksOf = generation;
            marks.Clear();
        }

        long? save = null;
        while (marks.TryPeek(out var mark) && TimeProvider.System.GetElapsedTime(mark.At) >= s_recoveredTrails)
        {
            save = marks.Dequeue().Settled;
        }

        var token = stop.Token;
        Run(
            async () =>
            {
                if (save is { } settled)
                {
                    await context.Index.SaveRecoveredUpToAsync(settled, token);
                }

                return new Marked(await context.Index.SettledAsync(token));
            },
            // The next one goes further.
            static _ => Nothing.Instance);
    }

    // ---------------------------------------------------------------- helpers

    // Away from the actor: the store's continuations are none of its messages.
    private void Run<T>(Func<Task<T>> work, Func<Exception, object> failed)
        where T : class
    {
        var self = Self;
        _ = Task.Run(async () =>
        {
            object outcome;
            try
            {
                outcome = await work();
            }
            catch (Exception e)
            {
                outcome = failed(e);
            }

            self.Tell(outcome);
        });
    }

    private sealed class Asked(LedgerTime upTo, LedgerTime due)
    {
        public LedgerTime UpTo { get; } = upTo;

        public LedgerTime Due { get; } = due;

        public int Activations { get; private set; }

        public long NextActivation { get; private set; }

        public bool IsVerifying { get; set; }

        public void Activated(long moment, TimeSpan backoff)
        {
            var wait = backoff * Math.Min(1 << Math.Min(Activations, 5), ActivationBackoffsMax);
            Activations++;
            NextActivation = moment + (long)(wait.TotalSeconds * TimeProvider.System.TimestampFrequency);
        }

        public void Forgive()
        {
            Activations = 0;
            NextActivation = 0;
        }
    }

    private sealed class Look : INoSerializationVerificationNeeded
    {
        public static readonly Look Instance = new();
    }

    private sealed class Recover : INoSerializationVerificationNeeded
    {
        public static readonly Recover Instance = new();
    }

    private sealed class ResolveUnfinished : INoSerializationVerificationNeeded
    {
        public static readonly ResolveUnfinished Instance = new();
    }

    private sealed class Mark : INoSerializationVerificationNeeded
    {
        public static readonly Mark Instance = new();
    }

    private sealed class Nothing : INoSerializationVerificationNeeded
    {
        public static readonly Nothing Instance = new();
    }

    // Behind: there may be more that is due than may be asked for.
    private sealed record Looked(
        LedgerTime Now, IReadOnlySet<AccountAddress> Still, IReadOnlyList<DueAccount> Due, bool IsBehind,
        Upcoming Upcoming)
        : INoSerializationVerificationNeeded;

    // Up to where it was looked, and whether that ended early.
    private sealed record Upcoming(IReadOnlyList<UpcomingHold> Holds, LedgerTime UpTo, bool HasMore);

    private sealed record LookFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record Verified(AccountAddress Account, int Ended, Exception? Cause)
        : INoSerializationVerificationNeeded;

    private sealed record Recovered(int Accounts, long Settled, Exception? Cause) : INoSerializationVerificationNeeded;

    private sealed record Resolved(int Accounts, Exception? Cause) : INoSerializationVerificationNeeded;

    private sealed record Marked(long Settled) : INoSerializationVerificationNeeded;
}
