using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>Writes a history down, and sums it up as a hash.</summary>
internal sealed class Tracer(bool keepsLines) : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<string> lines = [];

    public IReadOnlyList<string> Lines => lines;

    public void Line(long now, string text)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{(now - Workload.Start) / 1e6,12:F6} {text}");
        hash.AppendData(Encoding.UTF8.GetBytes(line));
        if (keepsLines)
        {
            lines.Add(line);
        }
    }

    public string Hash() => Convert.ToHexStringLower(hash.GetCurrentHash());

    public void Dispose() => hash.Dispose();

    public static string Text(object what) => what switch
    {
        PostTransferRequest post => $"post {Text(post.Transfer)}",
        PostTransactionRequest post =>
            $"post transaction {Text(post.Transaction.Id)}{(post.IsDryRun ? " (dryRun)" : "")} "
                + $"[{string.Join("; ", post.Transaction.Legs.Select(Text))}]",
        OpenAccountRequest open => $"open {Text(open.Spec)}",
        GetTransferRequest get => $"get transfer {Text(get.Id)}",
        GetTransactionRequest get => $"get transaction {Text(get.Id)}",
        GetAccountRequest => "get account",
        ChangeAccountRequest change => $"change {change.Change}",
        ExtendHoldRequest extend => $"extend {Text(extend.HoldId)} to {Text(extend.HoldDeadline)}",
        ResolveInDoubtRequest resolve =>
            $"abort {Text(resolve.Id)}{(resolve.Found is { } found ? $", found {Text(found)}" : "")}",
        ResolveInDoubtResponse resolved =>
            $"{resolved.State} at {resolved.Coordinator}, last agent {resolved.LastAgent}",
        PostTransferResponse(var result) =>
            $"{Text(result.Id)} {result.Status} {result.Amount} at {Text(result.CreateTime)}",
        PostTransactionResponse(var result) =>
            $"{Text(result.Id)} {result.Status} leg {result.FailedLeg} at {Text(result.CreateTime)} "
                + $"[{string.Join(' ', result.Legs.Select(static leg => leg.Amount))}]",
        GetAccountResponse(var view) =>
            view is null
            ? "no account"
            : $"{Text(view.Balances)} v{view.Version}{(view.IsClosed ? " closed" : "")} {view.HoldCount} holds",
        GetTransferResponse(var record) =>
            record is null ? "no transfer"
                : $"{Text(record.Transfer)} {record.Status} {record.Amount} {record.Hold} {record.HoldRemaining}",
        GetTransactionResponse(var record) =>
            record is null ? "no transaction" : $"{Text(record.Transaction.Id)} {record.Result.Status}",
        PrepareRequest prepare => $"prepare {Text(prepare.Branch)}",
        CommitRequest close => $"{(close.Cancel ? "cancel" : "close")} {Text(close.Branch)}",
        Vote vote => $"vote {vote.Kind} {Text(vote.Key)} {vote.Refusal?.Reason}",
        CommitResponse answer =>
            $"close answer {Text(answer.Key)} {(answer.Committed ? "committed" : "refused")} {answer.Refusal?.Leg} "
                + $"{answer.Refusal?.Reason}",
        DryRunRequest dryRun => $"dry run {dryRun.Round} {Text(dryRun.Branch)}",
        DryRunResponse dryRun =>
            $"report {dryRun.Round} {Text(dryRun.Id)} {dryRun.Report.Account} "
                + $"{Text(dryRun.Report.Balances)}{(dryRun.Report.InDoubt ? " in doubt" : "")}",
        Outcome outcome => $"outcome {Text(outcome.Key)} {(outcome.Committed ? "committed" : "aborted")}",
        OutcomeAck ack => $"ack {Text(ack.Key)} by {ack.Account}",
        OutcomeRequest asked => $"what of {Text(asked.Branch.Key)}, asks {asked.Account}",
        TransactionPrepared prepared => $"PREPARED {Text(prepared.Branch)} at {Text(prepared.At)}",
        TransactionCommitted committed => $"COMMITTED {Text(committed.Key)} at {Text(committed.At)}",
        TransactionAborted aborted =>
            $"ABORTED {Text(aborted.Key)} leg {aborted.Leg} {aborted.Reason} at {Text(aborted.At)}",
        TransactionRejected rejected =>
            $"REJECTED {Text(rejected.Branch)} leg {rejected.Leg} {rejected.Reason} at {Text(rejected.At)}",
        LastAgentCommitted closed => $"CLOSED {Text(closed.Branch)} at {Text(closed.CommitTime)}",
        LastAgentRefused refused =>
            $"REFUSED {Text(refused.Branch)} leg {refused.Leg} {refused.Reason} at {Text(refused.At)}",
        AbortRecorded disowned => $"DISOWNED {Text(disowned.Key)}",
        AccountOpened opened => $"OPENED {Text(opened.Spec)}",
        AccountChanged changed => $"CHANGED {changed.Change}",
        HoldExtended extended => $"EXTENDED {Text(extended.HoldId)} to {Text(extended.Deadline)}",
        TransactionLeg leg =>
            leg.Transfer is { } transfer
            ? Text(transfer)
            : $"open {Text(leg.Opening!)}{(leg.IfMissing ? " if missing" : "")}",
        TransactionBranch part =>
            $"{Text(part.Key)}{(part.Attempt > 0 ? $" (attempt {part.Attempt} of {Text(part.Id)})" : "")} by "
            + $"{part.Coordinator} "
            + $"[{string.Join("; ", part.Legs.Select(static leg =>
                $"{leg.Index}: {(leg.Transfer is { } one ? Text(one) : Text(leg.Opening!))} = {leg.Amount}"
                + $"{(leg.HoldRemaining.IsZero ? "" : $" of {leg.HoldRemaining}")}"))}]",
        Transfer transfer =>
            $"{Text(transfer.Id)} {transfer.DebitAccount} -> {transfer.CreditAccount} "
            + $"{(transfer.Amount == Amount.MaxValue ? "max" : transfer.Amount)}"
            + $"{(transfer.Flags == TransferFlags.None ? "" : $" {transfer.Flags}")}"
            + $"{(transfer.HoldId.IsNil ? "" : $" of {Text(transfer.HoldId)}")}"
            + $"{(transfer.Reverses.IsNil ? "" : $" reverses {Text(transfer.Reverses)}")}"
            + $"{(transfer.Timeout == TimeSpan.Zero ? "" : $" for {transfer.Timeout.TotalSeconds} s")}",
        AccountSpec spec =>
            $"{spec.Address} "
                + $"{spec.Asset}{(spec.DebitsMustNotExceedCredits is { } d ? $" debits<=credits+{d}" : "")}"
                + $"{(spec.CreditsMustNotExceedDebits is { } c ? $" credits<=debits+{c}" : "")}",
        Balances b =>
            $"d {b.DebitsPending}/{b.DebitsPosted} c {b.CreditsPending}/{b.CreditsPosted} doubt "
                + $"{b.DebitsInDoubt}/{b.CreditsInDoubt}",
        TransferId id => id.ToString() is var text ? $"{text[..8]}.{text[^5..]}" : "",
        LedgerTime time =>
            time == LedgerTime.MaxValue
            ? "never"
            : string.Create(CultureInfo.InvariantCulture, $"{(time.UnixMicroseconds - Workload.Start) / 1e6:F6}"),
        _ => what.ToString() ?? "",
    };
}
