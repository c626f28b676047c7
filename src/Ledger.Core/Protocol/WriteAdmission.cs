namespace Ledger.Core;

/// <summary>Whether a row may be sent in a transaction of the database.</summary>
internal enum WriteAdmission
{
    /// <summary>Everything that it rests on is durable, or in the same transaction.</summary>
    Taken,

    /// <summary>Something that it rests on is still under way elsewhere.</summary>
    Waits,

    /// <summary>Something that it rests on has failed: so has the row.</summary>
    Fails,
}
