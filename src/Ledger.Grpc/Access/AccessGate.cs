using Ledger.Access;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Grpc.Access;

/// <summary>Stands before every method where a policy is in force: whoever has not said who it is, and whoever may
/// never call the method, is refused before anything of the request's body is read.</summary>
internal sealed class AccessGate(IAccessPolicySource policies, CallMetrics metrics, AccessAudit audit)
{
    /// <summary>The parameter of a ticket that holds a <c>Func&lt;bool&gt;</c>: whether what the caller has shown is
    /// still taken.</summary>
    public const string StillTakenKey = "ledger.still_taken";

    /// <summary>The parameter of a ticket that holds what the caller has shown, as
    /// <see cref="Caller.Credential"/>.</summary>
    public const string CredentialKey = "ledger.credential";

    /// <summary>The one text for all causes.</summary>
    public static readonly RequestError NotAuthenticated = new(
        ErrorReasons.Unauthenticated, "The caller must show a certificate, a token or a key that this ledger accepts.");

    private static readonly RequestError s_notAllowed = new(
        ErrorReasons.PermissionDenied, "The caller may not call this: no grant of its principal allows it.");

    /// <summary>Wraps an endpoint.</summary>
    /// <param name="next">What it does.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="rights">The rights of which the caller must have one.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate Wrap(RequestDelegate next, string method, AccessRights rights, bool isJson) => context =>
    {
        if (CallerOf(context) is not { } caller)
        {
            return RefuseNobodyAsync(context, method, isJson);
        }

        context.Features.Set(caller);
        if (Judge(policies, caller, rights) is { } refusal)
        {
            audit.Refused(context, refusal, method);
            return RefuseAsync(context, refusal, isJson, StatusCodes.Status403Forbidden);
        }

        return next(context);
    };

    /// <summary>Judges whether a caller may ever call a method.</summary>
    /// <param name="policies">Where the policy is.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="rights">The rights of the method, of which the caller must have one.</param>
    /// <returns>The refusal; null where it may.</returns>
    public static RequestError? Judge(IAccessPolicySource policies, Caller caller, AccessRights rights) =>
        (policies.Current.Of(caller.Principal).Rights & rights) == AccessRights.None ? s_notAllowed : null;

    private async Task RefuseNobodyAsync(HttpContext context, string method, bool isJson)
    {
        audit.Refused(context, NotAuthenticated, method, await CauseAsync(context));
        await RefuseAsync(context, NotAuthenticated, isJson, StatusCodes.Status401Unauthorized);
    }

    // For the log alone. The framework keeps what it has found, and tells it once more.
    private static async Task<string?> CauseAsync(HttpContext context)
    {
        if (context.User.Identity is { IsAuthenticated: true })
        {
            return "The name is none of a principal.";
        }

        var failure = context.RequestServices.GetService<IAuthenticationService>() is { } authentication
            ? (await authentication.AuthenticateAsync(context, null)).Failure
            : null;
        return failure switch
        {
            null => null,
            AuthenticationFailureException => failure.Message,

            // Texts of the library's hold what the caller has sent.
            _ => failure.GetType().Name,
        };
    }

    private static Caller? CallerOf(HttpContext context)
    {
        if (context.User.Identity is not { IsAuthenticated: true, Name: { Length: > 0 } name }
            || Principals.Check(name) is not null)
        {
            return null;
        }

        var shown = context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties;
        return new Caller(name)
        {
            ExpireTime = shown?.ExpiresUtc, IsStillTaken = shown?.GetParameter<Func<bool>>(StillTakenKey),
            Credential = shown?.GetParameter<string>(CredentialKey),
        };
    }

    private Task RefuseAsync(HttpContext context, RequestError fault, bool isJson, int httpStatus)
    {
        if (isJson && httpStatus == StatusCodes.Status401Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        return CallRefusal.AnswerAsync(context, metrics, fault, isJson, httpStatus);
    }
}
