using System.Net.Http.Json;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Abstractions;
using OpenIddict.Server;

namespace Ledger.Node.Tests.Security;

/// <summary>A real issuer of tokens: OpenIddict, without a database, that gives every client a token of its
/// name.</summary>
internal sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient http = new();

    private TestIssuer(WebApplication app, RsaSecurityKey key) => (this.app, Signature) =
        (app, new SigningCredentials(key, SecurityAlgorithms.RsaSha256));

    /// <summary>What it signs with, for tokens that it does not give.</summary>
    public SigningCredentials Signature { get; }

    /// <summary>As its tokens name it.</summary>
    public string Name => app.Urls.Single().TrimEnd('/') + "/";

    /// <summary>Where its keys are.</summary>
    public string Keys => Name + ".well-known/jwks";

    public static async Task<TestIssuer> StartAsync()
    {
        var key = new RsaSecurityKey(RSA.Create(2048)) { KeyId = "signing" };
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddOpenIddict().AddServer(server =>
        {
            server.EnableDegradedMode().SetTokenEndpointUris("token").AllowClientCredentialsFlow();
            server.AddSigningKey(key).AddEphemeralEncryptionKey().DisableAccessTokenEncryption();
            server.UseAspNetCore().DisableTransportSecurityRequirement();
            server.AddEventHandler<OpenIddictServerEvents.ValidateTokenRequestContext>(
                static handler => handler.UseInlineHandler(static _ => default));
            server.AddEventHandler<OpenIddictServerEvents.HandleTokenRequestContext>(
                static handler => handler.UseInlineHandler(
                static context =>
                {
                    var identity = new ClaimsIdentity("issuer");
                    identity.SetClaim(OpenIddictConstants.Claims.Subject, context.Request.ClientId!);
                    identity.SetResources(context.Request.GetParameter("for")?.ToString() ?? "ledger");
                    if (context.Request.GetParameter("seconds") is { } seconds)
                    {
                        identity.SetAccessTokenLifetime(TimeSpan.FromSeconds((long)seconds));
                    }

                    context.SignIn(new ClaimsPrincipal(identity));
                    return default;
                }));
        });
        var app = builder.Build();
        app.UseRouting();
        await app.StartAsync();
        return new TestIssuer(app, key);
    }

    /// <summary>A token for a client.</summary>
    public async Task<string> TokenAsync(string client, params (string Key, string Value)[] more)
    {
        using var response = await http.PostAsync(Name + "token", new FormUrlEncodedContent(
        [
            KeyValuePair.Create("grant_type", "client_credentials"), KeyValuePair.Create("client_id", client),
            KeyValuePair.Create("client_secret", "x"),
            .. more.Select(static one => KeyValuePair.Create(one.Key, one.Value)),
        ]));
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        return answer.TryGetProperty("access_token", out var token)
            ? token.GetString()!
            : throw new InvalidOperationException($"The issuer gives no token: {answer}");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }
}
