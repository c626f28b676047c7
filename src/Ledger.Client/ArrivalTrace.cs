namespace Ledger.Client;

/// <summary>Counts the attempts of one call that may have arrived at a node.</summary>
/// <remarks>gRPC reports a call by its last attempt alone. "Connection refused" then says nothing about an attempt before
/// it that was sent and never answered; only by counting can the client say that nothing was asked.</remarks>
internal sealed class ArrivalTrace
{
    private static readonly AsyncLocal<ArrivalTrace?> Ambient = new();
    private readonly bool counts;
    private int arrivals;

    private ArrivalTrace(bool counts) => this.counts = counts;

    public static ArrivalTrace? Current => Ambient.Value;

    /// <summary>Whether any attempt may have reached a node.</summary>
    public bool MayHaveArrived => !counts || Volatile.Read(ref arrivals) > 0;

    /// <summary>Whether an attempt before the last one may have reached a node.</summary>
    public bool EarlierMayHaveArrived => Volatile.Read(ref arrivals) > 1;

    /// <summary>Begins to count for the calls that the caller's flow starts from now on.</summary>
    /// <param name="counts">False where the channel is not ours and nothing can be counted.</param>
    public static ArrivalTrace Begin(bool counts)
    {
        var trace = new ArrivalTrace(counts);
        Ambient.Value = trace;
        return trace;
    }

    public void Sending() => Interlocked.Increment(ref arrivals);

    public void NeverSent() => Interlocked.Decrement(ref arrivals);
}

/// <summary>Tells the <see cref="ArrivalTrace"/> of a call about its attempts.</summary>
internal sealed class ArrivalHandler(HttpMessageHandler inner, Greetings greetings) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var trace = ArrivalTrace.Current;
        // Counted first, then looked whether the call was given up, then sent: whoever gave up and counted none can rely
        // on it that nothing goes out afterwards.
        trace?.Sending();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException failure) when (failure.HttpRequestError
            is HttpRequestError.ConnectionError
            or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError
            or HttpRequestError.ProxyTunnelError)
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
