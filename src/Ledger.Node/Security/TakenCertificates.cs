using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Certificate;
using Microsoft.Extensions.Caching.Memory;

namespace Ledger.Node.Security;

/// <summary>What a certificate has been found to be, for a few seconds, and until authorities or revocations change.
/// The framework's own cache keeps what is used for as long as it is used, so that a revoked certificate would stay
/// good on a connection that is never idle. Thread-safe.</summary>
/// <remarks>The calls of a connection all have one certificate object, so most are found by it alone. By its contents
/// it is found for a further connection of the same caller.</remarks>
internal sealed class TakenCertificates(EndpointCertificates certificates, TimeProvider time)
    : ICertificateValidationCache, IDisposable
{
    private const int KeptMax = 10_000;
    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(5);

    private readonly MemoryCache byContent = new(new MemoryCacheOptions { SizeLimit = KeptMax });
    private readonly ConditionalWeakTable<X509Certificate2, Finding> byConnection = [];

    /// <summary>Recalls who has the certificate of a connection, where that was found a few seconds ago.</summary>
    /// <param name="context">The request.</param>
    /// <param name="finding">What was found.</param>
    /// <returns>False where it is to be found again, or is no good one.</returns>
    public bool TryRecall(HttpContext context, [NotNullWhen(true)] out Task<AuthenticateResult>? finding)
    {
        finding = context.Connection.ClientCertificate is { } certificate
            && byConnection.TryGetValue(certificate, out var known) && known.Result.Succeeded && IsGood(known)
                ? known.Task
                : null;
        return finding is not null;
    }

    public AuthenticateResult? Get(HttpContext context, X509Certificate2 certificate)
    {
        if (byConnection.TryGetValue(certificate, out var known) && IsGood(known))
        {
            return known.Result;
        }

        var version = certificates.Version;
        if (byContent.Get<Finding>((version, certificate.Thumbprint)) is not { } found || !IsGood(found))
        {
            // What is found now is found by these authorities and revocations, whatever they are by then.
            context.Items[this] = version;
            return null;
        }

        byConnection.AddOrUpdate(certificate, found);
        return found.Result;
    }

    public void Put(HttpContext context, X509Certificate2 certificate, AuthenticateResult result)
    {
        var version = context.Items[this] is int seen ? seen : certificates.Version;
        var found = new Finding(result, version, time.GetTimestamp());
        byConnection.AddOrUpdate(certificate, found);
        byContent.Set(
            (version, certificate.Thumbprint), found,
            new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = s_keptFor, Size = 1 });
    }

    public void Dispose() => byContent.Dispose();

    private bool IsGood(Finding found) =>
        found.Version == certificates.Version && time.GetElapsedTime(found.At) < s_keptFor;

    private sealed record Finding(AuthenticateResult Result, int Version, long At)
    {
        public Task<AuthenticateResult> Task { get; } = System.Threading.Tasks.Task.FromResult(Result);
    }
}
