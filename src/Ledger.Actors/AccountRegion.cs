namespace Ledger;

/// <summary>The key of the accounts' shard region in the actor registry.</summary>
public sealed class AccountRegion
{
    private AccountRegion()
    {
    }
}
