using Grpc.Core;

namespace Ledger.Grpc.Errors;

/// <summary>Why a call, or an item of a stream, failed: the reason of its ErrorInfo, and what goes with it.</summary>
/// <param name="Name">The reason, in UPPER_SNAKE_CASE; part of the contract.</param>
/// <param name="Code">The gRPC status.</param>
/// <param name="OutcomeUnknown">Whether a write may have been applied.</param>
/// <param name="RetryAfter">How long to wait before the same request is sent again; null when that would not help, or
/// when the caller should decide.</param>
internal sealed record ErrorReason(
    string Name, StatusCode Code, bool OutcomeUnknown = false, TimeSpan? RetryAfter = null);
