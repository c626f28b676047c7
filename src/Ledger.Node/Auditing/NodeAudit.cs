using System.Net;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Access;
using Ledger.Node.Security;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node.Auditing;

/// <summary>Keeps the audit log of a node, and puts on record what the node itself does: policies and certificates that
/// come into force or don't, and handshakes that are refused.</summary>
internal static class NodeAudit
{
    private const string HealthName = "ledger-audit";

    /// <summary>Adds it, where the settings ask for it.</summary>
    public static void AddTo(IServiceCollection services, NodeSettings settings)
    {
        if (!IsKept(settings))
        {
            return;
        }

        services.AddSingleton(provider => Open(settings, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<IAuditLog>(static provider => provider.GetRequiredService<AuditLog>());
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            HealthName, static provider =>
                new AuditHealthCheck(provider.GetRequiredService<AuditLog>()), HealthStatus.Degraded, null));
        services.AddSingleton<IHostedService>(
            provider => new Begin(() => Watch(provider, settings.Access.Certificates)));
    }

    /// <summary>Whether it is kept.</summary>
    public static bool IsKept(NodeSettings settings) =>
        settings.Audit.Enabled ?? settings.Access.Mode == SecurityMode.Required;

    private static AuditLog Open(NodeSettings settings, ILoggerFactory loggers)
    {
        var log = new AuditTelling(loggers);
        try
        {
            return new AuditLog(
                new AuditSettings(Path.GetFullPath(settings.Audit.Path), NameOf(settings))
                {
                    FileBytesMax = settings.Audit.FileBytesMax, QueueMax = settings.Audit.QueueMax,
                    IsRequired = settings.Audit.Require, Recorded = log.Recorded, Failed = log.Failed,
                    HeadMoved = log.HeadMoved,
                },
                TimeProvider.System);
        }
        catch (AuditException e)
        {
            throw new SettingsException($"Ledger:Audit:Path: {e.Message}");
        }
    }

    private static string NameOf(NodeSettings settings) => settings.IsClustered
        ? $"{settings.Cluster.PublicHostName ?? settings.Cluster.HostName}:"
            + $"{settings.Cluster.PublicPort ?? settings.Cluster.Port}"
        : Environment.MachineName;

    // What is in force at the start is on record as well: what came later is compared with it.
    private static void Watch(IServiceProvider provider, EndpointCertificates? certificates)
    {
        var log = provider.GetRequiredService<IAuditLog>();
        if (provider.GetService<AccessPolicyFile>() is { } policy)
        {
            void Tell() =>
                log.Write(new AuditEvent(policy.Problem is null ? AuditKind.PolicyLoaded : AuditKind.PolicyRefused)
            {
                Target = policy.Path, Detail = policy.Problem ?? $"sha256 {policy.Hash}",
            });

            Tell();
            policy.Changed = Tell;
        }

        if (certificates is not null)
        {
            void TellCertificates(string? problem) => log.Write(
                new AuditEvent(problem is null ? AuditKind.CertificatesLoaded : AuditKind.CertificatesRefused)
                {
                    Detail = problem ?? $"valid until {certificates.ValidTo:u}",
                });

            TellCertificates(null);
            certificates.Looked = TellCertificates;
            var metrics = provider.GetRequiredService<AccessMetrics>();
            certificates.Refused = (from, peer, why) =>
            {
                metrics.Failed(ShownWay.Handshake);
                log.Write(new AuditEvent(AuditKind.AuthenticationFailed)
                {
                    Credential = "certificate:"
                        + peer.SerialNumber, Address = AccessAudit.TextOf((from as IPEndPoint)?.Address),
                    Method = "TLS", Detail = why,
                });
            };
        }
    }
}
