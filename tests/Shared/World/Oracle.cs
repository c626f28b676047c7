using Ledger.Core;

namespace Ledger.Tests.World;

/// <summary>
/// Watches a world and knows, from what the journals hold and from what clients were told, whether an invariant is
/// broken. Checks run as things happen, so that a failure names the moment.
/// </summary>
/// <remarks>
/// A transfer is known here by its id and its content. An id is a promise of the client: used for two transfers that
/// share an account, at most one of them happens; that they share none, nobody can see.
/// </remarks>
public sealed class Oracle(World world)
{
    private readonly HashSet<Transfer> closerCommitted = new(Content.Instance);
    private readonly HashSet<Transfer> prepared = new(Content.Instance);
    private readonly HashSet<Transfer> anchorCommitted = new(Content.Instance);
    private readonly HashSet<Transfer> aborted = new(Content.Instance);
    private readonly HashSet<Transfer> rejected = new(Content.Instance);
    private readonly Dictionary<Transfer, TransferStatus> told = new(Content.Instance);
    private readonly Dictionary<(AccountAddress, TransferId), Transfer> inHand = [];
    private readonly Dictionary<(AccountAddress, TransferId), Transfer> effects = [];
    private readonly Dictionary<AccountAddress, HashSet<Transfer>> committedTold = [];
    private readonly Dictionary<AccountAddress, HashSet<Transfer>> rejectedTold = [];
    private readonly Dictionary<AccountAddress, Balances> lastJournaled = [];

    public int CommittedCount => closerCommitted.Count;

    public int RejectedCount => rejected.Count + aborted.Count;

    public IReadOnlyCollection<Transfer> CommittedSoFar(AccountAddress account) =>
        committedTold.TryGetValue(account, out var ids) ? ids.ToArray() : [];

    public IReadOnlyCollection<Transfer> RejectedSoFar(AccountAddress account) =>
        rejectedTold.TryGetValue(account, out var ids) ? ids.ToArray() : [];

    /// <summary>A row became durable.</summary>
    public void Journaled(AccountAddress account, EventBatch row)
    {
        Check(row.Events.Count > 0, "a row holds nothing");
        foreach (var happened in row.Events)
        {
            switch (happened)
            {
                case TransferPrepared(var transfer, _):
                    Check(transfer.DebitAccount == account, "the anchor is the debit account");
                    Check(prepared.Add(transfer), $"I4: {transfer.Id} is prepared twice");
                    Check(!rejected.Contains(transfer), $"I5: {transfer.Id} is prepared after its rejection");
                    Check(
                        inHand.TryAdd((account, transfer.Id), transfer),
                        $"I4: {account} prepares two transfers under {transfer.Id}");
                    break;
                case AnchorCommitted committed:
                    var mine = inHand[(account, committed.Id)];
                    Check(anchorCommitted.Add(mine), $"I4: {committed.Id} is committed twice at its anchor");
                    Check(closerCommitted.Contains(mine), $"R1: the anchor commits {committed.Id} before its closer");
                    Check(!aborted.Contains(mine), $"R1: {committed.Id} is committed after its abort");
                    Effect(account, mine);
                    break;
                case TransferAborted abort:
                    var given = inHand[(account, abort.Id)];
                    Check(aborted.Add(given), $"I4: {abort.Id} is aborted twice");
                    Check(!anchorCommitted.Contains(given), $"R1: {abort.Id} is aborted after its commit");
                    Check(
                        !closerCommitted.Contains(given),
                        $"R1: {abort.Id} is aborted although its closer has committed it");
                    break;
                case TransferRejected rejection:
                    Check(rejected.Add(rejection.Transfer), $"I4: {rejection.Transfer.Id} is rejected twice");
                    Check(
                        !prepared.Contains(rejection.Transfer),
                        $"I5: {rejection.Transfer.Id} is rejected after it was prepared");
                    break;
                case CloserCommitted(var transfer, _):
                    Check(transfer.CreditAccount == account, "the closer is the credit account");
                    Check(closerCommitted.Add(transfer), $"I4: {transfer.Id} is committed twice");
                    Check(prepared.Contains(transfer), $"R7: {transfer.Id} is committed without its anchor's preparation");
                    Check(!aborted.Contains(transfer), $"R1: {transfer.Id} is committed after its abort");
                    Effect(account, transfer);
                    break;
                default:
                    break;
            }
        }

        // I2 and I3 (asserted by Evolve), from the journal alone.
        var state = world.StateOf(account);
        var before = lastJournaled.GetValueOrDefault(account);
        Check(state.Balances.DebitsPosted >= before.DebitsPosted, $"I2: posted debits of {account} fall");
        Check(state.Balances.CreditsPosted >= before.CreditsPosted, $"I2: posted credits of {account} fall");
        lastJournaled[account] = state.Balances;
    }

    /// <summary>A client was told something.</summary>
    public void Answered(Call call, AccountAnswerBase answer)
    {
        switch (answer)
        {
            case TransferAnswer(var result) when call.Transfer is { } transfer:
                Told(transfer, result);
                break;
            case AccountAnswer({ } view):
                CheckRead(call, view);
                break;
            default:
                break;
        }
    }

    /// <summary>The world has come to rest: nothing may be left open, and all accounts must agree.</summary>
    public void CheckAtRest()
    {
        foreach (var transfer in prepared)
        {
            var committed = closerCommitted.Contains(transfer);
            Check(
                committed ? anchorCommitted.Contains(transfer) : aborted.Contains(transfer),
                $"I6: {transfer.Id} from {transfer.DebitAccount} is {(committed ? "committed" : "refused")} at its closer and not at its anchor");
        }

        var debits = new Dictionary<string, UInt128>(StringComparer.Ordinal);
        var credits = new Dictionary<string, UInt128>(StringComparer.Ordinal);
        foreach (var account in world.Journal.Keys)
        {
            var state = world.StateOf(account);
            Check(state.InDoubtCount == 0, $"{account} is still in doubt");
            Check(state.Balances.DebitsInDoubt.IsZero, $"{account} still reserves money");
            if (state.Spec is { } spec)
            {
                debits[spec.Asset.Text] = debits.GetValueOrDefault(spec.Asset.Text) + state.Balances.DebitsPosted.Value;
                credits[spec.Asset.Text] = credits.GetValueOrDefault(spec.Asset.Text) + state.Balances.CreditsPosted.Value;
            }

            CheckReplay(account, state);
        }

        foreach (var (asset, sum) in debits)
        {
            Check(sum == credits[asset], $"I1: {asset}: debits are {sum}, credits {credits[asset]}");
        }

        foreach (var (transfer, status) in told)
        {
            var committed = closerCommitted.Contains(transfer);
            if (status == TransferStatus.Created)
            {
                Check(committed, $"I5: {transfer.Id} was acknowledged and is lost");
                Check(anchorCommitted.Contains(transfer), $"I6: {transfer.Id} was acknowledged; its anchor lacks it");
            }
            else
            {
                Check(!committed, $"I5: {transfer.Id} was rejected ({status}) and happened");
            }
        }
    }

    /// <summary>I1 at any moment: what the closer has committed is debited, or reserved, at its anchor.</summary>
    public void CheckBooks()
    {
        foreach (var transfer in closerCommitted)
        {
            Check(
                prepared.Contains(transfer) && !aborted.Contains(transfer),
                $"I1: {transfer.Amount} credited to {transfer.CreditAccount} is not held by {transfer.DebitAccount}");
        }
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new OracleException(what);
        }
    }

    // I4, as each account can see it: one id, one effect.
    private void Effect(AccountAddress account, Transfer transfer) => Check(
        effects.TryAdd((account, transfer.Id), transfer), $"I4: {transfer.Id} has two effects on {account}");

    private void Told(Transfer transfer, TransferResult result)
    {
        var status = result.IsCommitted ? TransferStatus.Created : result.Status;
        if (IsDifference(status))
        {
            // About another content under the same id: this one must never happen.
            Check(!closerCommitted.Contains(transfer), $"R7: {transfer.Id} is told {status} and is committed as asked");
        }

        if (told.TryGetValue(transfer, out var earlier))
        {
            // Two refusals of a content whose id belongs to another may name it differently; yes and no may not mix.
            Check(
                earlier == status || (IsAboutAnother(earlier) && IsAboutAnother(status)),
                $"I4: {transfer.Id} was told {earlier} and then {status}");
        }

        told[transfer] = status;
        if (status == TransferStatus.Created)
        {
            Check(
                closerCommitted.Contains(transfer),
                $"I5: {transfer.Id} is acknowledged before its closer's row is durable");
            Remember(committedTold, transfer);
        }
        else
        {
            Remember(rejectedTold, transfer);
        }
    }

    private static bool IsAboutAnother(TransferStatus status) =>
        status == TransferStatus.IdAlreadyFailed || IsDifference(status);

    // I6 and I10: a read shows all that was acknowledged before it began, and nothing that was rejected before.
    private void CheckRead(Call call, AccountView view)
    {
        foreach (var transfer in call.CommittedBefore)
        {
            Check(
                Shows(view, call.Account, transfer),
                $"I6: a read of {call.Account} does not show {transfer.Id}, which was acknowledged before it began");
        }

        foreach (var transfer in call.RejectedBefore)
        {
            Check(
                !Shows(view, call.Account, transfer)
                    || closerCommitted.Any(other => other.Id == transfer.Id
                        && (other.DebitAccount == call.Account || other.CreditAccount == call.Account)),
                $"I5: a read of {call.Account} shows {transfer.Id}, which was rejected");
        }
    }

    private static bool Shows(AccountView view, AccountAddress account, Transfer transfer)
    {
        var counter = transfer.DebitAccount == account ? view.Balances.DebitsPosted : view.Balances.CreditsPosted;
        return (counter.Value & transfer.Amount.Value) != UInt128.Zero;
    }

    // I8: the fold of the journal, the live state, and a snapshot with its tail are the same.
    private void CheckReplay(AccountAddress account, AccountState folded)
    {
        var rows = world.Journal[account];
        var expected = Dump(AccountSnapshot.Of(folded, rows.Count));
        if (world.LiveStateOf(account) is { } live)
        {
            var actual = Dump(AccountSnapshot.Of(live, rows.Count));
            Check(actual == expected, $"I8: {account}: live state is not the fold:\n{actual}\n--- fold\n{expected}");
        }

        if (world.SnapshotOf(account) is { } snapshot)
        {
            var state = new AccountRuntime(account, world.Options, NoShell.Instance);
            state.Restore(snapshot);
            foreach (var row in rows.Skip((int)snapshot.SequenceNr))
            {
                state.Replay(row);
            }

            Check(
                Dump(AccountSnapshot.Of(state.State, rows.Count)) == expected,
                $"I8: {account}: snapshot {snapshot.SequenceNr} and its tail are not the fold");
        }
    }

    /// <summary>Everything that a state holds, as text.</summary>
    public static string Dump(AccountSnapshot s) => string.Join('\n', [
        $"{s.SequenceNr} {s.Spec} {s.OpenTime} {s.Balances} {s.EntryCount} {s.LastTime} {s.PreparedCount}",
        $"{s.Watermark} {s.HasForgottenUnordered} {s.IdLeadMax} {s.IdLagMax}",
        .. s.Remembered.Select(static r =>
            $"{r.Id} {r.At} {r.What.Digest} {r.What.Status} {r.What.Time} {r.What.SequenceNr} {r.What.Seen}"),
        .. s.InDoubt.Select(static d => $"{d.Transfer} {d.SequenceNr} {d.Number}")]);

    private static bool IsDifference(TransferStatus status) =>
        status.ToString().StartsWith("ExistsWithDifferent", StringComparison.Ordinal);

    private static void Remember(Dictionary<AccountAddress, HashSet<Transfer>> lists, Transfer transfer)
    {
        foreach (var account in (ReadOnlySpan<AccountAddress>)[transfer.DebitAccount, transfer.CreditAccount])
        {
            if (!lists.TryGetValue(account, out var ids))
            {
                lists.Add(account, ids = new HashSet<Transfer>(Content.Instance));
            }

            ids.Add(transfer);
        }
    }

    private sealed class Content : IEqualityComparer<Transfer>
    {
        public static readonly Content Instance = new();

        public bool Equals(Transfer? x, Transfer? y) => x!.Equals(y);

        public int GetHashCode(Transfer obj) => obj.Id.GetHashCode();
    }

    private sealed class NoShell : IAccountShell
    {
        public static readonly NoShell Instance = new();

        public void Reply(Caller caller, AccountAnswerBase answer)
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
