using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>What an account is asked to do in a transaction: all of its legs at the coordinator, elsewhere those that
/// concern the account. Immutable.</summary>
internal sealed record TransactionBranch
{
    private Memo? memo;

    /// <summary>The transaction's id; of a transfer alone, the transfer's.</summary>
    public required TransferId Id { get; init; }

    /// <summary>0 for the first attempt. An attempt that met something in doubt is abandoned for ever, and made again
    /// under another number: one that the coordinator has never used.</summary>
    public long Attempt { get; init; }

    /// <summary>The account that coordinates.</summary>
    public required AccountAddress Coordinator { get; init; }

    /// <summary>The asset of the coordinator; none when it does not exist. Not a part of what is stored or
    /// compared.</summary>
    public Asset CoordinatorAsset { get; init; }

    /// <summary>How many legs the transaction has.</summary>
    public required int LegCount { get; init; }

    /// <summary>The digest of the request as the client made it.</summary>
    public required UInt128 Asked { get; init; }

    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named. It is stored by every
    /// account that takes part, and not a part of what is compared: who asks again is not asking for something
    /// else.</summary>
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

    /// <summary>Whether it is one transfer that posts at once and takes nothing back, at its first attempt: what most
    /// are, and what must cost least.</summary>
    internal bool IsPlain => Attempt == 0 && LegCount == 1
        && Legs is [{ Transfer: { Flags: TransferFlags.None, Reverses.IsNil: true } transfer }] && transfer.Id == Id;

    // `with` copies the memo to a part with other content, so it names its owner.
    private Memo OwnMemo => memo is { } known && ReferenceEquals(known.Owner, this) ? known : memo = new Memo(this);

    /// <summary>Whether it is one transfer, known by the transfer's own id.</summary>
    public bool IsAlone => LegCount == 1 && Legs is [{ Transfer: { } transfer }] && transfer.Id == Id;

    /// <summary>What a client asks for, as it came: a transfer alone.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="coordinator">The account that is asked.</param>
    /// <param name="asset">Its asset; none when it does not exist.</param>
    /// <param name="principal">Who asks.</param>
    internal static TransactionBranch Of(
        Transfer transfer, AccountAddress coordinator, Asset asset, string principal) => new()
    {
        Principal = principal,
        Id = transfer.Id,
        Coordinator = coordinator,
        CoordinatorAsset = asset,
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    /// <summary>What a client asks for, as it came: a transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="coordinator">The account that is asked.</param>
    /// <param name="principal">Who asks.</param>
    internal static TransactionBranch Of(Transaction transaction, AccountAddress coordinator, string principal) => new()
    {
        Principal = principal,
        Id = transaction.Id,
        Coordinator = coordinator,
        LegCount = transaction.Legs.Length,
        Asked = TransferContent.DigestOf(transaction),
        Legs = [.. transaction.Legs.Select(static (leg, index) => new ResolvedLeg(index, leg.Transfer, leg.Opening)
        {
            IfMissing = leg.IfMissing,
            Amount = leg.Transfer?.Amount ?? Amount.Zero,
        })],
    };

    /// <summary>Whether an account decides a leg, and knows the ids that it names. The resolution of a hold that stands
    /// alone is coordinated where the hold is debited, whatever accounts it names.</summary>
    /// <param name="account">The account.</param>
    /// <param name="leg">The leg.</param>
    internal bool IsDecidedBy(AccountAddress account, ResolvedLeg leg) =>
        leg.Concerns(account) || (IsAlone && leg.Transfer is { ResolvesHold: true });

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

    /// <summary>The transfer of its legs that makes a hold; null where none does.</summary>
    /// <param name="hold">The hold.</param>
    internal Transfer? FindHold(TransferId hold)
    {
        foreach (var leg in Legs)
        {
            if (leg.IsHold && leg.Transfer is { } transfer && transfer.Id == hold)
            {
                return transfer;
            }
        }

        return null;
    }

    /// <summary>The accounts that take part, besides the coordinator, in the order of the legs. The last one is the
    /// last agent.</summary>
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
            one => one.Value.Count == Legs.Length
                ? this
                : this with { Legs = one.Value.ToImmutable(), DigestOfWhole = Digest });

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
