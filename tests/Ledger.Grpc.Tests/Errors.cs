using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace Ledger.Grpc.Tests;

/// <summary>What tests expect of every error.</summary>
internal static class Errors
{
    /// <summary>Waits for a call to fail, and checks the form of its error.</summary>
    public static async Task<Error> OfAsync(Func<Task> call)
    {
        var exception = await Should.ThrowAsync<RpcException>(call);
        return Of(exception);
    }

    public static Error Of(RpcException exception)
    {
        var status = exception.GetRpcStatus().ShouldNotBeNull($"{exception.Status} has no details");
        status.Code.ShouldBe((int)exception.StatusCode);
        return Of(status);
    }

    public static Error Of(RpcStatus status)
    {
        var info = status.Details.Where(d => d.Is(ErrorInfo.Descriptor)).ShouldHaveSingleItem().Unpack<ErrorInfo>();
        info.Domain.ShouldBe("ledger");
        info.Reason.ShouldMatch("^[A-Z][A-Z_]+$");
        info.Metadata["outcome"].ShouldBeOneOf("unknown", "not_applied");
        var code = (StatusCode)status.Code;
        (status.GetDetail<RetryInfo>() is not null)
            .ShouldBe(code is StatusCode.Unavailable or StatusCode.ResourceExhausted);
        var violations = status.GetDetail<BadRequest>()?.FieldViolations;
        return new Error(code, info.Reason, violations?.ShouldHaveSingleItem().Field, status.Message, info);
    }

    internal sealed record Error(StatusCode Code, string Reason, string? Field, string Message, ErrorInfo Info);
}
