using Ledger.Core;

namespace Ledger.Simulation;

internal static class Coverage
{
    public static void Note(AccountRuntime runtime, AccountMessage? message, string? happening, TransferId id)
    {
    }
}
