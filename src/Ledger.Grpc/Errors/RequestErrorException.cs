namespace Ledger.Grpc.Errors;

/// <summary>A fault that ends the call.</summary>
internal sealed class RequestErrorException(RequestError fault) : Exception(fault.Message)
{
    public RequestError Fault { get; } = fault;
}
