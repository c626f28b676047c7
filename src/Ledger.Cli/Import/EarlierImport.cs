using System.Globalization;
using System.Numerics;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>Compares a transaction of the file with what the ledger has under its key.</summary>
internal static class EarlierImport
{
    /// <summary>The metadata of a description that is too long for a reference.</summary>
    public const string DescriptionKey = "description";

    private const int ShownMax = 40;

    /// <summary>What differs, as <c>another amount (100 before, 120 now)</c>; empty where it is the same, in whatever
    /// order its postings stand.</summary>
    /// <param name="before">What was booked, with the entry in the register first.</param>
    /// <param name="now">What the file has.</param>
    public static IReadOnlyList<string> Differences(Transaction before, PlannedTransaction now)
    {
        var old = before.Legs.Skip(1).Select(static leg => leg.Transfer).OfType<Transfer>().ToList();
        var planned = now.Transfers.Select(static one => one.Transfer).ToList();
        var found = new List<string>();
        if (old.Count > 0 && planned.Count > 0)
        {
            Compare(found, "date", Date(old[0]), Date(planned[0]));
            Compare(found, "description", Description(old[0]), Description(planned[0]));
            Compare(found, "code", Code(old[0]), Code(planned[0]));
        }

        var (balancesBefore, balancesNow) = (Effect(old), Effect(planned));
        if (balancesBefore.SequenceEqual(balancesNow))
        {
            return found;
        }

        if (old.Count == planned.Count)
        {
            CompareTransfers(found, old, planned);
        }
        else
        {
            foreach (var account in balancesBefore.Keys.Union(balancesNow.Keys, StringComparer.Ordinal))
            {
                Compare(found, $"amount on {account}", Number(balancesBefore, account), Number(balancesNow, account));
            }
        }

        return found;
    }

    private static void CompareTransfers(List<string> found, List<Transfer> old, List<Transfer> planned)
    {
        // Each kind once: the first that differs shows what was edited.
        foreach (var (what, of) in new (string, Func<Transfer, string>)[]
        {
            ("amount", static one => one.Amount.ToString(CultureInfo.InvariantCulture)),
            ("asset", static one => one.Asset),
            ("debit account", static one => one.DebitAccount),
            ("credit account", static one => one.CreditAccount),
        })
        {
            var place = Enumerable.Range(0, old.Count).FirstOrDefault(i => of(old[i]) != of(planned[i]), -1);
            if (place >= 0)
            {
                Compare(found, what, of(old[place]), of(planned[place]));
            }
        }
    }

    // What a transaction does to each account.
    private static SortedDictionary<string, BigInteger> Effect(List<Transfer> transfers)
    {
        var effect = new SortedDictionary<string, BigInteger>(StringComparer.Ordinal);
        foreach (var transfer in transfers)
        {
            Add(transfer.DebitAccount, transfer.Amount);
            Add(transfer.CreditAccount, -(BigInteger)transfer.Amount);
        }

        return effect;

        void Add(string account, BigInteger amount) =>
            effect[account] = effect.GetValueOrDefault(account) + amount;
    }

    private static void Compare(List<string> found, string what, string before, string now)
    {
        if (!string.Equals(before, now, StringComparison.Ordinal))
        {
            found.Add($"another {what} ({Short(before)} before, {Short(now)} now)");
        }
    }

    private static string Number(SortedDictionary<string, BigInteger> effect, string account) =>
        effect.GetValueOrDefault(account).ToString(CultureInfo.InvariantCulture);

    private static string Date(Transfer transfer) => Names.Of(transfer.EffectiveTime).Replace("T00:00:00Z", "");

    private static string Description(Transfer transfer) =>
        transfer.Metadata.TryGetValue(DescriptionKey, out var text) ? text : transfer.Reference;

    private static string Code(Transfer transfer) => transfer.Code.ToString(CultureInfo.InvariantCulture);

    private static string Short(string text) =>
        text.Length == 0 ? "none" : text.Length <= ShownMax ? text : text[..ShownMax] + "…";
}
