namespace Ledger.Actors.Accounts;

/// <summary>Tells an account to finish what it writes and stop.</summary>
internal sealed class StopAccount
{
    public static readonly StopAccount Instance = new();
}
