namespace Ledger.Access;

/// <summary>An <see cref="ILedgerAdmin"/> as one caller may use it: whoever has <see cref="AccessRights.Admin"/>, and
/// in its name. Thread-safe.</summary>
/// <param name="inner">The ledger that does what is allowed.</param>
/// <param name="caller">Who calls.</param>
/// <param name="policies">Where the policy is.</param>
/// <param name="clock">The time by which what the caller has shown expires.</param>
public sealed class AuthorizedLedgerAdmin(
    ILedgerAdmin inner, Caller caller, IAccessPolicySource policies, TimeProvider clock) : ILedgerAdmin
{
    /// <inheritdoc/>
    public Task<InDoubtPage> ListInDoubtAsync(
        string? after, int pageSize, CancellationToken cancellationToken = default)
    {
        Require();
        return inner.ListInDoubtAsync(after, pageSize, cancellationToken);
    }

    /// <summary>As the ledger's own. The journal names the caller; where the request names somebody else, that name
    /// stands before the reason.</summary>
    /// <inheritdoc/>
    public Task<InDoubtResolution> ResolveInDoubtAsync(
        InDoubtVerdict verdict, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        Require();
        var named = verdict.By.Length == 0 || string.Equals(verdict.By, caller.Principal, StringComparison.Ordinal);
        verdict = verdict with
        {
            By = caller.Principal, Reason = named ? verdict.Reason : $"{verdict.By}: {verdict.Reason}",
        };
        return inner.ResolveInDoubtAsync(verdict, timeout, cancellationToken);
    }

    /// <summary>Requires the right.</summary>
    /// <exception cref="LedgerException">The caller does not have it, or must show anew who it is.</exception>
    public void Require()
    {
        caller.RequireValid(clock);
        if ((policies.Current.Of(caller.Principal).Rights & AccessRights.Admin) == AccessRights.None)
        {
            throw CallAuthorization.Denied();
        }
    }
}
