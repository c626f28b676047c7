using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;

namespace Ledger.Grpc.Tests;

public sealed class HealthTests
{
    [Theory]
    [InlineData("")]
    [InlineData("ledger.v1.AccountService")]
    [InlineData("ledger.v1.TransferService")]
    [InlineData("ledger.v1.TransactionService")]
    public async Task A_service_is_healthy_while_the_ledger_answers(string service)
    {
        await using var host = await GrpcHost.StartAsync();
        (await CheckAsync(host, service)).ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
        host.Ledger.Failure = new LedgerException(LedgerErrorReason.Unavailable, "x");
        (await CheckAsync(host, service)).ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        host.Ledger.Failure = null;
        (await CheckAsync(host, service)).ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
        host.Stop();
        (await CheckAsync(host, service)).ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
    }

    [Fact]
    public async Task Reflection_lists_the_services()
    {
        await using var host = await GrpcHost.StartAsync(static o => o.EnableReflection = true);
        var names = await ListAsync(host);
        names.ShouldContain("ledger.v1.AccountService");
        names.ShouldContain("ledger.v1.TransferService");
        names.ShouldContain("ledger.v1.TransactionService");
    }

    [Fact]
    public async Task Reflection_is_off_unless_it_is_asked_for()
    {
        await using var host = await GrpcHost.StartAsync();
        var exception = await Should.ThrowAsync<RpcException>(() => ListAsync(host));
        exception.StatusCode.ShouldBe(StatusCode.Unimplemented);
    }

    private static async Task<HealthCheckResponse.Types.ServingStatus> CheckAsync(GrpcHost host, string service) =>
        (await new global::Grpc.Health.V1.Health.HealthClient(host.Channel)
            .CheckAsync(new HealthCheckRequest { Service = service })).Status;

    private static async Task<string[]> ListAsync(GrpcHost host)
    {
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        await call.RequestStream.CompleteAsync();
        (await call.ResponseStream.MoveNext()).ShouldBeTrue();
        return [.. call.ResponseStream.Current.ListServicesResponse.Service.Select(static s => s.Name)];
    }
}
