using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>Which side bound the amount of a balancing transfer, so that it can see whether that still holds.</summary>
internal enum AmountBound
{
    /// <summary>Neither: it is the amount that was asked for.</summary>
    None,

    /// <summary>What the debit account had.</summary>
    Debit,

    /// <summary>What the credit account lacked.</summary>
    Credit,

    /// <summary>What one of them had when it was asked. On an account that never rests that is never exact, so after some
    /// attempts it is enough that as much is still there.</summary>
    Reported,
}

/// <summary>One leg as the coordinator has resolved it: nothing about it depends on anything any more. Immutable.</summary>
/// <param name="Index">Its place in the transaction, from 0.</param>
/// <param name="Transfer">The transfer, with what a post or a void took from its hold; null for an opening.</param>
/// <param name="Opening">What the account is opened with; null for a transfer.</param>
internal sealed record ResolvedLeg(int Index, Transfer? Transfer, AccountSpec? Opening)
{
    /// <summary>For an opening: whether an account that is there already is no failure.</summary>
    public bool IfMissing { get; init; }

    /// <summary>The amount that is moved, held or released.</summary>
    public Amount Amount { get; init; }

    /// <summary>For a post or a void: what the hold had left before it.</summary>
    public Amount HoldRemaining { get; init; }

    /// <summary>For a hold: when it expires; <see cref="LedgerTime.MaxValue"/> for never. Else the default value.</summary>
    public LedgerTime Deadline { get; init; }

    /// <summary>For a balancing transfer: what bound its amount.</summary>
    public AmountBound Bound { get; init; }

    /// <summary>For a post or a void that leaves reference or metadata to its hold: the row that holds the hold's content, in the
    /// stream of the account that keeps this leg; 0 where it leaves nothing, or an earlier leg makes the hold. They are read from
    /// there when they are shown, and never copied: many small resolutions would become a large row (R17). Says nothing of what
    /// is done, and is in no digest.</summary>
    public long HoldRow { get; init; }

    /// <summary>Whether it makes a hold.</summary>
    public bool IsHold => Transfer is not null && (Transfer.Flags & TransferFlags.Pending) != TransferFlags.None;

    /// <summary>Whether it moves money at once: such a leg is an entry of both statements.</summary>
    public bool IsPosting =>
        Transfer is not null && (Transfer.Flags & (TransferFlags.Pending | TransferFlags.VoidPending)) == TransferFlags.None;

    /// <summary>For a post or a void: what leaves the hold.</summary>
    public Amount Released =>
        (Transfer!.Flags & TransferFlags.KeepRest) != TransferFlags.None && Amount < HoldRemaining ? Amount : HoldRemaining;

    /// <summary>For a post or a void: what the hold has become.</summary>
    public HoldState HoldAfter => Released < HoldRemaining ? HoldState.Live
        : (Transfer!.Flags & TransferFlags.PostPending) != TransferFlags.None ? HoldState.Posted
        : (Transfer.Flags & TransferFlags.Expiry) != TransferFlags.None ? HoldState.Expired
        : HoldState.Voided;

    /// <summary>Whether an account takes part in it.</summary>
    /// <param name="account">The account.</param>
    public bool Concerns(AccountAddress account) => Transfer is { } transfer
        ? transfer.DebitAccount == account || transfer.CreditAccount == account
        : Opening!.Address == account;
}

/// <summary>What an account is asked to do in a transaction: all of its legs at the coordinator, elsewhere those that concern the
/// account. Immutable.</summary>
internal sealed record TransactionBranch
{
    private Memo? memo;

    /// <summary>The transaction's id; of a transfer alone, the transfer's.</summary>
    public required TransferId Id { get; init; }

    /// <summary>0 for the first attempt. An attempt that met something in doubt is abandoned for ever, and made again under
    /// another number: one that the coordinator has never used.</summary>
    public long Attempt { get; init; }

    /// <summary>The account that coordinates.</summary>
    public required AccountAddress Coordinator { get; init; }

    /// <summary>The asset of the coordinator; none when it does not exist. Not a part of what is stored or compared.</summary>
    public Asset CoordinatorAsset { get; init; }

    /// <summary>How many legs the transaction has.</summary>
    public required int LegCount { get; init; }

    /// <summary>The digest of the request as the client made it.</summary>
    public required UInt128 Asked { get; init; }

    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named. It is stored by every account that
    /// takes part, and not a part of what is compared: who asks again is not asking for something else.</summary>
    public string Principal { get; init; } = "";

    /// <summary>The legs, in order.</summary>
    public required ImmutableArray<ResolvedLeg> Legs { get; init; }

    /// <summary>For a slice: the digest of the whole.</summary>
    public UInt128? DigestOfWhole { get; init; }

    /// <summary>What the attempt is known by: the id, or for a later attempt one that follows from it.</summary>
    public TransferId Key => Attempt == 0 ? Id
        : OwnMemo.Key ??= DerivedId.Make(Id, "ledger.attempt.v1\0"u8, Attempt, Coordinator.Text);

    /// <summary>The digest of everything that the attempt would do.</summary>
    public UInt128 Digest => DigestOfWhole
        ?? (IsPlain ? TransferContent.DigestOf(Legs[0].Transfer!) : OwnMemo.Digest ??= TransferContent.DigestOf(this));

    /// <summary>Whether it is one transfer that posts at once and takes nothing back, at its first attempt: what most are, and
    /// what must cost least.</summary>
    internal bool IsPlain => Attempt == 0 && LegCount == 1
        && Legs is [{ Transfer: { Flags: TransferFlags.None, Reverses.IsNil: true } transfer }] && transfer.Id == Id;

    // `with` copies the memo to a part with other content, so it names its owner.
    private Memo OwnMemo => memo is { } known && ReferenceEquals(known.Owner, this) ? known : memo = new Memo(this);

    /// <summary>Whether it is one transfer, known by the transfer's own id.</summary>
    public bool IsAlone => LegCount == 1 && Legs is [{ Transfer: { } transfer }] && transfer.Id == Id;

    /// <summary>Finds a leg by its place: a slice has some of them only, in order.</summary>
    internal ResolvedLeg? FindLeg(int index)
    {
        var low = 0;
        for (var high = Legs.Length - 1; low <= high;)
        {
            var middle = (low + high) / 2;
            if (Legs[middle].Index == index)
            {
                return Legs[middle];
            }

            if (Legs[middle].Index < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return null;
    }

    /// <summary>The accounts that take part, besides the coordinator, in the order of the legs. The last one is the last agent.</summary>
    public IReadOnlyList<AccountAddress> OtherAccounts()
    {
        if (Legs is [{ Transfer: { } alone }])
        {
            return [alone.DebitAccount == Coordinator ? alone.CreditAccount : alone.DebitAccount];
        }

        var seen = new HashSet<AccountAddress> { Coordinator };
        var others = new List<AccountAddress>();
        foreach (var leg in Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                if (seen.Add(transfer.DebitAccount))
                {
                    others.Add(transfer.DebitAccount);
                }

                if (seen.Add(transfer.CreditAccount))
                {
                    others.Add(transfer.CreditAccount);
                }
            }
            else if (seen.Add(leg.Opening!.Address))
            {
                others.Add(leg.Opening.Address);
            }
        }

        return others;
    }

    /// <summary>What one account needs of it.</summary>
    /// <param name="account">The account.</param>
    public TransactionBranch SliceFor(AccountAddress account)
    {
        if (Legs.Length == 1)
        {
            return this;
        }

        var slices = OwnMemo.Slices ??= Slice();
        return slices.TryGetValue(account, out var slice) ? slice : this with { Legs = [], DigestOfWhole = Digest };
    }

    // All at once: each leg is looked at once, however many accounts there are.
    private Dictionary<AccountAddress, TransactionBranch> Slice()
    {
        var legs = new Dictionary<AccountAddress, ImmutableArray<ResolvedLeg>.Builder>();
        foreach (var leg in Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                Add(transfer.DebitAccount, leg);
                Add(transfer.CreditAccount, leg);
            }
            else
            {
                Add(leg.Opening!.Address, leg);
            }
        }

        return legs.ToDictionary(
            static one => one.Key,
            one => one.Value.Count == Legs.Length ? this : this with { Legs = one.Value.ToImmutable(), DigestOfWhole = Digest });

        void Add(AccountAddress account, ResolvedLeg leg)
        {
            if (!legs.TryGetValue(account, out var builder))
            {
                legs.Add(account, builder = ImmutableArray.CreateBuilder<ResolvedLeg>());
            }

            if (builder.Count == 0 || !ReferenceEquals(builder[^1], leg))
            {
                builder.Add(leg);
            }
        }
    }

    private sealed class Memo(TransactionBranch owner)
    {
        public TransactionBranch Owner { get; } = owner;

        public TransferId? Key { get; set; }

        public UInt128? Digest { get; set; }

        public Dictionary<AccountAddress, TransactionBranch>? Slices { get; set; }
    }

    /// <inheritdoc/>
    public bool Equals(TransactionBranch? other) =>
        other is not null && Id == other.Id && Attempt == other.Attempt && Coordinator == other.Coordinator
        && LegCount == other.LegCount && Asked == other.Asked
        && Digest == other.Digest && Legs.SequenceEqual(other.Legs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Attempt, Digest);
}

/// <summary>A live hold as one of its accounts keeps it. Immutable.</summary>
/// <param name="Transfer">The transfer that made it, without its reference and its metadata: an account may have a hundred thousand
/// holds, and nothing is decided by these. They are in the row.</param>
/// <param name="Remaining">What is left of it.</param>
/// <param name="Deadline">When it expires; <see cref="LedgerTime.MaxValue"/> for never.</param>
/// <param name="SequenceNr">The row of this stream that holds its content.</param>
/// <param name="Time">When it was made.</param>
/// <param name="TransactionId">The transaction that made it.</param>
internal sealed record Hold(
    Transfer Transfer, Amount Remaining, LedgerTime Deadline, long SequenceNr, LedgerTime Time, TransferId TransactionId)
{
    /// <summary>Whether it has a reference or metadata that a post or a void leaves to it.</summary>
    /// <param name="resolution">The post or the void.</param>
    public bool HasTextFor(Transfer resolution)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        return (resolution.Reference.Length == 0 && HasReference) || (resolution.Metadata.Pairs.IsEmpty && HasMetadata);
    }

    /// <summary>Whether the transfer that made it has a reference.</summary>
    public bool HasReference { get; init; }

    /// <summary>Whether the transfer that made it has metadata.</summary>
    public bool HasMetadata { get; init; }

    /// <summary>The row to read its reference and its metadata from; 0 where it has neither.</summary>
    public long TextRow => HasReference || HasMetadata ? SequenceNr : 0;

    /// <summary>What was held at first.</summary>
    public Amount Amount { get; init; }

    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";

    /// <summary>The id of the void that the ledger starts when the time is up; an extension makes a new one (R12). It carries the time
    /// at which it is due, so that a hold of any age expires under a young id (R22).</summary>
    public TransferId ExpiryId =>
        DerivedId.MakeAt(Deadline, Transfer.Id, "ledger.expiry.v2\0"u8, Deadline.UnixMicroseconds);
}

/// <summary>What an account knows about the ids that a leg names. Immutable.</summary>
/// <param name="Index">The leg's place.</param>
internal sealed record LegContext(int Index)
{
    /// <summary>That it knows nothing of a leg's ids.</summary>
    internal static readonly LegContext Nothing = new(0);

    /// <summary>Whether the leg's own id is decided already, and how that is to be answered; else
    /// <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus Known { get; init; }

    /// <summary>Whether it depends on what is in doubt.</summary>
    public bool InDoubt { get; init; }

    /// <summary>For a post or a void: why there is no live hold; for a hold: why there is no room for it; else
    /// <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus HoldProblem { get; init; }

    /// <summary>For a post or a void: the transfer that made the hold, where it is known; without its reference and metadata, by
    /// which nothing is decided.</summary>
    public Transfer? Pending { get; init; }

    /// <summary>For a live hold: what is left of it.</summary>
    public Amount Remaining { get; init; }

    /// <summary>For a live hold: when it expires.</summary>
    public LedgerTime Deadline { get; init; }

    /// <summary>For a correction: why the original can't be taken back; else <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus ReversalProblem { get; init; }

    /// <summary>For a correction: what can still be taken back.</summary>
    public Amount Reversible { get; init; }
}

/// <summary>An account as it shows itself to the coordinator of a transaction that is not decided. Binds nobody. Immutable.</summary>
/// <param name="Account">The account.</param>
/// <param name="Spec">What it was opened with; null when it does not exist.</param>
/// <param name="Closed">Whether a change of the account closed it.</param>
/// <param name="Freeze">Its freeze.</param>
/// <param name="Balances">Its counters.</param>
/// <param name="Load">What is in doubt on it.</param>
/// <param name="InDoubt">Whether its opening or its closing is in doubt.</param>
/// <param name="Facts">What it knows of the legs that concern it.</param>
internal sealed record AccountReport(
    AccountAddress Account, AccountSpec? Spec, bool Closed, AccountFreeze? Freeze, Balances Balances, InDoubtLoad Load,
    bool InDoubt, ImmutableArray<LegContext> Facts)
{
    /// <summary>Whether a hold closed it.</summary>
    public bool ClosedByHold { get; init; }

    /// <summary>What the account was opened with, before its limits were changed.</summary>
    public AccountSpec? OpenedWith { get; init; } = Spec;

    /// <summary>By how much the room for debits grows, at most, when all old doubt ends in its favour.</summary>
    public Amount DebitFavour { get; init; }

    /// <summary>By how much the room for credits grows, at most, when all old doubt ends in its favour.</summary>
    public Amount CreditFavour { get; init; }
}

/// <summary>What transactions in doubt would add to an account's counters, without regard to what they would take off.</summary>
/// <param name="Debits">Posted and pending debits.</param>
/// <param name="Credits">Posted and pending credits.</param>
internal readonly record struct InDoubtLoad(Amount Debits, Amount Credits)
{
    // How often each sum has passed 2^128: legs of one transaction may hold and post the same money.
    private readonly int debitWraps;
    private readonly int creditWraps;

    private InDoubtLoad(Amount debits, Amount credits, int debitWraps, int creditWraps)
        : this(debits, credits)
    {
        this.debitWraps = debitWraps;
        this.creditWraps = creditWraps;
    }

    /// <summary>What debits count in a check for overflow: no more than the largest amount.</summary>
    internal Amount DebitsAtMost => debitWraps > 0 ? Amount.MaxValue : Debits;

    /// <summary>What credits count in a check for overflow: no more than the largest amount.</summary>
    internal Amount CreditsAtMost => creditWraps > 0 ? Amount.MaxValue : Credits;

    internal InDoubtLoad AddDebit(Amount amount)
    {
        var sum = new Amount(unchecked(Debits.Value + amount.Value));
        return new InDoubtLoad(sum, Credits, debitWraps + (sum < amount ? 1 : 0), creditWraps);
    }

    internal InDoubtLoad AddCredit(Amount amount)
    {
        var sum = new Amount(unchecked(Credits.Value + amount.Value));
        return new InDoubtLoad(Debits, sum, debitWraps, creditWraps + (sum < amount ? 1 : 0));
    }

    internal InDoubtLoad TakeDebit(Amount amount) => new(
        new Amount(unchecked(Debits.Value - amount.Value)), Credits, debitWraps - (Debits < amount ? 1 : 0), creditWraps);

    internal InDoubtLoad TakeCredit(Amount amount) => new(
        Debits, new Amount(unchecked(Credits.Value - amount.Value)), debitWraps, creditWraps - (Credits < amount ? 1 : 0));
}
