using System.Net;
using Grpc.Core;
using Ledger.Access;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>The ledger as the caller of a call may use it. This is the one way from a call to the ledger: where a
/// policy is in force, nobody gets past it.</summary>
/// <param name="ledger">The ledger.</param>
/// <param name="queries">The ledger, for questions across accounts.</param>
/// <param name="admin">The ledger, for operators.</param>
/// <param name="clock">The time by which credentials expire.</param>
/// <param name="rates">How much of its rate each principal has left.</param>
/// <param name="policies">Where the policy is; null where callers are anonymous.</param>
/// <param name="uses">What each principal holds; null where they share nothing.</param>
internal sealed class CallerLedgers(
    ILedger ledger, ILedgerQueries queries, ILedgerAdmin admin, TimeProvider clock, CallRates rates,
    IAccessPolicySource? policies = null,
    CallerUses? uses = null)
{
    /// <summary>The ledger that a call uses.</summary>
    /// <exception cref="RequestErrorException">Callers are to say who they are, and this one has not.</exception>
    public ILedger For(ServerCallContext context)
    {
        if (policies is null)
        {
            return ledger;
        }

        // What is denied is counted too: it is work, and whoever guesses is to be slow.
        var caller = CallerOf(context);
        ILedger allowed = new AuthorizedLedger(ledger, caller, policies, clock);
        allowed = uses is null ? allowed : new ShareLimitedLedger(allowed, caller.Principal, policies, uses);
        return new RateLimitedLedger(allowed, caller.Principal, policies, rates);
    }

    /// <summary>The ledger that a call uses, whose answers tell the accounts as they are afterwards where that is asked
    /// for.</summary>
    /// <exception cref="RequestErrorException">Callers are to say who they are, and this one has not.</exception>
    public ILedger For(ServerCallContext context, bool returnBalances) =>
        returnBalances ? For(context).ReturningBalances() : For(context);

    /// <summary>What a call asks across accounts.</summary>
    /// <param name="context">The call.</param>
    /// <param name="work">How much it asks for: accounts, transfers, or rows of a page.</param>
    /// <exception cref="RequestErrorException">Callers are to say who they are, and this one has not, or has asked for
    /// too much.</exception>
    public ILedgerQueries QueriesFor(ServerCallContext context, int work)
    {
        if (policies is null)
        {
            return queries;
        }

        var caller = CallerOf(context);
        if (policies.Current.RateOf(caller.Principal) is { } rate)
        {
            rates.Take(caller.Principal, rate, work);
        }

        return new AuthorizedQueries(queries, caller, policies, clock);
    }

    /// <summary>The text of a position, which is nobody's in particular.</summary>
    public string PositionOf(RowPosition position) => ledger.PositionOf(position);

    /// <summary>For how long what the caller has shown is good; null for as long as it is connected.</summary>
    public TimeSpan? ExpiryOf(ServerCallContext context) =>
        policies is null ? null : CallerOf(context).ExpireTime - clock.GetUtcNow();

    /// <summary>Requires of an item of a stream what the gate requires of a call: the stream itself is open to whoever
    /// may make one of the calls that it carries.</summary>
    /// <param name="context">The item.</param>
    /// <param name="rights">The rights of its method.</param>
    /// <exception cref="RequestErrorException">The caller may not call it.</exception>
    public void Require(ServerCallContext context, AccessRights rights)
    {
        if (policies is not null && AccessGate.Judge(policies, CallerOf(context), rights) is { } refusal)
        {
            throw refusal.Exception();
        }
    }

    /// <summary>What says, whenever it is asked, whether what the caller has shown is still good.</summary>
    /// <returns>The question, which does not need the call any more; null where it is good for as long as the caller is
    /// connected.</returns>
    public Func<bool>? ValidityOf(ServerCallContext context)
    {
        if (policies is null)
        {
            return null;
        }

        var caller = CallerOf(context);
        if (caller is { ExpireTime: null, IsStillTaken: null })
        {
            return null;
        }

        return () => !(caller.ExpireTime <= clock.GetUtcNow()) && caller.IsStillTaken?.Invoke() != false;
    }

    /// <summary>What operators use.</summary>
    /// <remarks>Where callers are anonymous, operators are whoever is on the node's own machine.</remarks>
    /// <exception cref="RequestErrorException">The caller is no operator.</exception>
    public ILedgerAdmin AdminFor(ServerCallContext context)
    {
        if (policies is not null)
        {
            return new AuthorizedLedgerAdmin(admin, CallerOf(context), policies, clock);
        }

        return IsLocal(context.GetHttpContext().Connection)
            ? admin
            : throw new RequestError(
                ErrorReasons.LoopbackOnly,
                "AdminService answers only callers on the node's own machine, unless callers say who they are.")
                    .Exception();
    }

    /// <summary>The ledger of which operators ask what is in doubt.</summary>
    /// <exception cref="RequestErrorException">The caller has not said who it is, or is not on this
    /// machine.</exception>
    /// <exception cref="LedgerException">The caller is no operator.</exception>
    public ILedger DoubtFor(ServerCallContext context)
    {
        (AdminFor(context) as AuthorizedLedgerAdmin)?.Require();
        return ledger;
    }

    /// <summary>Whether a connection comes from this machine.</summary>
    /// <remarks>By the connection, and not by a header that anybody can send. Without an address it is no connection of
    /// TCP: a socket of this machine, or a pipe within the process.</remarks>
    internal static bool IsLocal(ConnectionInfo connection) => connection.RemoteIpAddress is not { } address
        || IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    // The gate has set it; without the gate nobody is let through.
    private static Caller CallerOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<Caller>() ?? throw AccessGate.NotAuthenticated.Exception();
}
