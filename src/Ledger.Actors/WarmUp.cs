using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using Akka.Serialization;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.HoldExpiry;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary>Does all that accounts do, with accounts that do not exist, before the node is given any that do.</summary>
/// <remarks>A node that has just started is handed accounts at once, and where another one leaves it is handed half of
/// them; their callers would wait while the plugins start, the connections are made, and the compiler works through all
/// that is called for the first time: seconds, on a machine that is busy. Nothing stays written, and nothing is said to
/// anybody: the accounts have new names and a journal in memory, rows that are appended to the real one are taken back,
/// and what is replayed is replayed to nobody, as are the snapshots that are taken of it.</remarks>
internal sealed class WarmUp(ExtendedActorSystem system, LedgerOptions options, AccountActorContext context)
{
    private const int Rows = 64;
    private const int Replays = 40;
    private const int ReplaysMin = 5;
    private const int Transfers = 8;
    private const string JournalInMemory = "akka.persistence.journal.inmem";
    private const string SnapshotsInMemory = "akka.persistence.snapshot-store.inmem";

    private static readonly TimeSpan s_replayFor = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Does it. Never throws: it is of use, and not needed.</summary>
    /// <returns>Whether it came to its end.</returns>
    public async Task<bool> RunAsync()
    {
        using var patience = new CancellationTokenSource(s_timeout);
        var name = Guid.NewGuid().ToString("N");
        var log = Logging.GetLogger(system, typeof(WarmUp));
        var from = Stopwatch.GetTimestamp();
        try
        {
            await Task.WhenAll(
                WakeAsync(name, patience.Token),
                ReplayAsync(patience.Token),
                TradeAsync(name, patience.Token),
                options.Storage!.WarmUpAsync($"ledger-warm-up-{name}", patience.Token).WaitAsync(patience.Token))
                    .ConfigureAwait(false);
            log.Info(
                "The node has warmed up what accounts do, in {Ms} ms",
                (long)Stopwatch.GetElapsedTime(from).TotalMilliseconds);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log.Info(
                "The node could not warm up what accounts do; the first calls will take longer: {Reason}", e.Message);
            return false;
        }
    }

    // Of its own: how this fares is no news of the journal's health, and what is said must reach nobody.
    private AccountActorContext Alone(Func<IActorRef> accounts, bool inMemory) => new(
        // No writer decides a ticket of rows in memory.
        context.Runtime with { SnapshotEvery = int.MaxValue, SendsAhead = false }, context.PassivateAfter, context.Time,
        context.Reader, context.HoldIndex,
        NodeLease.NotRequired, accounts)
    {
        JournalPluginId = inMemory ? JournalInMemory : StorageHocon.JournalPlugin,
        SnapshotPluginId = inMemory ? SnapshotsInMemory : StorageHocon.SnapshotPlugin,
    };

    // The real journal's way of waking an account.
    private async Task WakeAsync(string name, CancellationToken cancellationToken)
    {
        var nobody = AccountAddress.Parse(WarmUpAddress.Prefix + name);
        var alone = Alone(static () => ActorRefs.Nobody, inMemory: false);
        using var calls = new PendingCalls(context.Time, callsMax: 1);
        var account = system.SystemActorOf(
            Props.Create(() => new AccountActor(nobody, alone)), $"ledger-warm-up-wake-{name}");
        try
        {
            await calls.AskAsync(
                account, nobody, static (caller, until) =>
                    new GetAccountRequest(caller, until), context.Time.GetUtcNow() + s_timeout,
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            account.Tell(StopAccount.Instance, ActorRefs.NoSender);
        }
    }

    private async Task ReplayAsync(CancellationToken cancellationToken)
    {
        var streams = context.Reader.Streams;
        if (await streams.ListStreamsAsync(AccountActor.PersistenceIdPrefix, null, 1, cancellationToken)
            .ConfigureAwait(false) is not [var id])
        {
            return;
        }

        var account = AccountAddress.Parse(id[AccountActor.PersistenceIdPrefix.Length..]);
        var rows = await streams.ReadAsync(id, 1, long.MaxValue, Rows, descending: false, cancellationToken)
            .ConfigureAwait(false);

        // So often that the compiler takes it for worth its best: before that an account with thousands of events to
        // replay takes twenty times as long to wake.
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < Replays && (i < ReplaysMin || Stopwatch.GetElapsedTime(from) < s_replayFor); i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var runtime = new AccountMachine(account, context.Runtime, new Mute());
            foreach (var row in rows)
            {
                runtime.Replay(JournalCodec.Decode(row.Payload, account, row.SequenceNr, out _));
            }

            var snapshot = AccountSnapshot.Of(runtime.State, runtime.DurableSequenceNr);
            var stored = JournalCodec.ReadSnapshot(
                JournalCodec.Encode(snapshot, JournalCodec.GenesisHash(id)), isPacked: true);
            new AccountMachine(account, context.Runtime, new Mute())
                .Restore(JournalCodec.DecodeSnapshot(stored, account, out _));
        }
    }

    // Calls and accounts as they are, on a journal in memory; what they say to each other takes the form that it has
    // between nodes.
    private async Task TradeAsync(string name, CancellationToken cancellationToken)
    {
        IActorRef region = ActorRefs.Nobody;
        var alone = Alone(() => region, inMemory: true);
        using var calls = new PendingCalls(context.Time, options.NodeCallsMax);
        var answers = system.SystemActorOf(
            Props.Create(() => new ResponseRouterActor(calls)), $"ledger-warm-up-answers-{name}");
        var accounts = system.SystemActorOf(
            Props.Create(() => new LocalAccountsActor(alone)), $"ledger-warm-up-accounts-{name}");
        var back = system.SystemActorOf(Props.Create(() => new WireActor(answers)), $"ledger-warm-up-back-{name}");
        var there = system.SystemActorOf(Props.Create(() => new WireActor(accounts)), $"ledger-warm-up-there-{name}");
        calls.Router = back;
        region = there;
        try
        {
            var dispatcher = new RequestDispatcher(options, context.Time, calls, Task.FromResult(region));
            var recent = new RecentTransfers();
            var ledger = new LedgerService(
                dispatcher, new AccountReader(dispatcher, context.Reader),
                new TransferReader(dispatcher, context.Reader, new HoldLocator(context.HoldIndex), recent, index: null),
                recent,
                new TransferCounter(metrics: null),
                new PositionText(static () => throw new InvalidOperationException("A warm-up tells no positions.")),
                Asker.Nobody);
            await TradeAsync(ledger, name, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // All of them, before there are others to whom something could be said.
            try
            {
                await accounts.Ask<Akka.Done>(StopAllAccounts.Instance, s_stopTimeout).ConfigureAwait(false);
            }
            finally
            {
                foreach (var actor in new[] { there, accounts, back, answers })
                {
                    system.Stop(actor);
                }
            }
        }
    }

    private static async Task TradeAsync(ILedger ledger, string name, CancellationToken cancellationToken)
    {
        var asset = Asset.Parse("USD/2");
        AccountAddress[] addresses = [
            .. Enumerable.Range(0, 4).Select(i => AccountAddress.Parse($"{WarmUpAddress.Prefix}{name}:{i}"))];
        Check(await ledger.OpenAccountsAsync(
            [.. addresses.Select(
                address => new AccountSpec(address, asset, 1) { CreditsMustNotExceedDebits = Amount.Of(1_000_000) })],
            s_timeout, cancellationToken), static one => one.Status is AccountStatus.Created);
        await Task.WhenAll(Enumerable.Range(0, Transfers).Select(async i => Check(
            [await ledger.PostTransferAsync(Of(i, i + 1), s_timeout, cancellationToken)], static one =>
                one.IsCommitted)));
        Check(
            await ledger.PostTransfersAsync([Of(0, 1), Of(1, 2)], s_timeout, cancellationToken), static one =>
                one.IsCommitted);
        Check(
            [await ledger.PostTransactionAsync(
                Transaction.Of(NewId(), Of(0, 1), Of(2, 3)), s_timeout, cancellationToken)],
            static one => one.IsCommitted);

        // One posted, one voided.
        foreach (var end in new[] { TransferKind.PostHold, TransferKind.VoidHold })
        {
            var hold = Of(0, 1) with { Kind = TransferKind.Hold, Timeout = TimeSpan.FromHours(1) };
            Check([await ledger.PostTransferAsync(hold, s_timeout, cancellationToken)], static one => one.IsCommitted);
            Check(
                [await ledger.PostTransferAsync(
                    Of(0, 1) with { Kind = end, HoldId = hold.Id }, s_timeout, cancellationToken)],
                static one => one.IsCommitted);
        }

        _ = await ledger.GetAccountAsync(addresses[0], s_timeout, cancellationToken);

        static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());

        Transfer Of(int debit, int credit) =>
            new(NewId(), addresses[debit % addresses.Length], addresses[credit % addresses.Length], Amount.Of(1), 1)
            {
                Asset = asset,
            };

        static void Check<T>(IReadOnlyList<T> results, Predicate<T> isWell)
        {
            if (results.FirstOrDefault(one => !isWell(one)) is { } refused)
            {
                throw new InvalidOperationException($"A call of the warm-up ended with {refused}.");
            }
        }
    }

    /// <summary>Passes on what would have come from another node.</summary>
    private sealed class WireActor(IActorRef to) : UntypedActor
    {
        private readonly Serialization serialization = Context.System.Serialization;

        protected override void OnReceive(object message)
        {
            var serializer = serialization.FindSerializerFor(message);
            var bytes = serialization.Serialize(message);
            to.Forward(serialization.Deserialize(
                bytes, serializer.Identifier,
                serializer is SerializerWithStringManifest named ? named.Manifest(message) : ""));
        }
    }

    private sealed class Mute : IAccountHost
    {
        public void Reply(ReplyTarget caller, AccountResponse answer)
        {
        }

        public void Send(AccountAddress account, AccountMessage message)
        {
        }

        public void Write(EventBatch batch)
        {
        }

        public void Lookup(IdLookup lookup)
        {
        }

        public void WakeAt(LedgerTime time)
        {
        }
    }
}
