namespace Ledger.Core;

/// <summary>
/// The state of one account: a fold of its journal, and of nothing else (I8).
/// </summary>
/// <remarks>
/// Invariants that every event keeps, asserted after each:
/// I2 posted counters never fall; I3 the limits hold, reserved money included; I4 an id is decided once;
/// in-doubt debits are the sum of the prepared transfers.
/// Not thread-safe: it belongs to one <see cref="AccountRuntime"/>.
/// </remarks>
public sealed class AccountState
{
    private Dictionary<TransferId, InDoubtTransfer>? inDoubt;

    /// <summary>Makes the state of an account that has no journal yet.</summary>
    /// <param name="address">The account.</param>
    /// <param name="rememberedIdsMax">How many decided ids stay in memory.</param>
    /// <param name="rememberedAgeMax">For how long they stay.</param>
    public AccountState(AccountAddress address, int rememberedIdsMax, TimeSpan rememberedAgeMax)
    {
        Address = address;
        Remembered = new RememberedIds(rememberedIdsMax, rememberedAgeMax);
    }

    /// <summary>The account.</summary>
    public AccountAddress Address { get; }

    /// <summary>What it was opened with; null while it does not exist.</summary>
    public AccountSpec? Spec { get; private set; }

    /// <summary>When it was opened.</summary>
    public LedgerTime OpenTime { get; private set; }

    /// <summary>The counters.</summary>
    public Balances Balances { get; private set; }

    /// <summary>How many statement entries there are.</summary>
    public ulong EntryCount { get; private set; }

    /// <summary>The time of the last event.</summary>
    public LedgerTime LastTime { get; private set; }

    /// <summary>How many transfers this account has ever prepared; numbers them.</summary>
    public long PreparedCount { get; private set; }

    /// <summary>The ids that are decided.</summary>
    public RememberedIds Remembered { get; }

    /// <summary>How many transfers are prepared and not decided.</summary>
    public int InDoubtCount => inDoubt?.Count ?? 0;

    /// <summary>Finds a transfer that is prepared and not decided.</summary>
    /// <param name="id">Its id.</param>
    public InDoubtTransfer? FindInDoubt(TransferId id) =>
        inDoubt is not null && inDoubt.TryGetValue(id, out var found) ? found : null;

    /// <summary>The transfers that are prepared and not decided, in the order of their preparation.</summary>
    public IReadOnlyList<InDoubtTransfer> InDoubtInOrder()
    {
        if (inDoubt is null || inDoubt.Count == 0)
        {
            return [];
        }

        var sorted = new InDoubtTransfer[inDoubt.Count];
        inDoubt.Values.CopyTo(sorted, 0);
        Array.Sort(sorted, static (a, b) => a.Number.CompareTo(b.Number));
        return sorted;
    }

    /// <summary>Folds one event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="sequenceNr">The journal row that holds it.</param>
    /// <exception cref="LedgerInvariantException">The event can't follow this state: the journal, or the code that
    /// decided, is wrong. The account must not go on.</exception>
    public void Evolve(AccountEvent happened, long sequenceNr)
    {
        Require(happened.At >= LastTime, "time never runs backwards on an account");
        LastTime = happened.At;
        switch (happened)
        {
            case AccountOpened opened:
                Require(Spec is null, "an account is opened once");
                Spec = opened.Spec;
                OpenTime = opened.At;
                break;

            case TransferPrepared prepared:
                Prepare(prepared, sequenceNr);
                break;

            case AnchorCommitted committed:
                Commit(committed);
                break;

            case TransferAborted aborted:
                var released = TakeInDoubt(aborted.Id);
                Remember(aborted.Id, new RememberedId(
                    released.Digest, aborted.Reason, aborted.At, released.SequenceNr, aborted.Seen));
                break;

            case TransferRejected rejected:
                Remembered.Measure(rejected.Transfer.Id, rejected.At);
                Remember(rejected.Transfer.Id, new RememberedId(
                    TransferContent.DigestOf(rejected.Transfer), rejected.Reason, rejected.At, sequenceNr,
                    rejected.Seen));
                break;

            case CloserCommitted closed:
                Remembered.Measure(closed.Transfer.Id, closed.At);
                Balances = Balances with { CreditsPosted = Balances.CreditsPosted + closed.Transfer.Amount };
                EntryCount++;
                Remember(closed.Transfer.Id, new RememberedId(
                    TransferContent.DigestOf(closed.Transfer), TransferStatus.Created, closed.At, sequenceNr, null));
                CheckLimits();
                break;

            case CloserRefused refused:
                Remembered.Measure(refused.Transfer.Id, refused.At);
                Remember(refused.Transfer.Id, new RememberedId(
                    TransferContent.DigestOf(refused.Transfer), refused.Reason, refused.At, sequenceNr, refused.Seen));
                break;

            default:
                // A ledger that skips an event that it does not know has lost money.
                throw new LedgerInvariantException($"{Address}: unknown event {happened.GetType().Name}");
        }
    }

    internal void Restore(AccountSnapshot snapshot)
    {
        Spec = snapshot.Spec;
        OpenTime = snapshot.OpenTime;
        Balances = snapshot.Balances;
        EntryCount = snapshot.EntryCount;
        LastTime = snapshot.LastTime;
        PreparedCount = snapshot.PreparedCount;
        Remembered.Restore(
            snapshot.Watermark, snapshot.HasForgottenUnordered, snapshot.IdLeadMax, snapshot.IdLagMax);
        foreach (var (id, at, what) in snapshot.Remembered)
        {
            Require(Remembered.TryAdd(id, what, at), "I4: an id is decided once");
        }

        foreach (var transfer in snapshot.InDoubt)
        {
            (inDoubt ??= []).Add(transfer.Transfer.Id, transfer);
        }

        CheckLimits();
    }

    private void Prepare(TransferPrepared prepared, long sequenceNr)
    {
        var transfer = prepared.Transfer;
        Require(Spec is not null, "only an account that exists prepares");
        PreparedCount++;
        Remembered.Measure(transfer.Id, prepared.At);
        Require(
            Remembered.Find(transfer.Id) is null
            && (inDoubt ??= []).TryAdd(transfer.Id, new InDoubtTransfer(
                transfer, TransferContent.DigestOf(transfer), sequenceNr, PreparedCount)),
            "I4: an id is prepared once");
        Balances = Balances with { DebitsInDoubt = Balances.DebitsInDoubt + transfer.Amount };
        CheckLimits();
    }

    private void Commit(AnchorCommitted committed)
    {
        var transfer = TakeInDoubt(committed.Id);
        Balances = Balances with { DebitsPosted = Balances.DebitsPosted + transfer.Transfer.Amount };
        EntryCount++;
        Remember(committed.Id, new RememberedId(
            transfer.Digest, TransferStatus.Created, committed.CommitTime, transfer.SequenceNr, null));
        CheckLimits();
    }

    private InDoubtTransfer TakeInDoubt(TransferId id)
    {
        if (inDoubt is null || !inDoubt.Remove(id, out var found))
        {
            throw new LedgerInvariantException($"{Address}: {id} is decided without having been prepared");
        }

        Balances = Balances with { DebitsInDoubt = Balances.DebitsInDoubt - found.Transfer.Amount };
        return found;
    }

    private void Remember(TransferId id, RememberedId what)
    {
        Require(FindInDoubt(id) is null && Remembered.TryAdd(id, what, LastTime), "I4: an id is decided once");
    }

    // I3. The deciders refuse whatever would break a limit; this asserts that they did, on replay too.
    private void CheckLimits()
    {
        if (Spec?.DebitsMustNotExceedCredits is { } debitAllowance)
        {
            Require(
                AccountDecider.Within(
                    Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt, Amount.Zero,
                    Balances.CreditsPosted, debitAllowance),
                "I3: debits exceed credits");
        }

        if (Spec?.CreditsMustNotExceedDebits is { } creditAllowance)
        {
            Require(
                AccountDecider.Within(
                    Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt, Amount.Zero,
                    Balances.DebitsPosted, creditAllowance),
                "I3: credits exceed debits");
        }
    }

    private void Require(bool holds, string invariant)
    {
        if (!holds)
        {
            throw new LedgerInvariantException($"{Address}: {invariant}");
        }
    }
}

/// <summary>A transfer that its anchor has prepared and its closer has not, to the anchor's knowledge, decided.</summary>
/// <param name="Transfer">The transfer.</param>
/// <param name="Digest">The digest of its content.</param>
/// <param name="SequenceNr">The journal row that holds it.</param>
/// <param name="Number">Its number among all that the anchor ever prepared; reads wait by it (R10).</param>
public sealed record InDoubtTransfer(Transfer Transfer, UInt128 Digest, long SequenceNr, long Number);

/// <summary>The state of an account at one of its journal rows. All of it follows from the journal.</summary>
/// <param name="SequenceNr">The last row that it holds.</param>
/// <param name="Spec">What the account was opened with; null while it does not exist.</param>
/// <param name="OpenTime">When it was opened.</param>
/// <param name="Balances">The counters.</param>
/// <param name="EntryCount">How many statement entries there are.</param>
/// <param name="LastTime">The time of the last event.</param>
/// <param name="PreparedCount">How many transfers were ever prepared.</param>
/// <param name="Watermark">See <see cref="RememberedIds.Watermark"/>.</param>
/// <param name="HasForgottenUnordered">See <see cref="RememberedIds.HasForgottenUnordered"/>.</param>
/// <param name="Remembered">The ids in memory, oldest first.</param>
/// <param name="InDoubt">The transfers in doubt, in the order of their preparation.</param>
/// <param name="IdLeadMax">See <see cref="RememberedIds.LeadMax"/>.</param>
/// <param name="IdLagMax">See <see cref="RememberedIds.LagMax"/>.</param>
public sealed record AccountSnapshot(
    long SequenceNr, AccountSpec? Spec, LedgerTime OpenTime, Balances Balances, ulong EntryCount, LedgerTime LastTime,
    long PreparedCount, TransferId Watermark, bool HasForgottenUnordered,
    IReadOnlyList<(TransferId Id, LedgerTime At, RememberedId What)> Remembered,
    IReadOnlyList<InDoubtTransfer> InDoubt, long IdLeadMax, long IdLagMax)
{
    /// <summary>Takes the state of an account.</summary>
    /// <param name="state">The state.</param>
    /// <param name="sequenceNr">The last row that it holds.</param>
    public static AccountSnapshot Of(AccountState state, long sequenceNr) => new(
        sequenceNr, state.Spec, state.OpenTime, state.Balances, state.EntryCount, state.LastTime, state.PreparedCount,
        state.Remembered.Watermark, state.Remembered.HasForgottenUnordered, [.. state.Remembered.InOrder()],
        state.InDoubtInOrder(), state.Remembered.LeadMax, state.Remembered.LagMax);
}

/// <summary>An invariant of the ledger does not hold: the journal was altered, or the code is wrong.</summary>
/// <param name="message">Which one, and where.</param>
public sealed class LedgerInvariantException(string message) : Exception(message);
