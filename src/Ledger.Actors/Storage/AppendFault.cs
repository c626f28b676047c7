namespace Ledger.Actors.Storage;

/// <summary>What a failed append says about the rows of the batch.</summary>
internal enum AppendFault
{
    /// <summary>Nothing: the rows may be stored or not.</summary>
    Unknown,

    /// <summary>None is stored, because one of them has a key that is taken.</summary>
    Duplicate,

    /// <summary>None is stored, because one of them waited too long for another transaction.</summary>
    Locked,

    /// <summary>None is stored, because the database does not take one of them.</summary>
    Refused,

    /// <summary>None is stored, because the row before one of them is not there (R19 a): no fault of that row, so
    /// nothing more is stored at all.</summary>
    Lost,
}
