namespace Ledger.Access;

/// <summary>How much work a principal may ask for over the network. A transfer, a leg, an item or an account is one; so
/// is a read, and each hundred entries or accounts of a page.</summary>
/// <param name="PerSecond">How much in a second, on each node: 1 to 1,000,000.</param>
/// <param name="Burst">How much at once, after a pause: 1 to 1,000,000. No request may be larger.</param>
public sealed record CallRate(int PerSecond, int Burst)
{
    /// <summary>The largest of both.</summary>
    public const int Max = 1_000_000;
}
