using System.Security.Cryptography;
using System.Text.Json;
using Ledger.Grpc.Access;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Ledger.Node.Security;

/// <summary>Which tokens are taken.</summary>
internal sealed class JwtSetup(JwtOptions settings, TimeProvider clock, ILoggerFactory loggers)
    : IConfigureNamedOptions<JwtBearerOptions>
{
    private const string Confirmation = "cnf";
    private const string Thumbprint = "x5t#S256";

    // Those that are signed with a key that only the issuer has. RS256 is what most issuers sign with.
    private static readonly string[] s_algorithms =
        [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSha256];

    private static readonly string[] s_known =
    [
        .. s_algorithms, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
        SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
    ];

    /// <summary>Checks the settings.</summary>
    /// <exception cref="SettingsException">They are not enough to tell a token by.</exception>
    public static void Check(JwtOptions settings)
    {
        const string Section = "Ledger:Security:Jwt";
        if (Principals.Check(settings.PrincipalPrefix) is { } problem)
        {
            throw new SettingsException($"{Section}:PrincipalPrefix {problem}");
        }

        foreach (var algorithm in settings.Algorithms)
        {
            if (!s_known.Contains(algorithm, StringComparer.Ordinal))
            {
                throw new SettingsException(
                    $"{Section}:Algorithms names '{algorithm}'; there are {string.Join(", ", s_known)}");
            }
        }

        if (settings.Issuer is not { Length: > 0 })
        {
            foreach (var (name, value) in new[] { ("JwksUrl", settings.JwksUrl), ("JwksPath", settings.JwksPath) })
            {
                if (value is not null)
                {
                    throw new SettingsException(
                        $"{Section}:{name} means nothing without {Section}:Issuer, whose keys they are");
                }
            }

            return;
        }

        if (settings.JwksPath is null == settings.JwksUrl is null)
        {
            throw new SettingsException(
                $"{Section}:Issuer needs the issuer's keys from one place: set JwksUrl, or JwksPath where it can't be "
                    + "reached");
        }

        if (settings.JwksUrl is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var uri)
            && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))))
        {
            throw new SettingsException(
                $"{Section}:JwksUrl is '{url}'; it must be an https address, since whoever changes the keys on their "
                + "way may make tokens. http is taken on this machine alone");
        }

        if (settings.JwksPath is { } path)
        {
            try
            {
                JwksConfiguration.Read(File.ReadAllText(path), settings.Issuer);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                throw new SettingsException($"{Section}:JwksPath: {path} can't be used: {e.Message}");
            }
        }
    }

    public void Configure(JwtBearerOptions options) => Configure(JwtBearerDefaults.AuthenticationScheme, options);

    public void Configure(string? name, JwtBearerOptions options)
    {
        var issuer = settings.Issuer!;
        options.MapInboundClaims = false;
        options.SaveToken = false;

        // Why a token is not taken is nobody's business but the log's.
        options.IncludeErrorDetails = false;
        options.ConfigurationManager = settings.JwksPath is { } path
            ? new JwksFile(path, issuer, clock, loggers.CreateLogger<JwksFile>())
            : new ConfigurationManager<OpenIdConnectConfiguration>(
                settings.JwksUrl!, new JwksConfiguration.Retriever(issuer),
                new HttpDocumentRetriever { RequireHttps = !new Uri(settings.JwksUrl!).IsLoopback })
            {
                AutomaticRefreshInterval = BaseConfigurationManager.MinimumAutomaticRefreshInterval,
                UseLastKnownGoodConfiguration = false,
            };
        options.TokenValidationParameters = new TokenValidationParameters
        {
            ValidIssuer = issuer,
            ValidateIssuer = true,
            ValidAudience = settings.Audience,
            ValidateAudience = true,
            ValidateLifetime = true,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            ValidateIssuerSigningKey = true,
            ValidAlgorithms = settings.Algorithms.Length > 0 ? settings.Algorithms : s_algorithms,
            ClockSkew = settings.ClockSkew,
            NameClaimType = Principal,
        };
        options.Events = new JwtBearerEvents { OnTokenValidated = ValidatedAsync };
    }

    /// <summary>The claim that holds the principal once a token is taken.</summary>
    private const string Principal = "ledger_principal";

    private Task ValidatedAsync(TokenValidatedContext context)
    {
        if (context.SecurityToken is not JsonWebToken token
            || context.Principal?.Identity is not System.Security.Claims.ClaimsIdentity identity)
        {
            context.Fail("It is no JSON Web Token.");
            return Task.CompletedTask;
        }

        if (token.IssuedAt == DateTime.MinValue || token.ValidTo - token.IssuedAt > settings.LifetimeMax
            || token.ValidTo > clock.GetUtcNow().UtcDateTime + settings.LifetimeMax + settings.ClockSkew)
        {
            context.Fail($"It is valid for longer than {settings.LifetimeMax}, or does not say since when.");
            return Task.CompletedTask;
        }

        // RFC 8705: a token that is bound to a certificate does not serve whoever has stolen it alone.
        if (token.TryGetPayloadValue<JsonElement>(Confirmation, out var confirmation)
            && !(confirmation.ValueKind == JsonValueKind.Object
                && confirmation.TryGetProperty(Thumbprint, out var bound)
                && context.HttpContext.Connection.ClientCertificate is { } shown
                && string.Equals(
                    bound.GetString(), Base64UrlEncoder.Encode(SHA256.HashData(shown.RawData)),
                    StringComparison.Ordinal)))
        {
            context.Fail("It is bound to another certificate than the one that is shown.");
            return Task.CompletedTask;
        }

        if (!token.TryGetPayloadValue<string>(settings.PrincipalClaim, out var subject)
            || string.IsNullOrEmpty(subject))
        {
            context.Fail($"It has no claim {settings.PrincipalClaim}.");
            return Task.CompletedTask;
        }

        // Whatever else the token says can't be taken for it.
        foreach (var forged in identity.FindAll(Principal).ToArray())
        {
            identity.RemoveClaim(forged);
        }

        context.Properties.SetParameter(AccessGate.CredentialKey, "token:" + token.Id);
        identity.AddClaim(new System.Security.Claims.Claim(Principal, settings.PrincipalPrefix + subject));
        return Task.CompletedTask;
    }
}
