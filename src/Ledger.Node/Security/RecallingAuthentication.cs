using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Ledger.Node.Security;

/// <summary>The framework's authentication, which is not asked again for each call of a connection whose certificate
/// was found good a moment ago. A call that shows a token or a key is judged by that.</summary>
internal sealed class RecallingAuthentication(
    TakenCertificates taken, IAuthenticationSchemeProvider schemes, IAuthenticationHandlerProvider handlers,
    IClaimsTransformation transform, IOptions<AuthenticationOptions> options)
    : AuthenticationService(schemes, handlers, transform, options)
{
    public override Task<AuthenticateResult> AuthenticateAsync(HttpContext context, string? scheme) =>
        (scheme is null or NodeSecurity.SchemeName) && context.Request.Headers.Authorization.Count == 0
        && taken.TryRecall(context, out var known)
            ? known
            : base.AuthenticateAsync(context, scheme);
}
