namespace Ledger.Fuzz.Inputs;

/// <summary>What a caller shows. Where nobody is asked who he is, it is not sent.</summary>
internal enum Credential
{
    /// <summary>A key that may do everything.</summary>
    Full,

    /// <summary>A key that may do a little, with a few accounts and up to an amount.</summary>
    Narrow,

    /// <summary>A key that may do everything, a few times a second.</summary>
    Limited,

    /// <summary>A key that may read.</summary>
    Reader,

    /// <summary>A key that nobody has given out.</summary>
    Forged,

    /// <summary>Nothing.</summary>
    None,
}
