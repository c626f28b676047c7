using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Judging;
using Ledger.Fuzz.Processes;
using Ledger.Fuzz.Sending;
using Ledger.Fuzz.Shrinking;
using Ledger.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using RpcStatus = Google.Rpc.Status;

namespace Ledger.Fuzz.Tests;

/// <summary>A server with a defect: it is found, made small, saved, read, and found again.</summary>
public sealed class PlantedFaultTests : IAsyncLifetime
{
    private const int PatienceInputs = 20_000;

    private readonly WebApplication server;
    private Uri address = null!;

    public PlantedFaultTests()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        server = builder.Build();
        server.Run(AnswerAsync);
    }

    public async Task InitializeAsync()
    {
        await server.StartAsync();
        address = new Uri(
            server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_defect_is_found_made_small_and_found_again()
    {
        using var sender = new Sender(keys: null);
        var maker = new InputMaker(11, new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        Finding? found = null;
        for (var number = 0; found is null && number < PatienceInputs; number++)
        {
            var input = maker.Make(number);
            found = input.Form == InputForm.Grpc
                ? Judge.Find(input, await sender.SendAsync(input, address, default))
                : null;
        }

        found.ShouldNotBeNull().Kind.ShouldContain("Internal");
        var smallest = await new Shrinker(
            async input =>
                Judge.Find(input, await sender.SendAsync(input, address, default))?.Kind == found.Kind,
                TimeSpan.FromMinutes(5))
            .ShrinkAsync(found.Input!);

        // What the defect needs, and nothing else: two fields of the transfer in it.
        var message = WireParts.Split(smallest.ShouldNotBeNull().Body).ShouldNotBeNull().ShouldHaveSingleItem();
        var expected =
            new PostTransferRequest { Transfer = new V1.Transfer { Kind = V1.TransferKind.Hold, ClosingDebit = true } };
        message.Length.ShouldBeLessThanOrEqualTo(expected.CalculateSize());

        var path = Path.GetTempFileName();
        try
        {
            SavedInput.Write(path, WorldKind.SqliteAnonymous, found, smallest, isAlone: true);
            var read = SavedInput.Read(path);
            Judge.Find(read.Input, await sender.SendAsync(read.Input, address, default)).ShouldNotBeNull().Kind
                .ShouldBe(read.Kind);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task What_is_not_brought_about_again_is_left_as_it_is() =>
        (await new Shrinker(static _ => Task.FromResult(false), TimeSpan.FromMinutes(1)).ShrinkAsync(
            new FuzzInput { Form = InputForm.Grpc, Path = "/" })).ShouldBeNull();

    // Fails for a hold that closes its debit account, and refuses all else as it should.
    private static async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var isHit = context.Request.Path.Value == "/ledger.v1.TransferService/PostTransfer"
            && WireParts.Split(body.ToArray()) is [var message]
            && TryParse(message) is { ClosingDebit: true, Kind: V1.TransferKind.Hold };
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = isHit ? "13" : "3";
        var status =
            new RpcStatus
            {
                Details =
                    { Any.Pack(
                        new ErrorInfo { Domain = "ledger", Reason = "X", Metadata = { ["outcome"] = "not_applied" } }) }
            };
        context.Response.Headers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToByteArray());
    }

    private static V1.Transfer? TryParse(byte[] message)
    {
        try
        {
            return PostTransferRequest.Parser.ParseFrom(message).Transfer;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
