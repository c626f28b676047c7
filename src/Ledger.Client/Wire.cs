using System.Globalization;
using System.Numerics;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace Ledger.Client;

/// <summary>Turns the client's types into those of the wire and back.</summary>
internal static class Wire
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
            Amount = Text(transfer.Amount),
            Asset = transfer.Asset,
            Code = transfer.Code,
            Reference = transfer.Reference,
        };
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
        };
        AddAll(wire.Metadata, spec.Metadata);
        return wire;
    }

    public static string IdText(Guid id) => id.ToString("D");

    public static Timestamp ToWire(DateTimeOffset time) => Timestamp.FromDateTimeOffset(time);

    public static Transfer FromWire(V1.Transfer wire) => new()
    {
        Id = Id(wire.Id),
        DebitAccount = wire.DebitAccount,
        CreditAccount = wire.CreditAccount,
        Amount = Amount(wire.Amount),
        Asset = wire.Asset,
        Code = wire.Code,
        Reference = wire.Reference,
        Metadata = FromWire(wire.Metadata),
    };

    public static TransferOutcome FromWire(V1.TransferResult wire) => new()
    {
        Id = Id(wire.Id),
        Status = (TransferStatus)(int)wire.Status,
        CreateTime = wire.CreateTime?.ToDateTimeOffset(),
        Replayed = wire.Replayed,
        BalanceSeen = wire.BalanceSeen is null ? null : FromWire(wire.BalanceSeen),
    };

    public static TransferRecord FromWire(V1.TransferRecord wire) => new()
    {
        Transfer = FromWire(Needed(wire.Transfer, "transfer")),
        Status = (TransferStatus)(int)wire.Status,
        CreateTime = Time(wire.CreateTime),
        BalanceSeen = wire.BalanceSeen is null ? null : FromWire(wire.BalanceSeen),
    };

    public static AccountOutcome FromWire(V1.OpenAccountResult wire) =>
        new(wire.Address, (AccountStatus)(int)wire.Status, wire.CreateTime?.ToDateTimeOffset());

    public static Account FromWire(V1.Account wire) => new()
    {
        Spec = FromWire(Needed(wire.Spec, "spec")),
        CreateTime = Time(wire.CreateTime),
        Balances = FromWire(Needed(wire.Balances, "balances")),
        Balance = Signed(wire.Balance),
        AvailableDebits = wire.AvailableDebits.Length == 0 ? null : Signed(wire.AvailableDebits),
        AvailableCredits = wire.AvailableCredits.Length == 0 ? null : Signed(wire.AvailableCredits),
        EntryCount = wire.EntryCount,
        Version = wire.Version,
        IsClosed = wire.Closed,
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
    };

    private static Balances FromWire(V1.Balances wire) => new(
        Amount(wire.DebitsPending),
        Amount(wire.DebitsPosted),
        Amount(wire.CreditsPending),
        Amount(wire.CreditsPosted),
        Amount(wire.DebitsInDoubt),
        Amount(wire.CreditsInDoubt));

    private static AccountLimit? FromWire(V1.Limit? wire) =>
        wire is null ? null : new AccountLimit(Amount(wire.Allowance));

    private static V1.Limit? ToWire(AccountLimit? limit) =>
        limit is null ? null : new V1.Limit { Allowance = Text(limit.Value.Allowance) };

    private static IReadOnlyDictionary<string, string> FromWire(MapField<string, string> wire) =>
        wire.Count == 0 ? NoMetadata : new Dictionary<string, string>(wire, StringComparer.Ordinal);

    private static void AddAll(MapField<string, string> wire, IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (key, value) in metadata)
        {
            wire.Add(key, value);
        }
    }

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
