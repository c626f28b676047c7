namespace Ledger.Core;

/// <summary>Which side bound the amount of a balancing transfer, so that it can see whether that still holds.</summary>
internal enum AmountBound
{
    /// <summary>Neither: it is the amount that was asked for.</summary>
    None,

    /// <summary>What the debit account had.</summary>
    Debit,

    /// <summary>What the credit account lacked.</summary>
    Credit,

    /// <summary>What one of them had when it was asked. On an account that never rests that is never exact, so after
    /// some attempts it is enough that as much is still there.</summary>
    Reported,
}
