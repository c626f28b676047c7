using System.Security.Claims;
using System.Text.Encodings.Web;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Ledger.Node.Security;

/// <summary>Takes the keys of the policy, in the header <c>Authorization: Bearer lk_…</c>.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder,
    IAccessPolicySource policies, KeyLockout lockout, IAuditLog audit)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "key";

    /// <summary>The header's beginning.</summary>
    public const string Bearer = "Bearer ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    private AuthenticateResult Authenticate()
    {
        var header = Request.Headers.Authorization;
        if (header is not [{ } text] || !text.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        var shown = text[Bearer.Length..].Trim();
        if (ApiKey.IdOf(shown) is not { } id)
        {
            return AuthenticateResult.Fail("It is no key.");
        }

        var credential = "key:" + id;
        Context.Items[AccessAudit.ShownKey] = credential;
        var address = Context.Connection.RemoteIpAddress;
        if (lockout.IsLocked(address, id))
        {
            return AuthenticateResult.Fail("Too many wrong keys came from there.");
        }

        // A key that nobody knows costs as much as one that is wrong.
        var known = policies.Current.Key(id);
        var key = known ?? ApiKeyDecoy.Key;
        if (!key.Is(shown) || known is null || key.ExpireTime <= TimeProvider.GetUtcNow())
        {
            foreach (var (what, lockTime) in lockout.Failed(address, id))
            {
                audit.Write(new AuditEvent(AuditKind.KeyLocked)
                {
                    Credential = what.Length > 0 ? credential : null, Address = AccessAudit.TextOf(address),
                    Detail = $"for {lockTime}" + (what.Length > 0 ? "" : ", all keys from there"),
                });
            }

            return AuthenticateResult.Fail("The key is not in the policy, or has expired.");
        }

        lockout.Passed(address, id);
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, key.Principal)], SchemeName);
        var properties = new AuthenticationProperties { ExpiresUtc = key.ExpireTime };
        properties.SetParameter(AccessGate.CredentialKey, credential);
        properties.SetParameter<Func<bool>>(
            AccessGate.StillTakenKey, () =>
                policies.Current.Key(id) is { } now && now.Principal == key.Principal && now.Is(shown));
        return AuthenticateResult.Success(
            new AuthenticationTicket(new ClaimsPrincipal(identity), properties, SchemeName));
    }
}
