namespace Ledger.Core;

/// <summary>Who waits for an answer. Opaque to the core.</summary>
/// <param name="ReplyTo">The shell's own address of the caller.</param>
/// <param name="Correlation">The caller's number for the call.</param>
internal readonly record struct ReplyTarget(object? ReplyTo, long Correlation);

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

/// <summary>Posts a transfer of which this account is the coordinator. Answered by <see cref="PostTransferResponse"/>.</summary>
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
internal sealed record GetTransferRequest(TransferId Id, ReplyTarget Caller, LedgerTime Deadline) : AccountRequest(Caller, Deadline);

/// <summary>Makes the journal hold all that the account knows, so that its statement can be read from there. Answered by
/// <see cref="FlushResponse"/>.</summary>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record FlushRequest(ReplyTarget Caller, LedgerTime Deadline) : AccountRequest(Caller, Deadline);

/// <summary>Posts a transaction of which this account is the coordinator. Answered by <see cref="PostTransactionResponse"/>.</summary>
/// <param name="Transaction">The transaction; its shape has been checked, and its posts and voids name their accounts.</param>
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

/// <summary>Looks up a transaction that this account coordinated. Answered by <see cref="GetTransactionResponse"/>.</summary>
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
internal sealed record ExtendHoldRequest(TransferId HoldId, LedgerTime HoldDeadline, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Has a transaction in doubt aborted that this account coordinates, and says how it stands (R20). May be sent
/// again and again. Answered by <see cref="ResolveInDoubtResponse"/>.</summary>
/// <param name="Id">The transaction, or the key of its attempt.</param>
/// <param name="Verdict">Who wants it aborted, and why.</param>
/// <param name="Caller">Who waits.</param>
/// <param name="Deadline">Until when.</param>
internal sealed record ResolveInDoubtRequest(TransferId Id, OperatorVerdict Verdict, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline)
{
    /// <summary>The digest of the attempt whose key <see cref="Id"/> is, where it is known; else 0.</summary>
    public UInt128 Digest { get; init; }

    /// <summary>What the last agent's journal holds about the attempt, where somebody else has read it, or written the
    /// verdict there; else null.</summary>
    public CommitResponse? Found { get; init; }
}

/// <summary>Tests: sets the counters. Refused unless the runtime allows it.</summary>
internal sealed record SeedBalancesRequest(Balances Balances, ReplyTarget Caller, LedgerTime Deadline)
    : AccountRequest(Caller, Deadline);

/// <summary>Answers <see cref="SeedBalancesRequest"/>.</summary>
internal sealed record SeedBalancesResponse : AccountResponse;

/// <summary>Coordinator to participant: reserve your legs, and vote. Sent only once the coordinator's own preparation is durable.</summary>
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
    /// <summary>The participant's time, not earlier than what it has prepared at: the last agent commits no earlier (R21).</summary>
    public LedgerTime Time { get; init; }
}

/// <summary>A vote.</summary>
internal enum VoteKind
{
    /// <summary>Prepared, and durable.</summary>
    Yes,

    /// <summary>It can't be.</summary>
    No,

    /// <summary>It depends on something that is in doubt: the attempt is to be abandoned, and made again later.</summary>
    InDoubt,
}

/// <summary>Why an account refuses. Immutable.</summary>
/// <param name="Leg">The place of its first leg that fails.</param>
/// <param name="Reason">Why; of an opening, the number of an <see cref="AccountStatus"/>.</param>
/// <param name="Asset">The account's asset; none when it does not exist.</param>
/// <param name="Seen">Its balances; null when it does not exist.</param>
internal sealed record Refusal(int Leg, TransferStatus Reason, Asset Asset, Balances? Seen);

/// <summary>Coordinator to last agent: commit, or refuse, for ever. Sent only once every other account's preparation is durable; with
/// <see cref="Cancel"/>, when one of them has refused.</summary>
/// <param name="Branch">The last agent's legs.</param>
/// <param name="Cancel">Whether to refuse, unless it is committed already.</param>
internal sealed record CommitRequest(TransactionBranch Branch, bool Cancel = false) : AccountMessage
{
    /// <summary>Of a cancel that an operator asked for: who, and why; else null.</summary>
    public OperatorVerdict? Verdict { get; init; }

    /// <summary>Whether the answer is to say how the account is right after the commit.</summary>
    public bool ReturnBalances { get; init; }

    /// <summary>The latest of the coordinator's time and those of all votes: the last agent commits no earlier (R21).</summary>
    public LedgerTime Time { get; init; }
}

/// <summary>Last agent to coordinator: what its journal holds about an attempt.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">The digest of the attempt that was asked about.</param>
/// <param name="Committed">Whether it is committed; else it is refused.</param>
/// <param name="Time">When: the commit time, or when it was refused.</param>
/// <param name="Refusal">Why the last agent itself refuses; null when it was only told to cancel, or met something in doubt.</param>
internal sealed record CommitResponse(
    TransferId Key, UInt128 Digest, bool Committed, LedgerTime Time, Refusal? Refusal) : AccountMessage
{
    /// <summary>For a commit: the last agent's row that holds it; 0 where that is not known.</summary>
    public long Row { get; init; }

    /// <summary>For a commit by this very request, where it was asked for: the account right after it.</summary>
    public AccountAfter? After { get; init; }
}

/// <summary>Coordinator to another account, before anything is journaled: how are you, and what do you know of these legs? Changes
/// nothing (R15).</summary>
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
/// <param name="Time">When the last agent committed: it is booked no earlier, and never refused for its time (R21).</param>
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

/// <summary>Wakes an account, which then resolves what is in doubt on it and expires what is due. Has no answer.</summary>
internal sealed record Activate : AccountMessage;

/// <summary>What a call is answered with.</summary>
internal abstract record AccountResponse;

/// <summary>Answers <see cref="OpenAccountRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record OpenAccountResponse(OpenAccountResult Result) : AccountResponse;

/// <summary>Answers <see cref="PostTransferRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record PostTransferResponse(TransferResult Result) : AccountResponse;

/// <summary>Answers <see cref="PostTransactionRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record PostTransactionResponse(TransactionResult Result) : AccountResponse;

/// <summary>Answers <see cref="GetTransactionRequest"/>.</summary>
/// <param name="Record">The transaction; null when the account never coordinated it.</param>
internal sealed record GetTransactionResponse(TransactionRecord? Record) : AccountResponse;

/// <summary>Answers <see cref="ChangeAccountRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record ChangeAccountResponse(AccountChangeResult Result) : AccountResponse;

/// <summary>Answers <see cref="ExtendHoldRequest"/>.</summary>
/// <param name="Status">See <see cref="TransferStatus"/>: created when it was set, exists when it was so already.</param>
/// <param name="HoldDeadline">When the hold expires; null when it does not, or is not there.</param>
internal sealed record ExtendHoldResponse(TransferStatus Status, LedgerTime? HoldDeadline) : AccountResponse
{
    /// <summary>The row that was written for it; none when nothing was.</summary>
    public RowPosition Position { get; init; }
}

/// <summary>Answers <see cref="ResolveInDoubtRequest"/>.</summary>
/// <param name="State">How the transaction stands.</param>
/// <param name="Coordinator">Who coordinates it: when that is another account, nothing was done here.</param>
internal sealed record ResolveInDoubtResponse(InDoubtState State, AccountAddress Coordinator) : AccountResponse
{
    /// <summary>Who decides about it; none where that is not known here.</summary>
    public AccountAddress LastAgent { get; init; }

    /// <summary>The last agent's legs; null where they are not known here, or it is decided.</summary>
    public TransactionBranch? Branch { get; init; }

    /// <summary>The coordinator's row that prepared it; 0 where that is not known here.</summary>
    public long PreparedRow { get; init; }

    /// <summary>At a coordinator that knows of the commit and has not booked it yet: the accounts that have not
    /// acknowledged it, at most <see cref="TransactionInDoubt.WithMax"/>. Null where it waits for none.</summary>
    public IReadOnlyList<AccountAddress>? WaitsFor { get; init; }
}

/// <summary>How a transaction stands that somebody takes for one in doubt.</summary>
internal enum InDoubtState
{
    /// <summary>The account has nothing of it in doubt.</summary>
    NotInDoubt,

    /// <summary>It is in doubt; the last agent has been asked to refuse it.</summary>
    Undecided,

    /// <summary>It is committed.</summary>
    Committed,

    /// <summary>It is aborted.</summary>
    Aborted,
}

/// <summary>Answers <see cref="GetAccountRequest"/>.</summary>
/// <param name="View">The account; null when it does not exist.</param>
internal sealed record GetAccountResponse(AccountView? View) : AccountResponse;

/// <summary>Answers <see cref="GetTransferRequest"/>.</summary>
/// <param name="Record">The transfer; null when the account never took part in it.</param>
internal sealed record GetTransferResponse(TransferRecord? Record) : AccountResponse;

/// <summary>Answers <see cref="FlushRequest"/>.</summary>
/// <param name="Exists">Whether the account exists.</param>
/// <param name="SequenceNr">The last journal row; all of the statement is at or before it.</param>
/// <param name="EntryCount">How many entries there are.</param>
internal sealed record FlushResponse(bool Exists, long SequenceNr, ulong EntryCount) : AccountResponse
{
    /// <summary>When something is in doubt although the call has waited for it: everything that the account prepared at this
    /// time or earlier is decided, and booked. Null when nothing is in doubt that was prepared before the call came.</summary>
    public LedgerTime? CompleteUpTo { get; init; }

    /// <summary>The asset that the account holds; none where it does not exist.</summary>
    public Asset Asset { get; init; }
}

/// <summary>A call failed.</summary>
/// <param name="Reason">Why.</param>
internal sealed record RequestFailed(RequestFailure Reason) : AccountResponse
{
    /// <summary>For what is too large: how many bytes it has; else 0.</summary>
    public long Size { get; init; }

    /// <summary>For what is too large: how many it may have; else 0.</summary>
    public long Limit { get; init; }
}

/// <summary>Why a call failed.</summary>
internal enum RequestFailure
{
    /// <summary>The deadline had passed before anything was done.</summary>
    DeadlineExpired,

    /// <summary>The account works on too many calls.</summary>
    Overloaded,

    /// <summary>The journal could not confirm a write, or could not be read: the outcome is unknown.</summary>
    JournalUnavailable,

    /// <summary>The account goes to sleep or moves to another node: the outcome is unknown, and asking again helps.</summary>
    Relocating,

    /// <summary>The answer depends on transactions in doubt, or there are too many of them: nothing was done, no id was used, and
    /// asking again helps once they are decided.</summary>
    AccountInDoubt = 16,

    /// <summary>Another account has left too much unanswered: nothing was done, no id was used, and asking again helps once it
    /// answers.</summary>
    CounterpartyUnavailable = 17,

    /// <summary>The transaction has more bytes than a transaction may have, with what it opens and inherits. Nothing was done, no id is
    /// used up, and the same is refused again.</summary>
    TransactionTooLarge = 20,

    /// <summary>The call is larger than what nodes send each other. Nothing was done, and the same is refused again.</summary>
    MessageTooLarge = 21,

    /// <summary>The answer is larger than what nodes send each other: the outcome is unknown, and is not told to who asks again
    /// either.</summary>
    AnswerTooLarge = 22,

    /// <summary>Deciding it threw, by a defect of the ledger. Nothing was done; the same again will mostly throw again.</summary>
    DecisionFailed = 32,

    /// <summary>The account goes to sleep or moves to another node, and had not begun with the call: nothing was done by it, and
    /// asking again helps.</summary>
    NotBegun = 33,
}

/// <summary>Asks the journal about an id that memory can't answer (R4).</summary>
/// <param name="Id">The id.</param>
/// <param name="SequenceNr">The row that holds its content where that is known; else 0: search for it.</param>
/// <param name="UpTo">The last row to search.</param>
/// <param name="NotBefore">What brings the id up and is not in the index was not booked earlier.</param>
/// <param name="NotAfter">What brings the id up and is not in the index was not booked later. Before <paramref name="NotBefore"/> where
/// only the index can know the id.</param>
/// <param name="WithLater">Whether what names the id matters also once it is decided: it says what became of a hold, and how much was
/// taken back.</param>
internal sealed record IdLookup(
    TransferId Id, long SequenceNr, long UpTo, LedgerTime NotBefore, LedgerTime NotAfter, bool WithLater)
{
    /// <summary>The question's number: an answer to an older one, which saw fewer rows, is not taken for its answer.</summary>
    public long Number { get; init; }

    /// <summary>The newest entry that the index must hold. One that lacks it is older than the journal, and must not say that
    /// there is nothing.</summary>
    public IndexedId Newest { get; init; }

    /// <summary>About when the first row was booked, by which the place of a time is guessed.</summary>
    public LedgerTime FirstTime { get; init; }

    /// <summary>About when the last row was booked.</summary>
    public LedgerTime LastTime { get; init; }
}
