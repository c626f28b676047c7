namespace Ledger.Core;

/// <summary>Whether an amount is within a limit.</summary>
internal enum Fit
{
    /// <summary>Not even if all doubt ends in its favour.</summary>
    No,

    /// <summary>However the doubt ends.</summary>
    Yes,

    /// <summary>That depends on how the doubt ends.</summary>
    InDoubt,
}
