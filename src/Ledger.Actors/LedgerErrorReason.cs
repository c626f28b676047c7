namespace Ledger;

/// <summary>Why a call of <see cref="ILedger"/> failed as a whole. The names are part of the contract.</summary>
public enum LedgerErrorReason
{
    /// <summary>The request breaks a rule of its form; nothing was applied.</summary>
    InvalidArgument,

    /// <summary>The request holds no item; nothing was applied.</summary>
    EmptyBatch,

    /// <summary>The request holds too many items; nothing was applied.</summary>
    BatchTooLarge,

    /// <summary>The reference is too long; nothing was applied.</summary>
    ReferenceTooLong,

    /// <summary>The metadata breaks its limits; nothing was applied.</summary>
    MetadataTooLarge,

    /// <summary>There is nothing of that id to work on; nothing was applied.</summary>
    NotFound,

    /// <summary>The deadline had passed before anything was done; nothing was applied by this call.</summary>
    DeadlineExpired,

    /// <summary>The account, or the node, has too much to do; nothing was applied by this call. Retry after a
    /// pause.</summary>
    Overloaded,

    /// <summary>No answer came within the deadline. The outcome is unknown.</summary>
    DeadlineExceeded,

    /// <summary>The journal could not confirm the write. The outcome is unknown.</summary>
    JournalUnavailable,

    /// <summary>The account could not be reached, or was moving. The outcome is unknown.</summary>
    Unavailable,

    /// <summary>What was asked depends on transactions that are in doubt, or too many are in doubt on the account.
    /// Nothing was applied, and no id was used. Retry after a pause.</summary>
    AccountInDoubt = 16,

    /// <summary>Another account of the transaction has left too many others unanswered. Nothing was applied, and no id
    /// was used. Retry after a pause.</summary>
    CounterpartyUnavailable = 17,

    /// <summary>The transaction has more bytes than a transaction may have, with what it opens and inherits; nothing
    /// was applied, and the same is refused again. Split it.</summary>
    TransactionTooLarge = 20,

    /// <summary>The request is larger than what nodes send each other; nothing was applied, and the same is refused
    /// again.</summary>
    MessageTooLarge = 21,

    /// <summary>The answer is larger than what nodes send each other. The outcome is unknown, and is found out by
    /// reading.</summary>
    AnswerTooLarge = 22,

    /// <summary>The node does not remember by itself which account a transfer is of, which says nothing about whether
    /// there is one: name one of its accounts. Nothing was applied.</summary>
    TransferNotRemembered = 24,

    /// <summary>The ledger keeps no index of transfers and accounts on this node, so it can't be searched.</summary>
    IndexOff = 25,

    /// <summary>The index has not come to what was asked for within the deadline, or lags too far behind the journal.
    /// Retry after a pause.</summary>
    IndexBehind = 26,

    /// <summary>The filter names nothing by which transfers are found: it would take a look at all of them.</summary>
    FilterTooWide = 27,

    /// <summary>Several transfers on different accounts have this id: name one of the accounts.</summary>
    TransferIdAmbiguous = 28,

    /// <summary>The account could not decide it, by a defect of the ledger. Nothing was applied by this call; the same
    /// again will mostly fail again.</summary>
    DecisionFailed = 32,

    /// <summary>The account has nothing of that id in doubt. Nothing was applied.</summary>
    NotInDoubt = 48,

    /// <summary>Whether the last agent has decided can't be told, or it goes on writing: nothing was applied, and the
    /// transaction stays in doubt.</summary>
    VerdictRefused = 49,

    /// <summary>This process does not serve: its database has lost rows that it had acknowledged, or no longer keeps
    /// what it confirms, and an operator must act. Nothing was applied by this call; earlier ones may have
    /// been.</summary>
    LedgerHalted = 40,

    /// <summary>This process has lost its lease and ends: other nodes have its accounts. Nothing was
    /// applied by this call; earlier ones may have been. Send it to another node.</summary>
    LeaseLost = 41,

    /// <summary>The caller is not allowed to do this. Nothing was applied, and the refusal says nothing of what
    /// exists.</summary>
    PermissionDenied = 56,

    /// <summary>Nobody knows who calls, or what the caller has shown is not valid any more. Nothing was
    /// applied.</summary>
    Unauthenticated = 57,
}
