using Ledger.Access;
using Ledger.Grpc.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Certificate;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Ledger.Node.Security;

/// <summary>Who may call a node: decided from the settings before anything is opened.</summary>
internal sealed class NodeSecurity : IDisposable
{
    /// <summary>The scheme that asks each caller in the way that it has chosen.</summary>
    public const string SchemeName = "ledger";
    private const string Section = "Ledger:Security";

    private readonly SecurityOptions options;
    private readonly AutoBlockOptions autoBlock;
    private readonly JwtOptions jwt;
    private readonly bool isPublic;

    private NodeSecurity(
        SecurityOptions options, AutoBlockOptions autoBlock, JwtOptions jwt, EndpointCertificates? certificates,
        SecurityMode mode,
        bool isPublic)
    {
        this.options = options;
        this.autoBlock = autoBlock;
        this.jwt = jwt;
        this.isPublic = isPublic;
        Certificates = certificates;
        Mode = mode;
    }

    /// <summary>Whether other machines reach where gRPC is served.</summary>
    public required bool IsGrpcPublic { get; init; }

    /// <summary>Whether the JSON form is served: where only this machine reaches it, or where it is asked
    /// for.</summary>
    public required bool ServesJson { get; init; }

    /// <summary>Whether callers must say who they are.</summary>
    public SecurityMode Mode { get; }

    /// <summary>The certificates of the addresses; null where Kestrel's own section names them, or there are
    /// none.</summary>
    public EndpointCertificates? Certificates { get; }

    private bool TakesTokens => jwt.Issuer is { Length: > 0 };

    /// <summary>Decides.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="asksForJson">Whether the settings ask for the JSON form, or for none; null where they say
    /// nothing.</param>
    /// <param name="clock">The time by which certificates must be valid.</param>
    /// <exception cref="SettingsException">What is set is open to others, or does not go together.</exception>
    public static NodeSecurity Decide(NodeSettings settings, bool? asksForJson, TimeProvider clock)
    {
        var options = settings.Security;
        var servesJson = asksForJson ?? ListenAddress.IsLoopbackUrl(settings.HttpEndpoint.Url);

        // Where nothing but health is served there is nothing to take, and a node without the role front serves no
        // calls.
        var served = new List<(string Setting, string Url)>();
        if (settings.IsFront)
        {
            served.Add(("Ledger:Grpc:Url", settings.GrpcEndpoint.Url));
            if (servesJson)
            {
                served.Add(("Ledger:Http:Url", settings.HttpEndpoint.Url));
            }
        }

        (string Setting, string Url)[] open = [.. served.Where(static one => !ListenAddress.IsLoopbackUrl(one.Url))];
        var isPublic = open.Length > 0;
        var certificates = EndpointCertificates.TryLoad(settings.EndpointTls, clock);
        JwtSetup.Check(settings.Jwt);
        if (certificates is { TakesClients: true } && settings.Jwt is { Issuer: not null, PrincipalPrefix: "" })
        {
            throw new SettingsException(
                $"{Section}:Jwt:PrincipalPrefix is empty: the issuer could make the principal of a certificate.");
        }

        // Who may call is judged by the ledger's own two addresses.
        if (settings.Configuration.GetSection("Kestrel:Endpoints").GetChildren().FirstOrDefault(static endpoint =>
            endpoint.Key is not ("Grpc" or "Json") || endpoint["Url"] is not null) is { } another)
        {
            throw new SettingsException(
                $"{another.Path} would be an address beside Ledger:Grpc:Url and Ledger:Http:Url; a node serves these "
                    + "two.");
        }

        var mode = options.Mode ?? (isPublic ? SecurityMode.Required : SecurityMode.Anonymous);
        if (mode == SecurityMode.Anonymous)
        {
            if (isPublic && !options.AllowAnonymous)
            {
                throw new SettingsException(
                    $"{open[0].Setting} is {open[0].Url}, which other machines reach, and whoever reaches it could "
                    + $"move all money. Set {Section}:Mode=Required with certificates, tokens or keys and a policy "
                    + $"(docs/operating/security.md), or {Section}:AllowAnonymous=true where nobody else is on that "
                    + "network.");
            }

            if (options.PolicyPath is not null || settings.Jwt.Issuer is not null)
            {
                throw new SettingsException(
                    $"{Section}:PolicyPath or {Section}:Jwt:Issuer is set, and {Section}:Mode is Anonymous, so that "
                    + $"nobody would be asked. Set {Section}:Mode=Required.");
            }
        }
        else if (settings.IsFront)
        {
            RequireMeans(settings, open, certificates);
        }

        return new NodeSecurity(options, settings.AutoBlock, settings.Jwt, certificates, mode, isPublic)
        {
            IsGrpcPublic = !ListenAddress.IsLoopbackUrl(settings.GrpcEndpoint.Url), ServesJson = servesJson,
        };
    }

    /// <summary>Adds what asks callers who they are.</summary>
    public void AddTo(IServiceCollection services)
    {
        if (Certificates is { } certificates)
        {
            services.AddHealthChecks().AddCheck("ledger-certificates", certificates.Check);
            services.AddSingleton<IHostedService>(provider =>
                new Begin(() => certificates.Watch(provider.GetRequiredService<ILogger<EndpointCertificates>>())));
        }

        if (Mode == SecurityMode.Anonymous)
        {
            if (isPublic)
            {
                services.AddHostedService<AnonymousReminder>();
                services.AddHealthChecks().AddCheck("ledger-security", static () => HealthCheckResult.Degraded(
                    "Nobody is asked who they are, and other machines reach this node."));
            }

            return;
        }

        services.AddSingleton(provider => new AccessPolicyFile(
            options.PolicyPath!, TimeProvider.System, provider.GetRequiredService<ILogger<AccessPolicyFile>>()));
        services.AddSingleton<IAccessPolicySource>(static provider => provider.GetRequiredService<AccessPolicyFile>());
        services.AddSingleton(new KeyLockout(TimeProvider.System));
        services.AddSingleton(autoBlock);
        services.AddSingleton<IRefusalObserver, AutoBlock>();
        services.AddHealthChecks().AddCheck<PolicyHealthCheck>("ledger-policy", HealthStatus.Degraded);
        var authentication = services.AddAuthentication(SchemeName)
            .AddPolicyScheme(SchemeName, null, scheme => scheme.ForwardDefaultSelector = Choose)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        if (TakesTokens)
        {
            authentication.AddJwtBearer();
            services.AddSingleton<IConfigureOptions<JwtBearerOptions>>(provider =>
                new JwtSetup(jwt, TimeProvider.System, provider.GetRequiredService<ILoggerFactory>()));
        }

        if (Certificates is { TakesClients: true } taken)
        {
            authentication.AddCertificate();
            services.AddSingleton(_ => new TakenCertificates(taken, TimeProvider.System));
            services.AddSingleton<ICertificateValidationCache>(
                static provider => provider.GetRequiredService<TakenCertificates>());
            services.AddScoped<IAuthenticationService, RecallingAuthentication>();
            services.AddSingleton<IConfigureOptions<CertificateAuthenticationOptions>>(
                new CertificateSetup(taken, TakesTokens ? jwt.PrincipalPrefix : ""));
            services.AddSingleton<IHostedService>(provider => new Begin(() =>
                taken.Changed = () => provider
                    .GetRequiredService<IOptionsMonitorCache<CertificateAuthenticationOptions>>().Clear()));
        }
    }

    /// <summary>Asks callers who they are, before they are routed.</summary>
    public void Use(WebApplication app)
    {
        if (Mode == SecurityMode.Required)
        {
            app.UseAuthentication();
        }
    }

    public void Dispose() => Certificates?.Dispose();

    private static void RequireMeans(
        NodeSettings settings, (string Setting, string Url)[] open, EndpointCertificates? certificates)
    {
        var options = settings.Security;
        if (options.PolicyPath is not { Length: > 0 } path)
        {
            throw new SettingsException(
                (open.Length == 0
                    ? $"{Section}:Mode is Required"
                    : $"{open[0].Setting} is {open[0].Url}, which other machines reach")
                + $", and nothing says who may do what. Set {Section}:PolicyPath (docs/operating/security.md);"
                + $" or {Section}:Mode=Anonymous and {Section}:AllowAnonymous=true where nobody else is on that "
                + "network.");
        }

        AccessPolicy policy;
        try
        {
            policy = AccessPolicyFile.Read(path);
        }
        catch (AccessPolicyException e)
        {
            throw new SettingsException($"{Section}:PolicyPath: {e.Message}");
        }

        if (settings.Jwt.Issuer is null && certificates is not { TakesClients: true } && policy.KeyCount == 0)
        {
            throw new SettingsException(
                $"{Section}: nobody could say who they are. Set Ledger:Tls:ClientAuthorityPath for certificates,"
                + $" {Section}:Jwt:Issuer for tokens, or put keys into {path}.");
        }

        foreach (var (setting, url) in options.AllowPlaintext ? [] : open)
        {
            if (!BindingAddress.Parse(url).Scheme.Equals(Uri.UriSchemeHttps, StringComparison.OrdinalIgnoreCase))
            {
                throw new SettingsException(
                    $"{setting} is {url}: other machines reach it, and tokens and keys would be read on their way. "
                    + "Use https with Ledger:Tls:CertificatePath and KeyPath, or, behind a proxy that ends TLS,"
                    + $" {Section}:AllowPlaintext=true.");
            }
        }
    }

    private string Choose(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count > 0)
        {
            var isKey = header[0] is { } text
                && text.StartsWith(ApiKeyHandler.Bearer + ApiKey.Prefix, StringComparison.OrdinalIgnoreCase);
            return TakesTokens && !isKey ? JwtBearerDefaults.AuthenticationScheme : ApiKeyHandler.SchemeName;
        }

        return Certificates is { TakesClients: true }
            ? CertificateAuthenticationDefaults.AuthenticationScheme
            : ApiKeyHandler.SchemeName;
    }
}
