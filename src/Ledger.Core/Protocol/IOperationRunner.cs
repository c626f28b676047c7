namespace Ledger.Core;

/// <summary>What the parts of an account ask of the machine: to go on with operations, and with what waits for
/// them.</summary>
internal interface IOperationRunner
{
    /// <summary>Decides a message, now or when the operation is over that has one of its ids in hand.</summary>
    /// <param name="input">The message.</param>
    /// <param name="now">The time.</param>
    void Route(AccountMessage input, LedgerTime now);

    /// <summary>The same for messages that have waited.</summary>
    /// <param name="inputs">The messages.</param>
    /// <param name="now">The time.</param>
    void RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now);

    /// <summary>What other accounts asked while ids were looked up does not wait for what this account waits
    /// for.</summary>
    /// <param name="operation">What they wait for.</param>
    /// <param name="now">The time.</param>
    void RouteForeign(Operation operation, LedgerTime now);

    /// <summary>Looks up what memory can't answer; then, or at once, decides.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="now">The time.</param>
    void Begin(Operation operation, LedgerTime now);

    /// <summary>Decides what need not be looked up again.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="now">The time.</param>
    void Continue(Operation operation, LedgerTime now);

    /// <summary>Takes an operation off, and lets those go on that waited for it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="skipFirst">Whether the first of them has been answered.</param>
    /// <param name="now">The time.</param>
    void Finish(Operation operation, bool skipFirst, LedgerTime now);

    /// <summary>Lets those go on that waited for what is decided.</summary>
    /// <param name="now">The time.</param>
    void ReleaseReaders(LedgerTime now);

    /// <summary>Has the operation looked at again after a pause that doubles each time.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="now">The time.</param>
    void ScheduleResend(Operation operation, LedgerTime now);
}
