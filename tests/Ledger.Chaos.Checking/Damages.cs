namespace Ledger.Chaos.Checking;

/// <summary>What was told while accounts could not be read, and who fell silent without a cause.</summary>
internal sealed class Damages(HistoryFile history, Findings findings)
{
    private const string Halted = "LEDGER_HALTED";
    private const string JournalUnavailable = "JOURNAL_UNAVAILABLE";
    private const string InDoubt = "ACCOUNT_IN_DOUBT";

    // The one fault that has the database lose what it acknowledged.
    private const string Loss = "database-behind";

    // Fewer reads tell nothing about how many are answered.
    private const int ReadsMin = 10;

    public void Check()
    {
        foreach (var damage in history.Damages)
        {
            CheckDamaged(damage);
            if (damage.IsAlone)
            {
                CheckOthers(damage);
            }
        }

        CheckHalts();
        foreach (var fault in history.Faults)
        {
            if (fault.Wrong.Length > 0)
            {
                findings.Add(Rule.Operation, $"fault {fault.Number}, {fault.Kind} of {fault.Target}: {fault.Wrong}");
            }
        }
    }

    private void CheckDamaged(DamageRecord damage)
    {
        foreach (var account in damage.Accounts)
        {
            if (account.RowsBefore != account.RowsAfter)
            {
                findings.Add(
                    Rule.Unreadable,
                    $"{account.Address} could not be read, and grew from {account.RowsBefore} rows to "
                        + $"{account.RowsAfter}");
            }

            var isNamed = false;
            foreach (var call in Within(damage, damage.From))
            {
                if (!IsAbout(call, account.Address))
                {
                    continue;
                }

                if (call.Record.Outcome == CallOutcome.Ok)
                {
                    findings.Add(
                        Rule.Unreadable, $"{account.Address} could not be read by anybody, and was answered for", call);
                }

                isNamed |= call.Record.Error?.Reason == JournalUnavailable;
            }

            if (!isNamed)
            {
                findings.Add(
                    Rule.Unreadable,
                    $"{account.Address} could not be read, and none of its readers was told {JournalUnavailable}");
            }
        }

        if (damage.ReadAgain is null)
        {
            findings.Add(
                Rule.Unreadable, $"{Names(damage)} had been mended, and could not be read again by itself");
        }
    }

    private void CheckOthers(DamageRecord damage)
    {
        if (damage.OthersWritable is not { } from)
        {
            findings.Add(
                Rule.Unreadable, $"{Names(damage)} could not be read, and not all other accounts could be written");
            return;
        }

        var reads = Within(damage, from)
            .Where(call => call.Record.Kind == CallKind.Read && call.Record.Error?.Code != "CLIENT_CANCELLED"
                && !damage.Accounts.Any(account => IsAbout(call, account.Address)))
            .ToList();
        var answered = reads.Count(static call =>
            call.Record.Outcome == CallOutcome.Ok || call.Record.Error?.Reason == InDoubt);
        if (reads.Count >= ReadsMin && answered * 2 <= reads.Count)
        {
            findings.Add(
                Rule.Unreadable,
                $"{Names(damage)} could not be read, and of {reads.Count} reads of other accounts {answered} were "
                    + "answered");
        }
    }

    // A ledger that takes itself for one that has lost rows is as silent as one that has.
    private void CheckHalts()
    {
        var losses = history.Faults.Where(static fault => fault.Kind == Loss).ToList();
        foreach (var call in history.Calls)
        {
            if (call.Record.Error?.Reason == Halted
                && !losses.Exists(loss => call.Record.Complete >= loss.From
                    && call.Record.Invoke <= (loss.Recovered ?? long.MaxValue)))
            {
                findings.Add(Rule.Operation, $"a call was told {Halted}, and no database had lost anything", call);
            }
        }
    }

    private IEnumerable<Call> Within(DamageRecord damage, long from) =>
        history.Calls.Where(call => call.Record.Invoke > from && call.Record.Complete < damage.To);

    // What an account answers for alone.
    private static bool IsAbout(Call call, string address) =>
        call.Record.Kind is CallKind.Read or CallKind.Statement or CallKind.Lookup or CallKind.LookupTransaction
        && call.Record.Request.Account == address;

    private static string Names(DamageRecord damage) =>
        string.Join(" and ", damage.Accounts.Select(static account => account.Address));
}
