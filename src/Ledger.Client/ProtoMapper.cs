using System.Globalization;
using System.Numerics;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace Ledger.Client;

/// <summary>Turns the client's types into those of the wire and back.</summary>
internal static class ProtoMapper
{
    public static readonly IReadOnlyDictionary<string, string> NoMetadata =
        System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;

    public static V1.Transfer ToWire(Transfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        var wire = new V1.Transfer
        {
            Id = IdText(transfer.Id),
            DebitAccount = transfer.DebitAccount,
            CreditAccount = transfer.CreditAccount,
            Amount = AmountText(transfer),
            Asset = transfer.Asset,
            Code = transfer.Code,
            Reference = transfer.Reference,
            Kind = (V1.TransferKind)(int)transfer.Kind,
            HoldId = OptionalIdText(transfer.HoldId),
            BalancingDebit = transfer.BalancingDebit,
            BalancingCredit = transfer.BalancingCredit,
            ClosingDebit = transfer.ClosingDebit,
            ClosingCredit = transfer.ClosingCredit,
            KeepRest = transfer.KeepRest,
            OpenAccounts = transfer.OpenAccounts,
            Reverses = OptionalIdText(transfer.Reverses),
            Reason = transfer.Reason,
        };
        if (transfer.Timeout != TimeSpan.Zero)
        {
            wire.Timeout = Duration.FromTimeSpan(transfer.Timeout);
        }

        if (transfer.EffectiveTime is { } effective)
        {
            wire.EffectiveTime = ToWire(effective);
        }

        AddAll(wire.Metadata, transfer.Metadata);
        return wire;
    }

    public static V1.AccountSpec ToWire(AccountSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var wire = new V1.AccountSpec
        {
            Address = spec.Address,
            Asset = spec.Asset,
            Code = spec.Code,
            Reference = spec.Reference,
            DebitsMustNotExceedCredits = ToWire(spec.DebitsMustNotExceedCredits),
            CreditsMustNotExceedDebits = ToWire(spec.CreditsMustNotExceedDebits),
            Closed = spec.IsClosed,
        };
        AddAll(wire.Metadata, spec.Metadata);
        return wire;
    }

    public static V1.Transaction ToWire(Transaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var wire = new V1.Transaction { Id = IdText(transaction.Id), Legs = { Capacity = transaction.Legs.Count } };
        foreach (var leg in transaction.Legs)
        {
            var (transfer, opening) = ToWire(leg);
            if (transfer is null)
            {
                wire.Legs.Add(new V1.TransactionLeg { Opening = opening });
                continue;
            }

            transfer.Id = OptionalIdText(leg.Transfer!.Id);
            wire.Legs.Add(new V1.TransactionLeg { Transfer = transfer });
        }

        return wire;
    }

    public static V1.BatchItem ToWire(BatchItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        var (transfer, opening) = ToWire(item.Leg);
        return transfer is not null
            ? new V1.BatchItem { Transfer = transfer, Linked = item.Linked }
            : new V1.BatchItem { Opening = opening, Linked = item.Linked };
    }

    public static V1.AccountFreeze ToWire(AccountFreeze freeze)
    {
        ArgumentNullException.ThrowIfNull(freeze);
        return new V1.AccountFreeze
        {
            Debits = freeze.Debits,
            Credits = freeze.Credits,
            Reason = freeze.Reason,
            EndTime = freeze.EndTime is { } end ? ToWire(end) : null,
        };
    }

    public static V1.ReverseTransactionRequest ToWire(Reversal reversal)
    {
        ArgumentNullException.ThrowIfNull(reversal);
        return new V1.ReverseTransactionRequest
        {
            Id = IdText(reversal.Id),
            Account = reversal.Account,
            TransactionId = IdText(reversal.OriginalId),
            Reason = reversal.Reason,
            Amount = reversal.Amount is { } amount ? Text(amount) : "",
            Code = reversal.Code,
            Reference = reversal.Reference,
            EffectiveTime = reversal.EffectiveTime is { } effective ? ToWire(effective) : null,
        };
    }

    public static V1.Limit? ToWire(AccountLimit? limit) =>
        limit is null ? null : new V1.Limit { Allowance = Text(limit.Value.Allowance) };

    public static string IdText(Guid id) => id.ToString("D");

    public static Timestamp ToWire(DateTimeOffset time) => Timestamp.FromDateTimeOffset(time);

    public static Transfer FromWire(V1.Transfer wire) => new()
    {
        Id = OptionalId(wire.Id),
        DebitAccount = wire.DebitAccount,
        CreditAccount = wire.CreditAccount,
        Amount = IsUpTo(wire.Kind, wire.BalancingDebit, wire.BalancingCredit) && wire.Amount.Length == 0
            ? Transfer.Unbounded
            : Amount(wire.Amount),
        Asset = wire.Asset,
        Code = wire.Code,
        Reference = wire.Reference,
        Metadata = FromWire(wire.Metadata),
        Kind = (TransferKind)(int)wire.Kind,
        HoldId = OptionalId(wire.HoldId),
        Timeout = Timeout(wire.Timeout),
        BalancingDebit = wire.BalancingDebit,
        BalancingCredit = wire.BalancingCredit,
        ClosingDebit = wire.ClosingDebit,
        ClosingCredit = wire.ClosingCredit,
        KeepRest = wire.KeepRest,
        OpenAccounts = wire.OpenAccounts,
        Reverses = OptionalId(wire.Reverses),
        Reason = wire.Reason,
        EffectiveTime = wire.EffectiveTime?.ToDateTimeOffset(),
    };

    public static Transaction FromWire(V1.Transaction wire) => new()
    {
        Id = OptionalId(wire.Id),
        Legs = [.. wire.Legs.Select(FromWire)],
    };

    /// <summary>Refuses a transfer whose amount was left out where the ledger would: here it would become 0.</summary>
    public static void CheckAmounts(V1.Transaction wire)
    {
        foreach (var leg in wire.Legs)
        {
            if (leg.Transfer is { Amount.Length: 0, Kind: not V1.TransferKind.VoidHold } transfer
                && !IsUpTo(transfer.Kind, transfer.BalancingDebit, transfer.BalancingCredit))
            {
                throw new FormatException("a transfer has no amount.");
            }
        }
    }

    public static TransactionResult FromWire(V1.TransactionResult wire) => new()
    {
        Id = Id(wire.Id),
        Status = (TransferStatus)(int)wire.Status,
        FailedLeg = wire.HasFailedLeg ? wire.FailedLeg : null,
        CreateTime = wire.CreateTime?.ToDateTimeOffset(),
        Replayed = wire.Replayed,
        Position = wire.Position,
        AccountsAfter = [.. wire.AccountsAfter.Select(static after => FromWire(after)!)],
        BalanceSeen = wire.BalanceSeen is null ? null : FromWire(wire.BalanceSeen),
        Legs =
        [
            .. wire.Legs.Select(static leg => new LegResult(
                OptionalId(leg.TransferId),
                (TransferStatus)(int)leg.TransferStatus,
                (AccountStatus)(int)leg.AccountStatus,
                OptionalAmount(leg.Amount))),
        ],
    };

    public static TransactionRecord FromWire(V1.TransactionRecord wire) => new(
        FromWire(Needed(wire.Transaction, "transaction")), FromWire(Needed(wire.Result, "result")))
    {
        Principal = wire.Principal,
        IsAbridged = wire.Abridged,
    };

    public static BatchItemResult FromWire(V1.BatchItemResult wire) => wire switch
    {
        { Transfer: { } transfer } => new BatchItemResult(FromWire(transfer), null),
        { Opening: { } opening } => new BatchItemResult(null, FromWire(opening)),
        _ => throw new FormatException("an item has no outcome."),
    };

    public static AccountChangeResult FromWire(V1.AccountChangeResult wire) => new(
        (AccountStatus)(int)wire.Status, wire.Account is null ? null : FromWire(wire.Account))
    {
        Position = wire.Position,
    };

    public static ExtendHoldResult FromWire(V1.ExtendHoldResult wire) => new(
        Id(wire.HoldId), (TransferStatus)(int)wire.Status, wire.ExpireTime?.ToDateTimeOffset())
    {
        Position = wire.Position,
    };

    public static TransferResult FromWire(V1.TransferResult wire) => new()
    {
        Id = Id(wire.Id),
        Status = (TransferStatus)(int)wire.Status,
        CreateTime = wire.CreateTime?.ToDateTimeOffset(),
        Replayed = wire.Replayed,
        Position = wire.Position,
        DebitAfter = FromWire(wire.DebitAfter),
        CreditAfter = FromWire(wire.CreditAfter),
        BalanceSeen = wire.BalanceSeen is null ? null : FromWire(wire.BalanceSeen),
        Amount = OptionalAmount(wire.Amount),
    };

    public static TransferRecord FromWire(V1.TransferRecord wire) => new()
    {
        Transfer = FromWire(Needed(wire.Transfer, "transfer")),
        Status = (TransferStatus)(int)wire.Status,
        CreateTime = Time(wire.CreateTime),
        BalanceSeen = wire.BalanceSeen is null ? null : FromWire(wire.BalanceSeen),
        Amount = OptionalAmount(wire.Amount),
        TransactionId = OptionalId(wire.TransactionId),
        Principal = wire.Principal,
        Hold = wire.Hold is null
            ? null
            : new Hold(
                (HoldState)(int)wire.Hold.State, Amount(wire.Hold.Remaining), wire.Hold.ExpireTime?.ToDateTimeOffset()),
    };

    public static OpenAccountResult FromWire(V1.OpenAccountResult wire) =>
        new(wire.Address, (AccountStatus)(int)wire.Status, wire.CreateTime?.ToDateTimeOffset()) { Position =
            wire.Position };

    public static Account FromWire(V1.Account wire) => new()
    {
        Spec = FromWire(Needed(wire.Spec, "spec")),
        CreateTime = Time(wire.CreateTime),
        Balances = FromWire(wire.Doubtful?.Decided ?? Needed(wire.Balances, "balances")),
        Balance = wire.Doubtful is { } doubtful
        ? Balance(Needed(doubtful.Decided, "decided counters"))
        : Signed(wire.Balance),
        Doubt = wire.Doubtful is null ? null : FromWire(wire.Doubtful),
        AvailableDebits = wire.AvailableDebits.Length == 0 ? null : Signed(wire.AvailableDebits),
        AvailableCredits = wire.AvailableCredits.Length == 0 ? null : Signed(wire.AvailableCredits),
        EntryCount = wire.EntryCount,
        Version = wire.Version,
        IsClosed = wire.Closed,
        Freeze = FromWire(wire.Freeze),
        ClosedReason = wire.ClosedReason,
        HoldCount = wire.HoldCount,
    };

    public static V1.TransferFilter ToWire(TransferQuery query)
    {
        var wire = new V1.TransferFilter
        {
            Asset = query.Asset,
            Account = query.Account,
            Direction = (V1.Direction)(int)(query.Direction ?? EntryDirection.Unspecified),
            AccountPrefix = query.AccountPrefix,
            StartTime = query.StartTime is { } start ? ToWire(start) : null,
            EndTime = query.EndTime is { } end ? ToWire(end) : null,
            MinAmount = query.MinAmount is { } least ? Text(least) : "",
            MaxAmount = query.MaxAmount is { } most ? Text(most) : "",
            HoldId = query.HoldId is { } hold ? IdText(hold) : "",
            Reverses = query.Reverses is { } reverses ? IdText(reverses) : "",
            TransactionId = query.TransactionId is { } transaction ? IdText(transaction) : "",
            Principal = query.Principal,
        };
        wire.Ids.AddRange(query.Ids.Select(IdText));
        wire.References.AddRange(query.References);
        wire.Codes.AddRange(query.Codes);
        wire.Statuses.AddRange(query.Statuses.Select(static one => (V1.TransferStatus)(int)one));
        wire.Kinds.AddRange(query.Kinds.Select(static one => (V1.TransferKind)(int)one));
        wire.HoldStates.AddRange(query.HoldStates.Select(static one => (V1.HoldState)(int)one));
        AddAll(wire.Metadata, query.Metadata);
        return wire;
    }

    public static V1.AccountFilter ToWire(AccountSearchQuery query)
    {
        var wire = new V1.AccountFilter
        {
            AddressPrefix = query.AddressPrefix, Reference = query.Reference, Asset = query.Asset,
        };
        wire.Codes.AddRange(query.Codes);
        wire.Standings.AddRange(query.Standings.Select(static one => (V1.AccountStanding)(int)one));
        AddAll(wire.Metadata, query.Metadata);
        return wire;
    }

    public static AccountSummary FromWire(V1.AccountSummary wire) =>
        new(FromWire(Needed(wire.Spec, "spec")), Time(wire.CreateTime))
    {
        IsClosed = wire.Closed, ClosedReason = wire.ClosedReason, Freeze = FromWire(wire.Freeze),
    };

    private static AccountFreeze? FromWire(V1.AccountFreeze? wire) => wire is null
        ? null
        : new AccountFreeze
        {
            Debits = wire.Debits,
            Credits = wire.Credits,
            Reason = wire.Reason,
            EndTime = wire.EndTime?.ToDateTimeOffset(),
        };

    private static BigInteger Balance(V1.Balances wire) =>
        (BigInteger)Amount(wire.DebitsPosted) - Amount(wire.CreditsPosted);

    private static AccountDoubt FromWire(V1.DoubtfulBalances wire) => new(
        FromWire(Needed(wire.Least, "least counters")), FromWire(Needed(wire.Greatest, "greatest counters")),
        wire.TransactionCount, [.. wire.Transactions.Select(FromWire)], Time(wire.CompleteUpTo));

    public static AccountInDoubt FromWire(V1.AccountInDoubt wire) => new(wire.Address, Time(wire.Since));

    public static TransactionInDoubt FromWire(V1.TransactionInDoubt wire) => new()
    {
        Id = Id(wire.Id),
        AttemptId = Id(wire.AttemptId),
        PrepareTime = Time(wire.PrepareTime),
        Coordinator = wire.Coordinator,
        Counterparties = [.. wire.Counterparties],
        DebitsPending = Signed(wire.DebitsPending),
        DebitsPosted = Signed(wire.DebitsPosted),
        CreditsPending = Signed(wire.CreditsPending),
        CreditsPosted = Signed(wire.CreditsPosted),
    };

    public static InDoubtResolution FromWire(V1.ResolveInDoubtResponse wire) => new(
        wire.Committed, (InDoubtDecision)(int)wire.Decision, wire.Coordinator, wire.LastAgent, wire.Row, wire.Booked)
    {
        Unbooked = [.. wire.Unbooked.Select(static one => new UnbookedAccount(one.Address, one.Detail))],
    };

    public static StatementEntry FromWire(V1.Entry wire) => new()
    {
        Sequence = wire.Sequence,
        BookTime = Time(wire.BookTime),
        Transfer = FromWire(Needed(wire.Transfer, "transfer")),
        CreateTime = Time(wire.CreateTime),
        Direction = (EntryDirection)(int)wire.Direction,
        DebitsPosted = Amount(wire.DebitsPosted),
        CreditsPosted = Amount(wire.CreditsPosted),
        Balance = Signed(wire.Balance),
        Asset = wire.Asset,
    };

    private static AccountSpec FromWire(V1.AccountSpec wire) => new()
    {
        Address = wire.Address,
        Asset = wire.Asset,
        Code = wire.Code,
        Reference = wire.Reference,
        Metadata = FromWire(wire.Metadata),
        DebitsMustNotExceedCredits = FromWire(wire.DebitsMustNotExceedCredits),
        CreditsMustNotExceedDebits = FromWire(wire.CreditsMustNotExceedDebits),
        IsClosed = wire.Closed,
    };

    private static TransactionLeg FromWire(V1.TransactionLeg wire) => wire switch
    {
        { Transfer: { } transfer } => TransactionLeg.Of(FromWire(transfer)),
        { Opening: { } opening } => TransactionLeg.Open(FromWire(Needed(opening.Spec, "spec")), opening.IfMissing),
        _ => throw new FormatException("a leg is neither a transfer nor an opening."),
    };

    private static (V1.Transfer? Transfer, V1.AccountOpening? Opening) ToWire(TransactionLeg leg)
    {
        ArgumentNullException.ThrowIfNull(leg);
        return leg.Transfer is { } transfer
            ? (ToWire(transfer), null)
            : (null, new V1.AccountOpening { Spec = ToWire(leg.Opening!), IfMissing = leg.IfMissing });
    }

    private static AccountState? FromWire(V1.AccountState? wire) => wire is null
        ? null
        : new AccountState(
            wire.Address, FromWire(Needed(wire.Balances, "balances")), wire.Version, wire.EntrySequence,
            wire.AvailableDebits.Length == 0 ? null : Signed(wire.AvailableDebits),
            wire.AvailableCredits.Length == 0 ? null : Signed(wire.AvailableCredits));

    private static Balances FromWire(V1.Balances wire) => new(
        Amount(wire.DebitsPending),
        Amount(wire.DebitsPosted),
        Amount(wire.CreditsPending),
        Amount(wire.CreditsPosted),
        Amount(wire.DebitsInDoubt),
        Amount(wire.CreditsInDoubt));

    private static AccountLimit? FromWire(V1.Limit? wire) =>
        wire is null ? null : new AccountLimit(Amount(wire.Allowance));

    private static IReadOnlyDictionary<string, string> FromWire(MapField<string, string> wire) =>
        wire.Count == 0 ? NoMetadata : new Dictionary<string, string>(wire, StringComparer.Ordinal);

    private static void AddAll(MapField<string, string> wire, IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (key, value) in metadata)
        {
            wire.Add(key, value);
        }
    }

    // Where an amount is an upper bound, none is sent for no bound.
    private static string AmountText(Transfer transfer) => transfer.Amount == Transfer.Unbounded
        && IsUpTo((V1.TransferKind)(int)transfer.Kind, transfer.BalancingDebit, transfer.BalancingCredit)
        ? ""
        : Text(transfer.Amount);

    private static bool IsUpTo(V1.TransferKind kind, bool balancingDebit, bool balancingCredit) =>
        kind == V1.TransferKind.PostHold || balancingDebit || balancingCredit;

    private static TimeSpan Timeout(Duration? wire) => wire switch
    {
        null => TimeSpan.Zero,
        { Nanos: var nanos } when nanos % TimeSpan.NanosecondsPerTick != 0 =>
            throw new FormatException("a timeout is finer than 100 nanoseconds."),
        _ => wire.ToTimeSpan(),
    };

    private static string OptionalIdText(Guid id) => id == Guid.Empty ? "" : IdText(id);

    private static Guid OptionalId(string text) => text.Length == 0 ? Guid.Empty : Id(text);

    private static UInt128? OptionalAmount(string text) => text.Length == 0 ? null : Amount(text);

    private static string Text(UInt128 amount) => amount.ToString(CultureInfo.InvariantCulture);

    // Empty stands for 0, as everywhere in proto3.
    private static UInt128 Amount(string text) =>
        text.Length == 0 ? UInt128.Zero : UInt128.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    private static BigInteger Signed(string text) => text.Length == 0
        ? BigInteger.Zero
        : BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static Guid Id(string text) => Guid.Parse(text);

    private static DateTimeOffset Time(Timestamp? time) => Needed(time, "time").ToDateTimeOffset();

    private static T Needed<T>(T? value, string name)
        where T : class => value ?? throw new FormatException($"it has no {name}.");
}
