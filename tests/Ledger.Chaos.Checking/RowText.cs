using System.Globalization;
using System.Text;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Chaos.Checking;

/// <summary>Rows of the journal, for people.</summary>
internal static class RowText
{
    public static string Of(RowReference reference, JournalEntry? entry)
    {
        if (entry is not { } row)
        {
            return $"{reference.Account} row {reference.SequenceNr}: not there";
        }

        var text = new StringBuilder().Append(
            CultureInfo.InvariantCulture,
            $"{reference.Account} row {row.SequenceNr} (ordering {row.Ordering}, writer {row.Writer}):");
        try
        {
            var batch = JournalCodec.Decode(row.Bytes, AccountAddress.Parse(reference.Account), row.SequenceNr, out _);
            foreach (var happened in batch.Events.Take(40))
            {
                text.Append(' ').Append(Of(happened)).Append(';');
            }

            return batch.Events.Count > 40
                ? text.Append(CultureInfo.InvariantCulture, $" and {batch.Events.Count - 40} more").ToString()
                : text.ToString();
        }
        catch (Exception e) when (e is JournalCorruptException or FormatException or OverflowException)
        {
            return text.Append(" can't be read: ").Append(e.Message).ToString();
        }
    }

    private static string Of(AccountEvent happened) => happened switch
    {
        AccountOpened => "opened",
        AccountChanged changed => $"changed by {changed.Change.GetType().Name}",
        HoldExtended extended => $"extended {extended.HoldId} to {extended.Deadline.UnixMicroseconds}",
        TransactionPrepared prepared => $"prepared {Of(prepared.Branch)}",
        TransactionCommitted committed => $"committed {committed.Key}",
        TransactionAborted aborted => $"aborted {aborted.Key} {Names.Of(aborted.Reason)}",
        TransactionRejected rejected => $"rejected {Of(rejected.Branch)} {Names.Of(rejected.Reason)}",
        LastAgentCommitted closed => $"closed {Of(closed.Branch)}",
        LastAgentRefused refused => $"refused {Of(refused.Branch)} {Names.Of(refused.Reason)}",
        AbortRecorded disowned => $"disowned {disowned.Key}",
        _ => happened.GetType().Name,
    };

    private static string Of(TransactionBranch part) => part.Id
        + (part.Attempt > 0 ? $" attempt {part.Attempt}" : "")
        + string.Concat(part.Legs.Take(6).Select(static leg => leg.Transfer is { } transfer
            ? $" [{transfer.Flags} {leg.Amount} {transfer.DebitAccount}>{transfer.CreditAccount}]"
            : $" [open {leg.Opening!.Address}]"));
}
