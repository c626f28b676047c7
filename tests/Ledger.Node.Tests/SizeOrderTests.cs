using Akka.Actor;
using Akka.Configuration;
using Ledger.Core;
using Ledger.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Node.Tests;

/// <summary>Goal: what can be decided can be stored, sent, read and woken (R17), which holds only while each limit is
/// below the next one. Method: the limits are read from where they take effect in a node: its actor system's
/// configuration, the options of its API and of its database.</summary>
[Collection(PostgresCollection.Name)]
public sealed class SizeOrderTests
{
    [Fact]
    public async Task Each_limit_is_below_the_next()
    {
        var settings = NodeSettings.Read(NodeConfiguration.Build(
        [
            "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
            "--Ledger:Cluster:Port=0", "--Ledger:Cluster:Tls:Enabled=false",
        ]));
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        NodeActors.AddTo(builder.Services, settings);
        using var host = builder.Build();
        await host.StartAsync();
        var config = host.Services.GetRequiredService<ActorSystem>().Settings.Config;
        var remote = config.GetConfig("akka.remote.dot-netty.tcp");
        var journal = config.GetConfig("akka.persistence.journal.ledger");
        var frame = Bytes(remote, "maximum-frame-size");
        var row = Bytes(journal, "row-bytes-max");
        var group = Bytes(journal, "batch-bytes-max");
        var page = Bytes(journal, "read-page-bytes");
        var snapshot = Bytes(config.GetConfig("akka.persistence.snapshot-store.ledger"), "snapshot-bytes-max");
        await host.StopAsync();

        var grpc = settings.Grpc;
        var runtime = new AccountMachineOptions();
        var statement = settings.PostgreSqlStorage.StatementTimeout;
        var link = (long)(LedgerSizes.LinkBytesPerSecond * statement.TotalSeconds);
        Ordered(
            ("metadata of a transfer", LedgerSizes.MetadataMax),
            ("transfer", LedgerSizes.TransferMax),
            ("row that is full", LedgerSizes.RowFull),
            ("transaction", LedgerSizes.TransactionMax),
            ("row that can be stored", row),
            ("answer", LedgerSizes.AnswerMax),
            ("response that is sent", grpc.MaxSendMessageBytes),
            ("message between nodes", LedgerSizes.MessageMax),
            ("frame between nodes", frame),
            ("page of rows", page),
            ("group of rows", group + row),
            ("snapshot", snapshot),
            ("what 100 Mbit/s bring within a statement's time", link));

        // What a transaction comes in must fit into a request, and all of its forms into what carries them.
        Ordered(("transaction", LedgerSizes.TransactionMax), ("request", grpc.MaxReceiveMessageBytes));
        grpc.MaxReceiveMessageBytes.ShouldBe(LedgerSizes.RequestMax);
        LedgerSizes.JsonRequestMax.ShouldBe(2 * LedgerSizes.RequestMax);
        row.ShouldBe(LedgerSizes.RowMax);
        frame.ShouldBe(LedgerSizes.FrameMax);
        group.ShouldBe(LedgerSizes.GroupFull);
        page.ShouldBe(LedgerSizes.PageMax);
        snapshot.ShouldBe(LedgerSizes.SnapshotMax);
        journal.GetInt("batch-ids-max").ShouldBe(LedgerSizes.GroupIdsMax);

        // A snapshot falls due long before what follows it takes as long to bring as it does itself.
        runtime.SnapshotEveryBytes.ShouldBeLessThan(snapshot);
        Bytes(remote, "send-buffer-size").ShouldBeGreaterThanOrEqualTo(2 * frame);
        Bytes(remote, "receive-buffer-size").ShouldBeGreaterThanOrEqualTo(2 * frame);
        journal.GetInt("batch-rows-max").ShouldBe(LedgerSizes.GroupRowsMax);

        // The largest row is one event, a transaction, with what a row says of itself; or as many as make it full.
        runtime.BatchEventsMax.ShouldBe(LedgerSizes.RowEventsMax);
        statement.ShouldBe(new PostgreSqlStorageOptions().StatementTimeout);
    }

    private static void Ordered(params (string Name, long Bytes)[] limits)
    {
        for (var i = 1; i < limits.Length; i++)
        {
            limits[i].Bytes.ShouldBeGreaterThan(
                limits[i - 1].Bytes, $"{limits[i].Name} must be above {limits[i - 1].Name}");
        }
    }

    private static long Bytes(Config config, string key) => config.GetByteSize(key, 0)
        ?? throw new InvalidOperationException($"{key} is missing.");
}
