using System.Net.Http.Headers;

namespace Ledger.Client;

/// <summary>Shows the caller's token with each request.</summary>
internal sealed class TokenHandler(HttpMessageHandler inner, Func<CancellationToken, ValueTask<string>> token)
    : DelegatingHandler(inner)
{
    /// <summary>The header that shows a token.</summary>
    public const string Header = "authorization";

    private const string Scheme = "Bearer";

    /// <summary>What the header says of a token.</summary>
    public static string Show(string token) => $"{Scheme} {token}";

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue(Scheme, await token(cancellationToken));
        return await base.SendAsync(request, cancellationToken);
    }
}
