using Ledger.Client;

namespace Ledger.Node.Tests.Security;

/// <summary>How calls are refused.</summary>
internal static class RefusedCalls
{
    /// <summary>The reason of a call's refusal; null where it was answered.</summary>
    public static async Task<string?> RefusedAsync(this Task call)
    {
        try
        {
            await call;
            return null;
        }
        catch (LedgerClientException e)
        {
            return e.Reason;
        }
    }
}
