using System.Globalization;
using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Running;

/// <summary>Says in this ledger's words what a table says in TigerBeetle's. README.md lists the pairs.</summary>
internal static class Vocabulary
{
    /// <summary>What stands for the account id 2^128-1, which no account may have.</summary>
    public static readonly AccountAddress ReservedAddress = AccountAddress.Parse("_max_");

    private const string FlagsKey = "flags";
    private const string UserData64Key = "ud64";
    private const string UserData32Key = "ud32";

    public static AccountAddress Address(UInt128 id) => id switch
    {
        _ when id == UInt128.Zero => default,
        _ when id == UInt128.MaxValue => ReservedAddress,
        _ => AccountAddress.Parse("a" + Number(id)),
    };

    public static Balances Balances(Counters counters) => new(
        new Amount(counters.DebitsPending), new Amount(counters.DebitsPosted), new Amount(counters.CreditsPending),
        new Amount(counters.CreditsPosted), Amount.Zero, Amount.Zero);

    public static TransactionLeg Leg(EventRow row) => row switch
    {
        AccountRow account => TransactionLeg.Open(Spec(account)),
        TransferRow transfer => TransactionLeg.Of(Transfer(transfer)),
        _ => throw new InvalidOperationException($"{row.GetType().Name} creates nothing."),
    };

    public static AccountSpec Spec(AccountRow row) => new(Address(row.Id), AssetOf(row.Ledger), row.Code)
    {
        Reference = Reference(row),
        Metadata = MetadataOf(row),
        DebitsMustNotExceedCredits = row.DebitsMustNotExceedCredits ? Amount.Zero : null,
        CreditsMustNotExceedDebits = row.CreditsMustNotExceedDebits ? Amount.Zero : null,
        IsClosed = row.Closed,
    };

    public static Transfer Transfer(TransferRow row) => new(
        new TransferId(row.Id), Address(row.DebitAccount), Address(row.CreditAccount), new Amount(row.Amount), row.Code)
    {
        Asset = AssetOf(row.Ledger),
        Reference = Reference(row),
        Metadata = MetadataOf(row),
        Flags = Flags(row),
        HoldId = new TransferId(row.PendingId),
        Timeout = TimeSpan.FromSeconds((long)row.TimeoutSeconds),
    };

    /// <summary>The flags that a table's events keep and this ledger's do not: a chain belongs to the request here, and
    /// every account has its history. As TigerBeetle tells events apart by them, they are kept as data of the caller's
    /// own.</summary>
    public static string FlagsOf(EventRow row) => (row.Linked, row is AccountRow { History: true }) switch
    {
        (true, true) => "linked history",
        (true, false) => "linked",
        (false, true) => "history",
        _ => "",
    };

    private static Asset AssetOf(uint ledger) => ledger == 0 ? default : Asset.Parse($"L{Number(ledger)}/0");

    private static string Reference(EventRow row) => row.UserData128 == UInt128.Zero ? "" : Number(row.UserData128);

    private static Metadata MetadataOf(EventRow row)
    {
        var pairs = new List<KeyValuePair<string, string>>(3);
        Add(FlagsKey, FlagsOf(row));
        Add(UserData64Key, row.UserData64 == 0 ? "" : Number(row.UserData64));
        Add(UserData32Key, row.UserData32 == 0 ? "" : Number(row.UserData32));
        return Metadata.Of(pairs);

        void Add(string key, string value)
        {
            if (value.Length > 0)
            {
                pairs.Add(new(key, value));
            }
        }
    }

    private static TransferFlags Flags(TransferRow row) =>
        When(row.Pending, TransferFlags.Pending)
        | When(row.PostPending, TransferFlags.PostPending)
        | When(row.VoidPending, TransferFlags.VoidPending)
        | When(row.BalancingDebit, TransferFlags.BalancingDebit)
        | When(row.BalancingCredit, TransferFlags.BalancingCredit)
        | When(row.ClosingDebit, TransferFlags.ClosingDebit)
        | When(row.ClosingCredit, TransferFlags.ClosingCredit);

    private static TransferFlags When(bool isSet, TransferFlags flag) => isSet ? flag : TransferFlags.None;

    private static string Number(UInt128 number) => number.ToString(CultureInfo.InvariantCulture);
}
