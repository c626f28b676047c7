using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Certificate;
using Microsoft.Extensions.Caching.Memory;

namespace Ledger.Node.Security;

/// <summary>What a certificate has been found to be, for a few seconds, and until authorities or revocations change. The
/// framework's own cache keeps what is used for as long as it is used, so that a revoked certificate would stay good on
/// a connection that is never idle. Thread-safe.</summary>
internal sealed class TakenCertificates(EndpointCertificates certificates) : ICertificateValidationCache, IDisposable
{
    private const int KeptMax = 10_000;
    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(5);

    private readonly MemoryCache cache = new(new MemoryCacheOptions { SizeLimit = KeptMax });

    public AuthenticateResult? Get(HttpContext context, X509Certificate2 certificate) => cache.Get<AuthenticateResult>(KeyOf(certificate));

    public void Put(HttpContext context, X509Certificate2 certificate, AuthenticateResult result) => cache.Set(
        KeyOf(certificate), result,
        new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = s_keptFor, Size = 1 });

    public void Dispose() => cache.Dispose();

    private (int, string) KeyOf(X509Certificate2 certificate) => (certificates.Version, certificate.Thumbprint);
}
