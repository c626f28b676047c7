using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Http;

/// <summary>The body of a response, of which something is done right before it is ended by whoever ends it.</summary>
/// <param name="inner">The server's own.</param>
/// <param name="explain">What is done.</param>
internal sealed class ExplainedEnd(IHttpResponseBodyFeature inner, Action explain) : IHttpResponseBodyFeature
{
    public Stream Stream => inner.Stream;

    public PipeWriter Writer => inner.Writer;

    public void DisableBuffering() => inner.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        inner.SendFileAsync(path, offset, count, cancellationToken);

    public Task CompleteAsync()
    {
        explain();
        return inner.CompleteAsync();
    }
}
