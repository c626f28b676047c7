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

    /// <summary>Sends a request to an account of the same node before the row is durable that it follows from: to an
    /// incarnation that is alive and has recovered, and to nothing that could pass it on to another node (G8). It
    /// leaves after that row, which is written next, has left for the writer (G9).</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">The message.</param>
    /// <param name="ticket">The row that it follows from.</param>
    /// <returns>Whether it is sent, or will be when the turn ends. If not, it is sent when the row is
    /// durable.</returns>
    bool SendAhead(AccountAddress account, AccountMessage message, WriteTicket ticket) => false;

    /// <summary>Asks for <see cref="AccountMachine.TicketDecided"/> when a row of another account is decided.</summary>
    /// <param name="ticket">That row. Only one is watched at a time.</param>
    void Watch(WriteTicket ticket) => throw new NotSupportedException("This host takes no messages with tickets.");

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
