namespace Ledger.Node.Security;

/// <summary>Whether callers must say who they are.</summary>
internal enum SecurityMode
{
    /// <summary>Nobody is asked, and everybody may do everything.</summary>
    Anonymous,

    /// <summary>Everybody is asked, and the policy says what each may do.</summary>
    Required,
}
