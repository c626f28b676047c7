namespace Ledger.Core;

/// <summary>Who decides what the <see cref="OperationRunner"/> has found the facts for.</summary>
internal interface IOperationDecider
{
    /// <summary>Decides an operation whose ids are all known, by what has asked for it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="now">The time.</param>
    void Decide(Operation operation, LedgerTime now);

    /// <summary>Answers a message about an id that is in hand, where that can be.</summary>
    /// <param name="owner">What has the id in hand.</param>
    /// <param name="input">The message.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it is seen to; else it waits for the owner's end.</returns>
    bool TryRespond(Operation owner, AccountMessage input, LedgerTime now);

    /// <summary>Refuses what could not be decided, by a defect (R18).</summary>
    /// <param name="input">The message.</param>
    /// <param name="thrown">What was thrown.</param>
    /// <param name="now">The time.</param>
    void Refuse(AccountMessage input, Exception thrown, LedgerTime now);
}
