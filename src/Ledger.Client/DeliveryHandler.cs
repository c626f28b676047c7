namespace Ledger.Client;

/// <summary>Tells the <see cref="DeliveryTracker"/> of a call about its attempts.</summary>
internal sealed class DeliveryHandler(HttpMessageHandler inner, Greetings greetings) : DelegatingHandler(inner)
{
    /// <summary>Whether a request failed before anything of it was sent.</summary>
    /// <param name="failure">What this handler has thrown.</param>
    public static bool WasNeverSent(HttpRequestException failure) => failure.HttpRequestError
        is HttpRequestError.ConnectionError
        or HttpRequestError.NameResolutionError
        or HttpRequestError.SecureConnectionError
        or HttpRequestError.ProxyTunnelError;

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var trace = DeliveryTracker.Current;
        // Counted first, then looked whether the call was given up, then sent: whoever gave up and counted none can
        // rely on it that nothing goes out afterwards.
        trace?.Sending();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException failure) when (WasNeverSent(failure))
        {
            trace?.NeverSent();
            throw;
        }
        catch (Exception failure) when (greetings.Behind(failure) is { } refusal)
        {
            trace?.NeverSent();
            throw new HttpRequestException(HttpRequestError.ConnectionError, failure.Message, refusal);
        }
    }
}
