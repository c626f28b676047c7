using Grpc.Core;
using Ledger.Actors;

namespace Ledger.Grpc.Services;

/// <summary>In whose name a call writes.</summary>
internal static class CallerLedger
{
    /// <summary>The ledger that a call writes to. This is the one place where a call gets its principal, once callers
    /// are authenticated: until then nobody is named, and nothing that a caller says of itself is taken for
    /// it.</summary>
    public static ILedger For(this ILedger ledger, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return ledger;
    }

    /// <summary>The ledger that a call writes to, whose answers tell the accounts as they are afterwards where that is
    /// asked for.</summary>
    public static ILedger For(this ILedger ledger, ServerCallContext context, bool returnBalances) =>
        returnBalances ? ledger.For(context).ReturningBalances() : ledger.For(context);
}
