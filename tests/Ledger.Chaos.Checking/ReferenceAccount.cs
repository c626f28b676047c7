using Ledger.Core;

namespace Ledger.Chaos.Checking;

/// <summary>A live hold, as the reference keeps it.</summary>
internal sealed class ReferenceHold(Transfer transfer, Int128 remaining, long deadline)
{
    public Transfer Transfer { get; } = transfer;

    public Int128 Remaining { get; set; } = remaining;

    public long Deadline { get; set; } = deadline;
}

/// <summary>What a prepared transaction keeps back on an account.</summary>
internal sealed record ReferenceDoubt(Attempt Attempt, IReadOnlyList<ResolvedLeg> Legs, Int128 Debits, Int128 Credits);

/// <summary>The counters of an account at one place of its stream, as a reader sees them.</summary>
internal readonly record struct Counters(
    Int128 DebitsPending, Int128 DebitsPosted, Int128 CreditsPending, Int128 CreditsPosted, Int128 DebitsReserved,
    Int128 CreditsReserved, long Entries, int Holds)
{
    public static Counters operator +(in Counters left, in Counters right) => new(
        left.DebitsPending + right.DebitsPending, left.DebitsPosted + right.DebitsPosted,
        left.CreditsPending + right.CreditsPending, left.CreditsPosted + right.CreditsPosted,
        left.DebitsReserved + right.DebitsReserved, left.CreditsReserved + right.CreditsReserved,
        left.Entries + right.Entries, left.Holds + right.Holds);

    // What a node tells may be anything; what is out of our range agrees with nothing.
    public static Counters Of(AccountReading reading) => new(
        Told(reading.Balances.DebitsPending), Told(reading.Balances.DebitsPosted),
        Told(reading.Balances.CreditsPending), Told(reading.Balances.CreditsPosted),
        Told(reading.Balances.DebitsInDoubt), Told(reading.Balances.CreditsInDoubt),
        (long)reading.EntryCount, reading.HoldCount);

    public bool Agrees(Balances balances) => Agrees(
        balances.DebitsPending.Value, balances.DebitsPosted.Value, balances.CreditsPending.Value,
        balances.CreditsPosted.Value,
        balances.DebitsInDoubt.Value, balances.CreditsInDoubt.Value);

    public bool Agrees(BalancesContent balances) => Agrees(
        balances.DebitsPending, balances.DebitsPosted, balances.CreditsPending, balances.CreditsPosted,
        balances.DebitsInDoubt,
        balances.CreditsInDoubt);

    public override string ToString() =>
        $"debits {DebitsPosted} posted {DebitsPending} pending {DebitsReserved} in doubt, credits {CreditsPosted} "
        + $"posted {CreditsPending} pending {CreditsReserved} in doubt, {Entries} entries, {Holds} holds";

    private static Int128 Told(UInt128 value) => unchecked((Int128)value);

    // Ours may be below zero, where the journal says what can't be.
    private static bool Same(Int128 own, UInt128 told) => own >= 0 && own == Told(told);

    private bool Agrees(
        UInt128 debitsPending, UInt128 debitsPosted, UInt128 creditsPending, UInt128 creditsPosted,
        UInt128 debitsReserved,
        UInt128 creditsReserved) =>
        Same(DebitsPending, debitsPending) && Same(DebitsPosted, debitsPosted) && Same(CreditsPending, creditsPending)
        && Same(CreditsPosted, creditsPosted) && Same(DebitsReserved, debitsReserved)
        && Same(CreditsReserved, creditsReserved);
}

/// <summary>A line of an account's statement, as the journal gives it.</summary>
internal readonly record struct ReferenceEntry(
    long Place, Effect Effect, bool IsDebit, Int128 DebitsPosted, Int128 CreditsPosted);

/// <summary>
/// One account of the reference ledger: four counters, limits, holds, and what is reserved. It is told what happened,
/// in the order of the journal, and complains when that can't be. It shares no code with the account that it judges:
/// not its state, not its working copy, not the properties of a leg that say what the leg does.
/// </summary>
internal sealed class ReferenceAccount(AccountAddress address, int number)
{
    /// <summary>When the newest of what is booked here was committed.</summary>
    public long NewestCommit { get; set; } = long.MinValue;

    private const int FewHolds = 4;

    private Dictionary<UInt128, ReferenceHold>? holds;

    /// <summary>Told of what can't be.</summary>
    public required Action<string, string> Complain { get; init; }

    public AccountAddress Address { get; } = address;

    /// <summary>Its number in the books.</summary>
    public int Number { get; } = number;

    public bool Exists { get; private set; }

    public AccountSpec? OpenedWith { get; private set; }

    public long OpenedAt { get; private set; }

    public Asset Asset { get; private set; }

    public UInt128? DebitAllowance { get; private set; }

    public UInt128? CreditAllowance { get; private set; }

    public bool ClosedByChange { get; private set; }

    public bool ClosedByHold { get; private set; }

    public bool Closed => ClosedByChange || ClosedByHold;

    public AccountFreeze? Freeze { get; private set; }

    public Int128 DebitsPending { get; private set; }

    public Int128 DebitsPosted { get; private set; }

    public Int128 CreditsPending { get; private set; }

    public Int128 CreditsPosted { get; private set; }

    public Int128 DebitsReserved { get; private set; }

    public Int128 CreditsReserved { get; private set; }

    public List<ReferenceEntry> Entries { get; } = new(FewHolds);

    public int HoldCount => holds?.Count ?? 0;

    public IEnumerable<ReferenceHold> Holds => holds?.Values ?? Enumerable.Empty<ReferenceHold>();

    /// <summary>What is prepared and not decided, by its key.</summary>
    public Dictionary<UInt128, ReferenceDoubt> Doubts { get; } = new(FewHolds);

    /// <summary>The transactions that were committed here, by the place of that in the stream.</summary>
    public List<(long Place, Attempt Attempt)> Committed { get; } = new(FewHolds);

    public Int128 DebitRoom =>
        CreditsPosted - DebitsPosted - DebitsPending - DebitsReserved + (Int128)(DebitAllowance ?? 0);

    public Int128 CreditRoom =>
        DebitsPosted - CreditsPosted - CreditsPending - CreditsReserved + (Int128)(CreditAllowance ?? 0);

    public Counters Counters => new(
        DebitsPending, DebitsPosted, CreditsPending, CreditsPosted, DebitsReserved, CreditsReserved, Entries.Count,
        HoldCount);

    public ReferenceHold? FindHold(UInt128 id) =>
        holds is not null && holds.TryGetValue(id, out var hold) ? hold : null;

    public void Open(AccountSpec spec, long place)
    {
        if (Exists)
        {
            Complain(Rule.NothingTwice, "is opened a second time");
            return;
        }

        Exists = true;
        OpenedWith = spec;
        OpenedAt = place;
        Asset = spec.Asset;
        DebitAllowance = spec.DebitsMustNotExceedCredits?.Value;
        CreditAllowance = spec.CreditsMustNotExceedDebits?.Value;
        ClosedByChange = spec.IsClosed;
    }

    public void Change(AccountChange change)
    {
        if (!Exists)
        {
            Complain(Rule.Replay, "is changed before it is opened");
        }

        switch (change)
        {
            case FreezeAccount freeze:
                Freeze = freeze.Freeze;
                break;
            case UnfreezeAccount:
                Freeze = null;
                break;
            case CloseAccount:
                ClosedByChange = true;
                break;
            case ReopenAccount:
                ClosedByChange = ClosedByHold = false;
                break;
            case SetAccountLimits limits:
                DebitAllowance = limits.DebitsMustNotExceedCredits?.Value;
                CreditAllowance = limits.CreditsMustNotExceedDebits?.Value;
                break;
            default:
                Complain(Rule.Replay, $"has a change that is not known: {change.GetType().Name}");
                break;
        }
    }

    public void Extend(UInt128 hold, long deadline)
    {
        if (FindHold(hold) is { } live)
        {
            live.Deadline = deadline;
        }
        else
        {
            Complain(Rule.Holds, $"extends the hold {Ids.Text(hold)}, which is not live");
        }
    }

    /// <summary>Keeps back the worst that the legs can come to, in their order.</summary>
    public void Reserve(Attempt attempt, UInt128 key, IReadOnlyList<ResolvedLeg> legs)
    {
        Int128 debits = 0;
        Int128 credits = 0;
        Int128 debitsWorst = 0;
        Int128 creditsWorst = 0;
        foreach (var leg in legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            var posted = Leg.Posted(leg);
            var pending = Leg.Held(leg) - Leg.Released(leg);
            if (transfer.DebitAccount == Address)
            {
                debits += posted + pending;
                credits -= posted;
            }
            else
            {
                credits += posted + pending;
                debits -= posted;
            }

            debitsWorst = Int128.Max(debitsWorst, debits);
            creditsWorst = Int128.Max(creditsWorst, credits);
        }

        if (!Doubts.TryAdd(key, new ReferenceDoubt(attempt, legs, debitsWorst, creditsWorst)))
        {
            Complain(Rule.NothingTwice, $"prepares {Ids.Text(key)} a second time");
            return;
        }

        DebitsReserved += debitsWorst;
        CreditsReserved += creditsWorst;
    }

    /// <summary>Takes off what was kept back.</summary>
    public ReferenceDoubt? Settle(UInt128 key)
    {
        if (!Doubts.Remove(key, out var doubt))
        {
            return null;
        }

        DebitsReserved -= doubt.Debits;
        CreditsReserved -= doubt.Credits;
        return doubt;
    }

    /// <summary>What a commit adds to the counters.</summary>
    public Counters Delta(ReferenceDoubt doubt)
    {
        var sum = new Counters(0, 0, 0, 0, -doubt.Debits, -doubt.Credits, 0, 0);
        foreach (var leg in doubt.Legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            var isDebit = transfer.DebitAccount == Address;
            var pending = Leg.Held(leg) - Leg.Released(leg);
            var posted = Leg.Posted(leg);
            var ended = transfer.HoldId.IsNil || Leg.Released(leg) < (Int128)leg.HoldRemaining.Value ? 0 : 1;
            sum += isDebit
                ? new Counters(pending, posted, 0, 0, 0, 0, Leg.Moves(leg) ? 1 : 0, (Leg.Holds(leg) ? 1 : 0) - ended)
                : new Counters(0, 0, pending, posted, 0, 0, Leg.Moves(leg) ? 1 : 0, (Leg.Holds(leg) ? 1 : 0) - ended);
        }

        return sum;
    }

    /// <summary>Whether a hold is resolved before its time, and expires after it. Time is judged at the debit account
    /// alone.</summary>
    public void JudgeTime(ResolvedLeg leg, long now)
    {
        if (leg.Transfer is not { ResolvesHold: true } transfer || transfer.DebitAccount != Address
            || FindHold(transfer.HoldId.Value) is not { } hold)
        {
            return;
        }

        var isExpiry = transfer.Kind == TransferKind.ExpireHold;
        if (isExpiry && now < hold.Deadline)
        {
            Complain(Rule.Holds, $"expires the hold {transfer.HoldId} {hold.Deadline - now} us before its time");
        }
        else if (!isExpiry && now >= hold.Deadline)
        {
            Complain(
                Rule.Holds,
                $"resolves the hold {transfer.HoldId} by {transfer.Id} {now - hold.Deadline} us after its time");
        }
    }

    /// <summary>Whether a leg may be, by what the account is; its limits are looked at after it.</summary>
    public void Judge(ResolvedLeg leg, long now)
    {
        if (leg.Transfer is not { } transfer)
        {
            return;
        }

        if (!Exists)
        {
            Complain(Rule.Replay, $"takes part in {transfer.Id} and does not exist");
            return;
        }

        var isExpiryOrVoid = transfer.ReleasesHold;
        if (!isExpiryOrVoid && Closed)
        {
            Complain(Rule.Replay, $"takes {transfer.Id} and is closed");
        }

        if (!isExpiryOrVoid && Freeze is { } freeze && (freeze.EndTime is not { } until || now < until.UnixMicroseconds)
            && (transfer.DebitAccount == Address ? freeze.Debits : freeze.Credits))
        {
            Complain(Rule.Replay, $"takes {transfer.Id} and is frozen");
        }
    }

    /// <summary>Does what a leg does.</summary>
    public void Do(ResolvedLeg leg, Effect? effect, long place)
    {
        if (leg.Transfer is not { } transfer)
        {
            if (!Exists)
            {
                Open(leg.Opening!, place);
            }

            return;
        }

        var isDebit = transfer.DebitAccount == Address;
        if (transfer.ResolvesHold)
        {
            Resolve(leg, transfer);
        }

        if (Leg.Holds(leg))
        {
            if (!(holds ??= new Dictionary<UInt128, ReferenceHold>(FewHolds)).TryAdd(
                transfer.Id.Value, new ReferenceHold(transfer, Leg.Held(leg), leg.Deadline.UnixMicroseconds)))
            {
                Complain(Rule.NothingTwice, $"makes the hold {transfer.Id} a second time");
            }

            ClosedByHold |= Closes(transfer);
        }

        var pending = Leg.Held(leg) - Leg.Released(leg);
        var posted = Leg.Posted(leg);
        if (isDebit)
        {
            DebitsPending += pending;
            DebitsPosted += posted;
        }
        else
        {
            CreditsPending += pending;
            CreditsPosted += posted;
        }

        if (Leg.Moves(leg) && effect is not null)
        {
            Entries.Add(new ReferenceEntry(place, effect, isDebit, DebitsPosted, CreditsPosted));
        }

        if (DebitsPending < 0 || CreditsPending < 0)
        {
            Complain(Rule.Holds, $"has less than nothing pending after {transfer.Id}");
        }
    }

    /// <summary>Whether its limits hold, reserved money included.</summary>
    public void CheckLimits()
    {
        if (DebitAllowance is not null && DebitRoom < 0)
        {
            Complain(Rule.Limits, $"has {-DebitRoom} more debits than its limit allows: {Counters}");
        }

        if (CreditAllowance is not null && CreditRoom < 0)
        {
            Complain(Rule.Limits, $"has {-CreditRoom} more credits than its limit allows: {Counters}");
        }
    }

    private void Resolve(ResolvedLeg leg, Transfer transfer)
    {
        var id = transfer.HoldId.Value;
        if (FindHold(id) is not { } hold)
        {
            Complain(Rule.Holds, $"resolves the hold {transfer.HoldId} by {transfer.Id}, which is not live");
            return;
        }

        if (hold.Remaining != (Int128)leg.HoldRemaining.Value)
        {
            Complain(
                Rule.Holds,
                $"resolves the hold {transfer.HoldId} by {transfer.Id}, which was decided on {leg.HoldRemaining} left "
                    + $"and has {hold.Remaining}");
        }

        var isVoid = transfer.ReleasesHold;
        if ((Int128)leg.Amount.Value > hold.Remaining)
        {
            Complain(
                Rule.Holds,
                $"posts {leg.Amount} by {transfer.Id} of the hold {transfer.HoldId}, which has {hold.Remaining}");
        }

        hold.Remaining -= Leg.Released(leg);
        if (hold.Remaining > 0)
        {
            return;
        }

        holds!.Remove(id);
        if (isVoid && Closes(hold.Transfer))
        {
            ClosedByHold = false;
        }
    }

    private bool Closes(Transfer hold) => (hold.Flags
        & (hold.DebitAccount == Address ? TransferFlags.ClosingDebit : TransferFlags.ClosingCredit)) != TransferFlags
            .None;
}

/// <summary>What a leg does, told by its flags and amounts alone.</summary>
internal static class Leg
{
    private const TransferFlags NotMoving = TransferFlags.Pending | TransferFlags.VoidPending;

    public static bool Holds(ResolvedLeg leg) => leg.Transfer!.Kind == TransferKind.Hold;

    public static bool Moves(ResolvedLeg leg) => (leg.Transfer!.Flags & NotMoving) == TransferFlags.None;

    public static Int128 Held(ResolvedLeg leg) => Holds(leg) ? (Int128)leg.Amount.Value : 0;

    public static Int128 Posted(ResolvedLeg leg) => Moves(leg) ? (Int128)leg.Amount.Value : 0;

    public static Int128 Released(ResolvedLeg leg)
    {
        if (!leg.Transfer!.ResolvesHold)
        {
            return 0;
        }

        var keeps = leg.Transfer.KeepRest;
        return (Int128)(keeps && leg.Amount < leg.HoldRemaining ? leg.Amount.Value : leg.HoldRemaining.Value);
    }

    public static bool Concerns(ResolvedLeg leg, AccountAddress account) => leg.Transfer is { } transfer
        ? transfer.DebitAccount == account || transfer.CreditAccount == account
        : leg.Opening!.Address == account;
}
