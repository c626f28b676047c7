namespace Ledger.Chaos.Attacks;

/// <summary>How a call ended, as far as frames say.</summary>
internal enum CallEnd
{
    /// <summary>It was answered, with whatever.</summary>
    Answered,

    /// <summary>It was reset.</summary>
    Refused,

    /// <summary>Its connection is gone.</summary>
    Lost,
}
