namespace Ledger.Core;

/// <summary>What is sent to an account.</summary>
internal abstract record AccountMessage;

/// <summary>A call of a client, answered to its caller.</summary>
/// <param name="ReplyTo">Who waits.</param>
/// <param name="Deadline">When the caller stops waiting; a command that comes later is refused.</param>
internal abstract record AccountRequest(ReplyTarget ReplyTo, LedgerTime Deadline) : AccountMessage
{
    /// <summary>For a write: who asks for it, see <see cref="Principals"/>; empty where nobody is named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>Opens the account. Answered by <see cref="OpenAccountResponse"/>.</summary>
/// <param name="Spec">What it is opened with.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record OpenAccountRequest(AccountSpec Spec, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Posts a transfer of which this account is the coordinator. Answered by
/// <see cref="PostTransferResponse"/>.</summary>
/// <param name="Transfer">The transfer; its shape has been checked.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record PostTransferRequest(Transfer Transfer, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline)
{
    /// <summary>Whether the answer is to say how its accounts are right after it.</summary>
    public bool ReturnBalances { get; init; }
}

/// <summary>Reads the account. Answered by <see cref="GetAccountResponse"/>.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record GetAccountRequest(ReplyTarget Caller, LedgerTime Deadline) : AccountRequest(Caller, Deadline);

/// <summary>Looks a transfer up. Answered by <see cref="GetTransferResponse"/>.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record GetTransferRequest(TransferId Id, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Makes the journal hold all that the account knows, so that its statement can be read from there. Answered
/// by
/// <see cref="FlushResponse"/>.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record FlushRequest(ReplyTarget Caller, LedgerTime Deadline) : AccountRequest(Caller, Deadline);

/// <summary>Posts a transaction of which this account is the coordinator. Answered by
/// <see cref="PostTransactionResponse"/>.</summary>
/// <param name="Transaction">The transaction; its shape has been checked, and its posts and voids name their
/// accounts.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record PostTransactionRequest(Transaction Transaction, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline)
{
    /// <summary>Whether nothing is done: the answer says whether a leg would fail, as things are, and which.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Whether the answer is to say how its accounts are right after it.</summary>
    public bool ReturnBalances { get; init; }
}

/// <summary>Lists live holds of the account, in the order of their ids. Answered by
/// <see cref="ListHoldsResponse"/>.</summary>
/// <param name="After">The last one that is known; nil for the first page.</param>
/// <param name="Limit">How many at most.</param>
/// <param name="ExpireBefore">Only such as expire before this time; null for all.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record ListHoldsRequest(
    TransferId After, int Limit, LedgerTime? ExpireBefore, ReplyTarget Caller, LedgerTime Deadline) : AccountRequest(
        Caller, Deadline);

/// <summary>Looks up a transaction that this account coordinated. Answered by
/// <see cref="GetTransactionResponse"/>.</summary>
/// <param name="Id">The transaction.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record GetTransactionRequest(TransferId Id, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Changes the account. Answered by <see cref="ChangeAccountResponse"/>.</summary>
/// <param name="Change">The change.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record ChangeAccountRequest(AccountChange Change, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Sets when a hold of this debit account expires. Answered by <see cref="ExtendHoldResponse"/>.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="HoldDeadline">When it is to expire.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record ExtendHoldRequest(
    TransferId HoldId, LedgerTime HoldDeadline, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Has a transaction in doubt aborted that this account coordinates, and says how it stands (R20). May be sent
/// again and again. Answered by <see cref="ResolveInDoubtResponse"/>.</summary>
/// <param name="Id">The transaction, or the key of its attempt.</param>
/// <param name="Verdict">Who wants it aborted, and why.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record ResolveInDoubtRequest(
    TransferId Id, OperatorVerdict Verdict, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline)
{
    /// <summary>The digest of the attempt whose key <see cref="Id"/> is, where it is known; else 0.</summary>
    public UInt128 Digest { get; init; }

    /// <summary>What the last agent's journal holds about the attempt, where somebody else has read it, or written the
    /// verdict there; else null.</summary>
    public CommitResponse? Found { get; init; }
}

/// <summary>Coordinator to participant: reserve your legs, and vote. Sent only once the coordinator's own preparation
/// is durable.</summary>
/// <param name="Branch">The participant's legs.</param>
internal sealed record PrepareRequest(TransactionBranch Branch) : AccountMessage
{
    /// <summary>The coordinator's time: the participant prepares no earlier (R21).</summary>
    public LedgerTime Time { get; init; }
}

/// <summary>Participant to coordinator: yes, durable; no; or not now.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Account">Who votes.</param>
/// <param name="Kind">The vote.</param>
/// <param name="Refusal">For a no: why.</param>
internal sealed record Vote(TransferId Key, UInt128 Digest, AccountAddress Account, VoteKind Kind, Refusal? Refusal)
    : AccountMessage
{
    /// <summary>The participant's time, not earlier than what it has prepared at: the last agent commits no earlier
    /// (R21).</summary>
    public LedgerTime Time { get; init; }
}

/// <summary>Coordinator to last agent: commit, or refuse, for ever. Sent only once every other account's preparation is
/// durable; with
/// <see cref="Cancel"/>, when one of them has refused.</summary>
/// <param name="Branch">The last agent's legs.</param>
/// <param name="Cancel">Whether to refuse, unless it is committed already.</param>
internal sealed record CommitRequest(TransactionBranch Branch, bool Cancel = false) : AccountMessage
{
    /// <summary>Of a cancel that an operator asked for: who, and why; else null.</summary>
    public OperatorVerdict? Verdict { get; init; }

    /// <summary>Whether the answer is to say how the account is right after the commit.</summary>
    public bool ReturnBalances { get; init; }

    /// <summary>The latest of the coordinator's time and those of all votes: the last agent commits no earlier
    /// (R21).</summary>
    public LedgerTime Time { get; init; }
}

/// <summary>Last agent to coordinator: what its journal holds about an attempt.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">The digest of the attempt that was asked about.</param>
/// <param name="Committed">Whether it is committed; else it is refused.</param>
/// <param name="Time">When: the commit time, or when it was refused.</param>
/// <param name="Refusal">Why the last agent itself refuses; null when it was only told to cancel, or met something in
/// doubt.</param>
internal sealed record CommitResponse(
    TransferId Key, UInt128 Digest, bool Committed, LedgerTime Time, Refusal? Refusal) : AccountMessage
{
    /// <summary>For a commit: the last agent's row that holds it; 0 where that is not known.</summary>
    public long Row { get; init; }

    /// <summary>For a commit by this very request, where it was asked for: the account right after it.</summary>
    public AccountAfter? After { get; init; }
}

/// <summary>Coordinator to another account, before anything is journaled: how are you, and what do you know of these
/// legs? Changes nothing (R15).</summary>
/// <param name="Branch">The other account's legs, as they were asked for.</param>
/// <param name="Round">The coordinator's number for the question.</param>
internal sealed record DryRunRequest(TransactionBranch Branch, long Round) : AccountMessage;

/// <summary>Another account to the coordinator.</summary>
/// <param name="Id">The transaction.</param>
/// <param name="Round">The coordinator's number for the question.</param>
/// <param name="Report">The account.</param>
internal sealed record DryRunResponse(TransferId Id, long Round, AccountReport Report) : AccountMessage;

/// <summary>Coordinator to participant: what the last agent has decided.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Committed">Whether it is committed; else the legs are released.</param>
/// <param name="Time">When the last agent committed: it is booked no earlier, and never refused for its time
/// (R21).</param>
internal sealed record Outcome(TransferId Key, UInt128 Digest, bool Committed, LedgerTime Time) : AccountMessage
{
    /// <summary>Who tells.</summary>
    public AccountAddress Coordinator { get; init; }

    /// <summary>Whether the acknowledgement is to say how the account is right after the commit.</summary>
    public bool ReturnBalances { get; init; }
}

/// <summary>Participant to coordinator: the outcome is in my journal.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Account">Whose.</param>
internal sealed record OutcomeAck(TransferId Key, UInt128 Digest, AccountAddress Account) : AccountMessage
{
    /// <summary>For a commit that was booked now, where it was asked for: the account right after it.</summary>
    public AccountAfter? After { get; init; }
}

/// <summary>Participant to coordinator: I have prepared this; what has become of it?</summary>
/// <param name="Branch">What the participant has prepared.</param>
/// <param name="Account">Who asks.</param>
internal sealed record OutcomeRequest(TransactionBranch Branch, AccountAddress Account) : AccountMessage;

/// <summary>Wakes an account, which then resolves what is in doubt on it and expires what is due. Has no
/// answer.</summary>
internal sealed record Activate : AccountMessage;
