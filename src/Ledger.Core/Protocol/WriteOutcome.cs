namespace Ledger.Core;

/// <summary>What is known of a row that was handed to the writer.</summary>
internal enum WriteOutcome
{
    /// <summary>It is with the writer.</summary>
    Pending,

    /// <summary>The database has acknowledged it.</summary>
    Durable,

    /// <summary>It is not known to be durable: it may be stored or not.</summary>
    Failed,
}
