using Ledger.Conformance.Grammar;
using Ledger.Conformance.Reporting;

namespace Ledger.Conformance.Running;

/// <summary>Compares answers with the rows of one section of a table.</summary>
internal sealed class Judge(string table, Report report)
{
    private readonly StatusNames names = new();
    private readonly List<(UInt128 Timestamp, LedgerTime Time)> timestamps = [];

    public void Waive(Row row, string reason) => report.Add(new RowOutcome(table, row, Expected(row), null, reason));

    public void Fail(Row row, string actual) => report.Add(new RowOutcome(table, row, Expected(row), actual));

    public void Take(EventRow row, BatchItemResult result, string? waiver)
    {
        var name = names.Name(row, result);
        report.Add(new RowOutcome(table, row, Expected(row), name, waiver));
    }

    public void Take(LookupAccountRow row, Account? account) =>
        report.Add(new RowOutcome(table, row, Expected(row), account is null ? "not found" : Describe(account)));

    public void Take(LookupTransferRow row, TransferRecord? transfer)
    {
        // What was rejected is remembered, and is no transfer.
        var found = transfer is { Status: TransferStatus.Created or TransferStatus.Exists } ? transfer : null;
        var actual = row.Aspect switch
        {
            TransferAspect.Exists => Exists(found is not null),
            _ when found is null => "not found",
            TransferAspect.Amount => $"amount {found.Amount}",
            _ => CompareTime(row, found.CreateTime),
        };
        report.Add(new RowOutcome(table, row, Expected(row), actual));
    }

    /// <summary>Gives every row of these commits an outcome, because nothing can be asked any more.</summary>
    public void FailRest(IEnumerable<CommitStep> commits, string why)
    {
        foreach (var commit in commits)
        {
            foreach (var (row, waiver) in WithWaivers(commit))
            {
                if (waiver is null)
                {
                    Fail(row, why);
                }
                else
                {
                    Waive(row, waiver);
                }
            }
        }
    }

    private static IEnumerable<(Row Row, string? Waiver)> WithWaivers(CommitStep commit) =>
        commit.Rows.All(static row => row is EventRow)
            ? Chain.Of(commit.Rows.Cast<EventRow>()).SelectMany(
                static chain => chain.Rows.Select(row => ((Row)row, chain.Waiver)))
            : QueryRows.Counted(commit.Rows).Select(static row => (row, Waivers.Of(row)));

    // Timestamps are the ledger's own, so they are compared with each other: in the order that the table has them in.
    private string CompareTime(LookupTransferRow row, LedgerTime time)
    {
        var isInOrder = timestamps.TrueForAll(
            known => Math.Sign(row.Expected.CompareTo(known.Timestamp)) * Math.Sign(time.CompareTo(known.Time)) >= 0
                && (row.Expected != known.Timestamp || time == known.Time));
        timestamps.Add((row.Expected, time));
        return isInOrder ? Expected(row) : "another order of time";
    }

    private static string Expected(Row row) => row switch
    {
        EventRow @event => @event.Status,
        LookupAccountRow { Expected: null } => "not found",
        LookupAccountRow { Expected: { } counters } account => Describe(counters, account.Closed),
        LookupTransferRow { Aspect: TransferAspect.Exists } transfer => Exists(transfer.Expected != UInt128.Zero),
        LookupTransferRow { Aspect: TransferAspect.Amount } transfer => $"amount {transfer.Expected}",
        LookupTransferRow => "the order of time",
        _ => row.Text,
    };

    private static string Exists(bool exists) => exists ? "exists true" : "exists false";

    private static string Describe(Account account)
    {
        var (debitsPending, debitsPosted, creditsPending, creditsPosted, debitsInDoubt, creditsInDoubt) = account
            .Balances;
        var text = Describe(
            new Counters(debitsPending.Value, debitsPosted.Value, creditsPending.Value, creditsPosted.Value),
            account.IsClosed);

        // After an answer nothing that the answer is about may be in doubt.
        return debitsInDoubt.IsZero && creditsInDoubt.IsZero
            ? text
            : $"{text} in doubt {debitsInDoubt} {creditsInDoubt}";
    }

    private static string Describe(Counters counters, bool isClosed) =>
        $"{counters.DebitsPending} {counters.DebitsPosted} {counters.CreditsPending} {counters.CreditsPosted} "
        + (isClosed ? "CLSD" : "_");
}
