namespace Ledger.Actors.Accounts;

/// <summary>Tells the parent of a node's accounts to stop them all; answered by Done when they have.</summary>
internal sealed class StopAllAccounts
{
    public static readonly StopAllAccounts Instance = new();
}
