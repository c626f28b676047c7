namespace Ledger.Actors.Tests;

/// <summary>What goes wrong with an append.</summary>
public enum AppendMishap
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The database refuses one of its rows.</summary>
    Refused,

    /// <summary>It fails, and nobody knows whether its rows are stored: they are not.</summary>
    NotStored,

    /// <summary>The same, and they are.</summary>
    AnswerLost,
}
