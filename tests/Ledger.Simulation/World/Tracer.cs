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
        var line = string.Create(CultureInfo.InvariantCulture, $"{(now - Script.Start) / 1e6,12:F6} {text}");
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
        PostTransferCall post => $"post {Text(post.Transfer)}",
        PostTransactionCall post => $"post transaction {Text(post.Transaction.Id)}{(post.IsTrial ? " (trial)" : "")} [{string.Join("; ", post.Transaction.Legs.Select(Text))}]",
        OpenAccountCall open => $"open {Text(open.Spec)}",
        GetTransferCall get => $"get transfer {Text(get.Id)}",
        GetTransactionCall get => $"get transaction {Text(get.Id)}",
        GetAccountCall => "get account",
        ChangeAccountCall change => $"change {change.Change}",
        ExtendHoldCall extend => $"extend {Text(extend.HoldId)} to {Text(extend.HoldDeadline)}",
        ResolveInDoubtCall resolve => $"abort {Text(resolve.Id)}{(resolve.Found is { } found ? $", found {Text(found)}" : "")}",
        ResolveInDoubtAnswer resolved => $"{resolved.State} at {resolved.Coordinator}, last agent {resolved.LastAgent}",
        TransferAnswer(var result) => $"{Text(result.Id)} {result.Status} {result.Amount} at {Text(result.Time)}",
        TransactionAnswer(var result) => $"{Text(result.Id)} {result.Status} leg {result.FailedLeg} at {Text(result.Time)} [{string.Join(' ', result.Legs.Select(static leg => leg.Amount))}]",
        AccountAnswer(var view) => view is null ? "no account" : $"{Text(view.Balances)} v{view.Version}{(view.Closed ? " closed" : "")} {view.HoldCount} holds",
        TransferRecordAnswer(var record) => record is null ? "no transfer" : $"{Text(record.Transfer)} {record.Status} {record.Amount} {record.Hold} {record.HoldRemaining}",
        TransactionRecordAnswer(var record) => record is null ? "no transaction" : $"{Text(record.Transaction.Id)} {record.Result.Status}",
        PrepareRequest prepare => $"prepare {Text(prepare.Part)}",
        CloseRequest close => $"{(close.Cancel ? "cancel" : "close")} {Text(close.Part)}",
        Vote vote => $"vote {vote.Kind} {Text(vote.Key)} {vote.Refusal?.Reason}",
        CloseAnswer answer => $"close answer {Text(answer.Key)} {(answer.Committed ? "committed" : "refused")} {answer.Refusal?.Leg} {answer.Refusal?.Reason}",
        TrialRequest trial => $"trial {trial.Round} {Text(trial.Part)}",
        TrialAnswer trial => $"quote {trial.Round} {Text(trial.Id)} {trial.Quote.Account} {Text(trial.Quote.Balances)}{(trial.Quote.InDoubt ? " in doubt" : "")}",
        Outcome outcome => $"outcome {Text(outcome.Key)} {(outcome.Committed ? "committed" : "aborted")}",
        OutcomeAck ack => $"ack {Text(ack.Key)} by {ack.Account}",
        OutcomeRequest asked => $"what of {Text(asked.Part.Key)}, asks {asked.Account}",
        TransactionPrepared prepared => $"PREPARED {Text(prepared.Part)} at {Text(prepared.At)}",
        TransactionCommitted committed => $"COMMITTED {Text(committed.Key)} at {Text(committed.At)}",
        TransactionAborted aborted => $"ABORTED {Text(aborted.Key)} leg {aborted.Leg} {aborted.Reason} at {Text(aborted.At)}",
        TransactionRejected rejected => $"REJECTED {Text(rejected.Part)} leg {rejected.Leg} {rejected.Reason} at {Text(rejected.At)}",
        CloserCommitted closed => $"CLOSED {Text(closed.Part)} at {Text(closed.CommitTime)}",
        CloserRefused refused => $"REFUSED {Text(refused.Part)} leg {refused.Leg} {refused.Reason} at {Text(refused.At)}",
        TransactionDisowned disowned => $"DISOWNED {Text(disowned.Key)}",
        AccountOpened opened => $"OPENED {Text(opened.Spec)}",
        AccountChanged changed => $"CHANGED {changed.Change}",
        HoldExtended extended => $"EXTENDED {Text(extended.HoldId)} to {Text(extended.Deadline)}",
        TransactionLeg leg => leg.Transfer is { } transfer ? Text(transfer) : $"open {Text(leg.Opening!)}{(leg.IfMissing ? " if missing" : "")}",
        TransactionPart part => $"{Text(part.Key)}{(part.Attempt > 0 ? $" (attempt {part.Attempt} of {Text(part.Id)})" : "")} by {part.Anchor} "
            + $"[{string.Join("; ", part.Legs.Select(static leg => $"{leg.Index}: {(leg.Transfer is { } one ? Text(one) : Text(leg.Opening!))} = {leg.Amount}{(leg.HoldRemaining.IsZero ? "" : $" of {leg.HoldRemaining}")}"))}]",
        Transfer transfer => $"{Text(transfer.Id)} {transfer.DebitAccount} -> {transfer.CreditAccount} {(transfer.Amount == Amount.MaxValue ? "max" : transfer.Amount)}"
            + $"{(transfer.Flags == TransferFlags.None ? "" : $" {transfer.Flags}")}{(transfer.PendingId.IsNil ? "" : $" of {Text(transfer.PendingId)}")}"
            + $"{(transfer.Reverses.IsNil ? "" : $" reverses {Text(transfer.Reverses)}")}{(transfer.Timeout == TimeSpan.Zero ? "" : $" for {transfer.Timeout.TotalSeconds} s")}",
        AccountSpec spec => $"{spec.Address} {spec.Asset}{(spec.DebitsMustNotExceedCredits is { } d ? $" debits<=credits+{d}" : "")}{(spec.CreditsMustNotExceedDebits is { } c ? $" credits<=debits+{c}" : "")}",
        Balances b => $"d {b.DebitsPending}/{b.DebitsPosted} c {b.CreditsPending}/{b.CreditsPosted} doubt {b.DebitsInDoubt}/{b.CreditsInDoubt}",
        TransferId id => id.ToString() is var text ? $"{text[..8]}.{text[^5..]}" : "",
        LedgerTime time => time == LedgerTime.MaxValue ? "never" : string.Create(CultureInfo.InvariantCulture, $"{(time.UnixMicroseconds - Script.Start) / 1e6:F6}"),
        _ => what.ToString() ?? "",
    };
}
