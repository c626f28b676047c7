using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Ledger.Node;

/// <summary>Has every check of the node shared by all who ask for it.</summary>
internal sealed class SharedHealthChecks(IHostApplicationLifetime lifetime)
    : IPostConfigureOptions<HealthCheckServiceOptions>
{
    public void PostConfigure(string? name, HealthCheckServiceOptions options)
    {
        foreach (var registration in options.Registrations)
        {
            var factory = registration.Factory;
            SharedHealthCheck? shared = null;
            var gate = new Lock();
            registration.Factory = services =>
            {
                lock (gate)
                {
                    return shared ??= new SharedHealthCheck(
                        factory(services), TimeProvider.System, lifetime.ApplicationStopping);
                }
            };
        }
    }
}
