namespace Ledger.Actors.Calls;

/// <summary>Who makes a call, and what it is answered with.</summary>
/// <param name="Principal">The caller's name; empty for nobody.</param>
/// <param name="ReturnBalances">Whether answers tell the accounts as they are afterwards.</param>
internal sealed record Asker(string Principal, bool ReturnBalances)
{
    /// <summary>Nobody.</summary>
    public static readonly Asker Nobody = new("", ReturnBalances: false);
}
