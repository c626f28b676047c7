namespace Ledger.Client;

/// <summary>Whether a hold is live, and how it ended. The numbers are those of the wire.</summary>
public enum HoldState
{
    /// <summary>Not known to this version of the client.</summary>
    Unspecified = 0,

    /// <summary>It reserves money.</summary>
    Live = 1,

    /// <summary>It was posted.</summary>
    Posted = 2,

    /// <summary>It was voided.</summary>
    Voided = 3,

    /// <summary>Its time was up.</summary>
    Expired = 4,
}
