namespace Ledger.Core;

/// <summary>Who waits for an answer. Opaque to the core.</summary>
/// <param name="ReplyTo">The shell's own address of the caller.</param>
/// <param name="Correlation">The caller's number for the call.</param>
public readonly record struct Caller(object? ReplyTo, long Correlation);

/// <summary>What is sent to an account.</summary>
public abstract record AccountMessage;

/// <summary>A call of a client, answered to its caller.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">When the caller stops waiting; a command that comes later is refused.</param>
public abstract record AccountCall(Caller Caller, LedgerTime Deadline) : AccountMessage;

/// <summary>Opens the account. Answered by <see cref="OpenAccountAnswer"/>.</summary>
/// <param name="Spec">What it is opened with.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
public sealed record OpenAccountCall(AccountSpec Spec, Caller Caller, LedgerTime Deadline)
    : AccountCall(Caller, Deadline);

/// <summary>Posts a transfer of which this account is the anchor. Answered by <see cref="TransferAnswer"/>.</summary>
/// <param name="Transfer">The transfer; its shape has been checked.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
public sealed record PostTransferCall(Transfer Transfer, Caller Caller, LedgerTime Deadline)
    : AccountCall(Caller, Deadline);

/// <summary>Reads the account. Answered by <see cref="AccountAnswer"/>.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
public sealed record GetAccountCall(Caller Caller, LedgerTime Deadline) : AccountCall(Caller, Deadline);

/// <summary>Looks a transfer up. Answered by <see cref="TransferRecordAnswer"/>.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
public sealed record GetTransferCall(TransferId Id, Caller Caller, LedgerTime Deadline) : AccountCall(Caller, Deadline);

/// <summary>Makes the journal hold all that the account knows, so that its statement can be read from there. Answered by
/// <see cref="StatementFenceAnswer"/>.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
public sealed record StatementFenceCall(Caller Caller, LedgerTime Deadline) : AccountCall(Caller, Deadline);

/// <summary>Anchor to closer: commit, or refuse, for ever. Sent only once the anchor's preparation is durable.</summary>
/// <param name="Transfer">The transfer.</param>
/// <param name="DebitAsset">The asset of the debit account.</param>
public sealed record CloseRequest(Transfer Transfer, Asset DebitAsset) : AccountMessage;

/// <summary>Closer to anchor: what its journal holds about a transfer.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="Digest">The digest of the content that was asked about.</param>
/// <param name="Reason"><see cref="TransferStatus.Created"/> when committed, else why it was refused.</param>
/// <param name="Time">When.</param>
/// <param name="Seen">For a refusal, the balances that the closer saw.</param>
public sealed record CloseAnswer(
    TransferId Id, UInt128 Digest, TransferStatus Reason, LedgerTime Time, Balances? Seen) : AccountMessage;

/// <summary>Anchor to closer, on the refusal path only: which reason would you have? Changes nothing (R15).</summary>
/// <param name="Transfer">The transfer.</param>
/// <param name="DebitAsset">The asset of the debit account.</param>
public sealed record TrialRequest(Transfer Transfer, Asset DebitAsset) : AccountMessage;

/// <summary>Closer to anchor: the reason that it would have.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="Digest">The digest of the content that was asked about.</param>
/// <param name="Reason">The reason, or <see cref="TransferStatus.None"/>.</param>
public sealed record TrialAnswer(TransferId Id, UInt128 Digest, TransferStatus Reason) : AccountMessage;

/// <summary>Wakes an account, which then resolves what is in doubt on it. Has no answer.</summary>
public sealed record Poke : AccountMessage;

/// <summary>What a call is answered with.</summary>
public abstract record AccountAnswerBase;

/// <summary>Answers <see cref="OpenAccountCall"/>.</summary>
/// <param name="Result">What became of it.</param>
public sealed record OpenAccountAnswer(OpenAccountResult Result) : AccountAnswerBase;

/// <summary>Answers <see cref="PostTransferCall"/>.</summary>
/// <param name="Result">What became of it.</param>
public sealed record TransferAnswer(TransferResult Result) : AccountAnswerBase;

/// <summary>Answers <see cref="GetAccountCall"/>.</summary>
/// <param name="View">The account; null when it does not exist.</param>
public sealed record AccountAnswer(AccountView? View) : AccountAnswerBase;

/// <summary>Answers <see cref="GetTransferCall"/>.</summary>
/// <param name="Record">The transfer; null when the account never took part in it.</param>
public sealed record TransferRecordAnswer(TransferRecord? Record) : AccountAnswerBase;

/// <summary>Answers <see cref="StatementFenceCall"/>.</summary>
/// <param name="Exists">Whether the account exists.</param>
/// <param name="SequenceNr">The last journal row; all of the statement is at or before it.</param>
/// <param name="EntryCount">How many entries there are.</param>
public sealed record StatementFenceAnswer(bool Exists, long SequenceNr, ulong EntryCount) : AccountAnswerBase;

/// <summary>A call failed.</summary>
/// <param name="Reason">Why.</param>
public sealed record CallFailed(CallFailure Reason) : AccountAnswerBase;

/// <summary>Why a call failed.</summary>
public enum CallFailure
{
    /// <summary>The deadline had passed before anything was done.</summary>
    DeadlineExpired,

    /// <summary>The account works on too many calls.</summary>
    Overloaded,

    /// <summary>The journal could not confirm a write, or could not be read: the outcome is unknown.</summary>
    JournalUnavailable,

    /// <summary>The account goes to sleep or moves to another node: the outcome is unknown, and asking again helps.</summary>
    Moving,
}

/// <summary>Asks the journal about an id that memory can't answer (R4).</summary>
/// <param name="Id">The id.</param>
/// <param name="SequenceNr">The row that holds its content where that is known; else 0: search the stream.</param>
/// <param name="UpTo">The last row to search.</param>
/// <param name="NotBefore">No row whose last event is earlier holds its content.</param>
/// <param name="NotAfter">No row whose first event is later holds its content; the outcome may be in a later one.</param>
public sealed record IdLookup(
    TransferId Id, long SequenceNr, long UpTo, LedgerTime NotBefore, LedgerTime NotAfter);

/// <summary>What the journal holds about an id.</summary>
/// <param name="Transfer">Its content.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, or the reason of its rejection.</param>
/// <param name="Time">When it was decided.</param>
/// <param name="Seen">For a rejection, the balances that were seen.</param>
public sealed record IdFound(Transfer Transfer, TransferStatus Status, LedgerTime Time, Balances? Seen);

/// <summary>Folds journal rows into what they say about one id. Feed it rows in order.</summary>
/// <param name="id">The id.</param>
public sealed class IdSearch(TransferId id)
{
    private Transfer? content;

    /// <summary>What was found, once it is decided.</summary>
    public IdFound? Found { get; private set; }

    /// <summary>The content, as soon as it is seen.</summary>
    public Transfer? Content => Found?.Transfer ?? content;

    /// <summary>The transfer that an event is about; null for none.</summary>
    /// <param name="happened">The event.</param>
    public static TransferId? IdOf(AccountEvent happened) => happened switch
    {
        TransferPrepared prepared => prepared.Transfer.Id,
        AnchorCommitted committed => committed.Id,
        TransferAborted aborted => aborted.Id,
        TransferRejected rejected => rejected.Transfer.Id,
        CloserCommitted closed => closed.Transfer.Id,
        CloserRefused refused => refused.Transfer.Id,
        _ => null,
    };

    /// <summary>Folds one row.</summary>
    /// <param name="events">Its events.</param>
    public void Add(IEnumerable<AccountEvent> events)
    {
        foreach (var happened in events)
        {
            if (IdOf(happened) == id)
            {
                Add(happened);
            }
        }
    }

    /// <summary>Folds one event about the id.</summary>
    /// <param name="happened">The event.</param>
    public void Add(AccountEvent happened)
    {
        switch (happened)
        {
            case TransferPrepared prepared:
                content = prepared.Transfer;
                break;
            case AnchorCommitted committed when content is not null:
                Found = new IdFound(content, TransferStatus.Created, committed.CommitTime, null);
                break;
            case TransferAborted aborted when content is not null:
                Found = new IdFound(content, aborted.Reason, aborted.At, aborted.Seen);
                break;
            case TransferRejected rejected:
                Found = new IdFound(rejected.Transfer, rejected.Reason, rejected.At, rejected.Seen);
                break;
            case CloserCommitted closed:
                Found = new IdFound(closed.Transfer, TransferStatus.Created, closed.At, null);
                break;
            case CloserRefused refused:
                Found = new IdFound(refused.Transfer, refused.Reason, refused.At, refused.Seen);
                break;
            default:
                break;
        }
    }
}
