using System.Security.Claims;
using System.Text;
using Ledger.Access;
using Ledger.Grpc.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Grpc.Tests;

/// <summary>A policy, and callers who show a name and are believed.</summary>
internal sealed class KnownCallers(string policy) : IAccessPolicySource
{
    public const string Header = "x-caller";

    public AccessPolicy Current { get; set; } = AccessPolicy.Parse(Encoding.UTF8.GetBytes(policy));

    public FakeTimeProvider Clock { get; } = new();

    /// <summary>When what callers show expires.</summary>
    public DateTimeOffset? ExpireTime { get; set; }

    /// <summary>Whether what they show is still taken.</summary>
    public bool IsStillTaken { get; set; } = true;

    public void AddTo(IServiceCollection services)
    {
        services.AddSingleton<IAccessPolicySource>(this);
        services.AddSingleton<TimeProvider>(Clock);
    }

    public void UseOn(IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.Headers[Header] is [{ } name])
        {
            var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], "test"));
            context.User = user;
            var properties = new AuthenticationProperties { ExpiresUtc = ExpireTime };
            properties.SetParameter<Func<bool>>(AccessGate.StillTakenKey, () => IsStillTaken);
            context.Features.Set<IAuthenticateResultFeature>(new Result
            {
                AuthenticateResult = AuthenticateResult.Success(new AuthenticationTicket(user, properties, "test")),
            });
        }

        return next(context);
    });

    private sealed class Result : IAuthenticateResultFeature
    {
        public AuthenticateResult? AuthenticateResult { get; set; }
    }
}
