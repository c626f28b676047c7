namespace Ledger.Core;

/// <summary>What a coordinator does about a request. Closed: the types of this file are all there are.</summary>
internal abstract record CoordinatorDecision;

/// <summary>Nobody waits any longer, and nothing may be done later than was asked for.</summary>
internal sealed record Abandon : CoordinatorDecision
{
    /// <summary>It has nothing that differs.</summary>
    public static Abandon Instance { get; } = new();
}

/// <summary>The caller's deadline has passed: nothing is done, and the caller learns that.</summary>
/// <param name="Caller">The caller's call.</param>
internal sealed record Expire(AccountRequest Caller) : CoordinatorDecision;

/// <summary>The journal must be asked, once more.</summary>
internal sealed record LookUpAgain : CoordinatorDecision
{
    /// <summary>It has nothing that differs.</summary>
    public static LookUpAgain Instance { get; } = new();
}

/// <summary>The answer follows from what is decided already, or nothing is to be journaled.</summary>
/// <param name="Result">The answer.</param>
internal sealed record Respond(TransactionResult Result) : CoordinatorDecision;

/// <summary>It can't be stored, sent and shown (R17). Nothing is remembered of it.</summary>
/// <param name="Size">How many bytes it has.</param>
internal sealed record RefuseSize(int Size) : CoordinatorDecision;

/// <summary>The other accounts are asked how they are, before anything is journaled (R14, R15).</summary>
internal sealed record AskOthers : CoordinatorDecision
{
    /// <summary>It has nothing that differs.</summary>
    public static AskOthers Instance { get; } = new();
}

/// <summary>It depends on something in doubt (R10, R11).</summary>
/// <param name="IsForMoney">Whether it would be refused for want of money that doubt could bring.</param>
internal sealed record WaitForDoubt(bool IsForMoney) : CoordinatorDecision;

/// <summary>A leg can't be.</summary>
/// <param name="Branch">The transaction.</param>
/// <param name="Decision">Which leg, and why.</param>
internal sealed record Reject(TransactionBranch Branch, LegDecision Decision) : CoordinatorDecision;

/// <summary>All legs can be: it is prepared.</summary>
/// <param name="Asked">What was asked for, by the number of its attempt.</param>
/// <param name="Branch">The same, with every amount.</param>
internal sealed record Prepare(TransactionBranch Asked, TransactionBranch Branch) : CoordinatorDecision;
