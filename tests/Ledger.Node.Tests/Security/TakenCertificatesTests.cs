using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Ledger.Node.Security;
using Ledger.Tests.Shared;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Node.Tests.Security;

/// <summary>For how long it counts what a certificate was found to be.</summary>
public sealed class TakenCertificatesTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-taken-");
    private readonly FakeTimeProvider clock = new();
    private readonly TestAuthority authority;
    private readonly EndpointCertificates certificates;

    public TakenCertificatesTests()
    {
        authority = new TestAuthority(directory.FullName, "bank");
        var (certificate, key) = authority.Server("node");
        certificates = EndpointCertificates.TryLoad(
            new EndpointTlsOptions
            {
                CertificatePath = certificate, KeyPath = key, ClientAuthorityPath = authority.Path,
            },
            clock)!;
    }

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void A_finding_counts_for_five_seconds_on_every_connection_however_often_it_is_used()
    {
        using var taken = new TakenCertificates(certificates, clock);
        using var shown = authority.Client("spiffe://bank/payments");
        using var again = X509CertificateLoader.LoadCertificate(shown.RawData);
        using var other = authority.Client("spiffe://bank/other");
        Get(shown).ShouldBeNull();
        var result = AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(), "Certificate"));
        taken.Put(new DefaultHttpContext(), shown, result);
        for (var i = 0; i < 49; i++)
        {
            Get(shown).ShouldBe(result);
            Get(again).ShouldBe(result);
            Get(other).ShouldBeNull();
            clock.Advance(TimeSpan.FromMilliseconds(100));
        }

        clock.Advance(TimeSpan.FromMilliseconds(100));
        Get(shown).ShouldBeNull();
        Get(again).ShouldBeNull();

        AuthenticateResult? Get(X509Certificate2 certificate) => taken.Get(new DefaultHttpContext(), certificate);
    }

    [Fact]
    public async Task What_was_found_good_is_recalled_for_its_connection_and_a_refusal_or_an_old_finding_is_not()
    {
        using var taken = new TakenCertificates(certificates, clock);
        using var shown = authority.Client("spiffe://bank/payments");
        using var other = authority.Client("spiffe://bank/other");
        (await RecallAsync(shown)).ShouldBeNull();
        (await RecallAsync(null)).ShouldBeNull();
        var result = AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(), "Certificate"));
        taken.Put(new DefaultHttpContext(), shown, result);
        taken.Put(new DefaultHttpContext(), other, AuthenticateResult.Fail("It is revoked."));
        (await RecallAsync(shown)).ShouldBe(result);
        (await RecallAsync(other)).ShouldBeNull();
        (await RecallAsync(null)).ShouldBeNull();
        clock.Advance(TimeSpan.FromSeconds(5));
        (await RecallAsync(shown)).ShouldBeNull();

        async Task<AuthenticateResult?> RecallAsync(X509Certificate2? certificate)
        {
            var context = new DefaultHttpContext();
            context.Connection.ClientCertificate = certificate;
            return taken.TryRecall(context, out var finding) ? await finding : null;
        }
    }
}
