namespace Ledger;

/// <summary>Whose time a ledger begins with, where two that it could begin with are too far apart.</summary>
public enum ClockSource
{
    /// <summary>Nobody's: the ledger does not start, and says what the two are.</summary>
    None,

    /// <summary>The machine's clock.</summary>
    Machine,

    /// <summary>The database's clock; on SQLite as <see cref="Machine"/>.</summary>
    Database,

    /// <summary>What the ledger last had, and the time that has passed since where that is known.</summary>
    Ledger,
}
