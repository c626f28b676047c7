using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Ledger.Grpc.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Certificate;
using Microsoft.Extensions.Options;

namespace Ledger.Node.Security;

/// <summary>Which certificates of callers are taken: those that the handshake has taken, judged anew at each call, so
/// that a connection does not outlive what it was made with.</summary>
internal sealed class CertificateSetup(EndpointCertificates certificates, string ofTokens)
    : IConfigureNamedOptions<CertificateAuthenticationOptions>
{
    public void Configure(CertificateAuthenticationOptions options) =>
        Configure(CertificateAuthenticationDefaults.AuthenticationScheme, options);

    public void Configure(string? name, CertificateAuthenticationOptions options)
    {
        options.AllowedCertificateTypes = CertificateTypes.Chained;
        options.ChainTrustValidationMode = X509ChainTrustMode.CustomRootTrust;
        options.CustomTrustStore = certificates.ClientAuthority;
        options.RevocationMode = X509RevocationMode.NoCheck;
        options.Events = new CertificateAuthenticationEvents { OnCertificateValidated = ValidatedAsync };
    }

    private Task ValidatedAsync(CertificateValidatedContext context)
    {
        var certificate = context.ClientCertificate;
        if (certificates.IsRevoked(certificate))
        {
            context.Fail("It is revoked.");
        }
        else if (CertificateName.Of(certificate) is not { } principal
            || (ofTokens.Length > 0 && principal.StartsWith(ofTokens, StringComparison.Ordinal)))
        {
            // A name without a place could be that of a key or of a token.
            context.Fail("It does not name exactly one URI, such as spiffe://bank/payments.");
        }
        else
        {
            context.Principal = new ClaimsPrincipal(
                new ClaimsIdentity([new Claim(ClaimTypes.Name, principal)], context.Scheme.Name));
            context.Properties ??= new AuthenticationProperties();
            context.Properties.SetParameter(AccessGate.CredentialKey, "certificate:" + certificate.SerialNumber);
            context.Properties.SetParameter<Func<bool>>(
                AccessGate.StillTakenKey, () => !certificates.IsRevoked(certificate));
            context.Properties.ExpiresUtc = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
            context.Success();
        }

        return Task.CompletedTask;
    }
}
