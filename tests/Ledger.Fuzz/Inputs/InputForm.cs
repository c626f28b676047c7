namespace Ledger.Fuzz.Inputs;

/// <summary>How an input is sent.</summary>
internal enum InputForm
{
    /// <summary>gRPC, over HTTP/2.</summary>
    Grpc,

    /// <summary>JSON, over HTTP/1.1.</summary>
    Json,
}
