using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Ledger.Node.Security;

/// <summary>An issuer's keys as they are published: no secret one is among them, with which whoever knows it could make
/// tokens.</summary>
internal static class JwksConfiguration
{
    private const string SymmetricKey = "oct";

    /// <summary>Reads a JSON Web Key Set.</summary>
    /// <param name="json">The text.</param>
    /// <param name="issuer">Whose keys they are.</param>
    /// <exception cref="ArgumentException">It is no key set, or holds no public key.</exception>
    public static OpenIdConnectConfiguration Read(string json, string issuer)
    {
        var configuration = new OpenIdConnectConfiguration { Issuer = issuer };
        foreach (var key in new JsonWebKeySet(json).Keys)
        {
            if (!string.Equals(key.Kty, SymmetricKey, StringComparison.Ordinal))
            {
                configuration.SigningKeys.Add(key);
            }
        }

        return configuration.SigningKeys.Count > 0
            ? configuration
            : throw new ArgumentException("The key set holds no public key.", nameof(json));
    }

    /// <summary>Gets the key set from an address, as often as the framework asks for it.</summary>
    internal sealed class Retriever(string issuer) : IConfigurationRetriever<OpenIdConnectConfiguration>
    {
        public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(
            string address, IDocumentRetriever retriever, CancellationToken cancel) =>
            Read(await retriever.GetDocumentAsync(address, cancel), issuer);
    }
}
