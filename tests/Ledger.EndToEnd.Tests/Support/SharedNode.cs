using Grpc.Net.Client;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>One node on SQLite for all tests that only talk to it.</summary>
public sealed class SharedNode : IAsyncLifetime
{
    private readonly Store store = new(Database.Sqlite);
    private NodeProcess node = null!;
    private GrpcChannel channel = null!;
    private static int names;

    internal NodeProcess Node => node;

    internal V1.AccountService.AccountServiceClient Accounts { get; private set; } = null!;

    internal V1.TransferService.TransferServiceClient Transfers { get; private set; } = null!;

    /// <summary>A part of an address that no other test has.</summary>
    internal static string NewName() => $"t{Interlocked.Increment(ref names)}";

    public async Task InitializeAsync()
    {
        node = await NodeProcess.StartAsync(store);
        channel = GrpcChannel.ForAddress(node.Grpc, new GrpcChannelOptions { MaxSendMessageSize = null });
        Accounts = new V1.AccountService.AccountServiceClient(channel);
        Transfers = new V1.TransferService.TransferServiceClient(channel);
    }

    public async Task DisposeAsync()
    {
        channel.Dispose();
        await node.DisposeAsync();
        store.Dispose();
    }
}

[CollectionDefinition(Name)]
public sealed class SharedNodeCollection : ICollectionFixture<SharedNode>
{
    public const string Name = "one node";
}
