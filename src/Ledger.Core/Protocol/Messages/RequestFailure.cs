namespace Ledger.Core;

/// <summary>Why a call failed.</summary>
internal enum RequestFailure
{
    /// <summary>The deadline had passed before anything was done.</summary>
    DeadlineExpired,

    /// <summary>The account works on too many calls.</summary>
    Overloaded,

    /// <summary>The journal could not confirm a write, or could not be read: the outcome is unknown.</summary>
    JournalUnavailable,

    /// <summary>The account goes to sleep or moves to another node: the outcome is unknown, and asking again
    /// helps.</summary>
    Relocating,

    /// <summary>The answer depends on transactions in doubt, or there are too many of them: nothing was done, no id was
    /// used, and asking again helps once they are decided.</summary>
    AccountInDoubt = 16,

    /// <summary>Another account has left too much unanswered: nothing was done, no id was used, and asking again helps
    /// once it answers.</summary>
    CounterpartyUnavailable = 17,

    /// <summary>The transaction has more bytes than a transaction may have, with what it opens and inherits. Nothing
    /// was done, no id is used up, and the same is refused again.</summary>
    TransactionTooLarge = 20,

    /// <summary>The call is larger than what nodes send each other. Nothing was done, and the same is refused
    /// again.</summary>
    MessageTooLarge = 21,

    /// <summary>The answer is larger than what nodes send each other: the outcome is unknown, and is not told to who
    /// asks again either.</summary>
    AnswerTooLarge = 22,

    /// <summary>Deciding it threw, by a defect of the ledger. Nothing was done; the same again will mostly throw
    /// again.</summary>
    DecisionFailed = 32,

    /// <summary>The account goes to sleep or moves to another node, and had not begun with the call: nothing was done
    /// by it, and asking again helps.</summary>
    NotBegun = 33,
}
