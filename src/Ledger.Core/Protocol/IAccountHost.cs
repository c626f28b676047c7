namespace Ledger.Core;

/// <summary>What an account needs of the world. The actor shell is one, the simulator another.</summary>
internal interface IAccountHost
{
    /// <summary>Answers a call.</summary>
    /// <param name="caller">Who waits.</param>
    /// <param name="answer">The answer.</param>
    void Reply(ReplyTarget caller, AccountResponse answer);

    /// <summary>Sends a message to another account; it may be lost, doubled or late.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">The message.</param>
    void Send(AccountAddress account, AccountMessage message);

    /// <summary>Writes a row, to be answered by <see cref="AccountMachine.WriteSucceeded"/> or
    /// <see cref="AccountMachine.Fail"/>. One at a time.</summary>
    /// <param name="batch">The row.</param>
    void Write(EventBatch batch);

    /// <summary>Asks the journal about an id, to be answered by <see cref="AccountMachine.LookupCompleted"/> or
    /// <see cref="AccountMachine.LookupFailed"/>.</summary>
    /// <param name="lookup">The question.</param>
    void Lookup(IdLookup lookup);

    /// <summary>Asks for a <see cref="AccountMachine.Tick"/> at a time or later.</summary>
    /// <param name="time">When.</param>
    void WakeAt(LedgerTime time);

    /// <summary>Deciding something threw, by a defect of the ledger. It has been refused and nothing was changed; the
    /// shell counts it and tells people (R18). A shell that has nobody to tell need not have it.</summary>
    /// <param name="input">What was asked; null for an expiry that the ledger itself had begun.</param>
    /// <param name="thrown">What was thrown.</param>
    void DecisionFailed(AccountMessage? input, Exception thrown)
    {
    }
}
