namespace Ledger.Access;

/// <summary>Where the policy in force is asked for, at each call.</summary>
public interface IAccessPolicySource
{
    /// <summary>The policy in force.</summary>
    AccessPolicy Current { get; }
}
