using Grpc.Core;

namespace Ledger.Client.Sharing;

/// <summary>How a call travels on a shared stream.</summary>
/// <typeparam name="TRequest">Its request.</typeparam>
/// <typeparam name="TResponse">Its response.</typeparam>
/// <param name="kind">What it is to the ledger.</param>
/// <param name="wrap">Makes an item of the request.</param>
/// <param name="unwrap">Takes the response from an answer; null where it holds another one.</param>
internal sealed class StreamForm<TRequest, TResponse>(
    CallKind kind, Func<TRequest, V1.CallItem> wrap, Func<V1.CallAnswer, TResponse?> unwrap)
    where TResponse : class
{
    /// <summary>What it is to the ledger.</summary>
    public CallKind Kind => kind;

    /// <summary>Makes an item of the request.</summary>
    public V1.CallItem Wrap(TRequest request) => wrap(request);

    /// <summary>Takes the response from an answer.</summary>
    /// <exception cref="RpcException">It is an error, as the call would have failed.</exception>
    /// <exception cref="LedgerClientException">It can't be understood.</exception>
    public TResponse Unwrap(V1.CallAnswer answer) =>
        answer.OutcomeCase == V1.CallAnswer.OutcomeOneofCase.Error ? throw answer.Error.ToRpcException()
        : unwrap(answer) ?? throw RpcErrorMapper.Malformed("an answer on the stream is not that of its call.", kind);
}
