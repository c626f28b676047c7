using System.Collections;
using System.Reflection;
using System.Runtime.Serialization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Remote.Transport.DotNetty;
using Akka.Serialization;
using Ledger.Actors.Remoting;
using Ledger.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Node.Tests;

/// <summary>Goal: nobody chooses by a number and a name which type a node makes. Method: all serializers of an actor
/// system with a ledger, in each of its forms, against a list; and a node of a cluster that is sent what Akka's JSON
/// would make, by somebody with a good certificate.</summary>
[Collection(PostgresCollection.Name)]
public sealed class SerializerTests : IDisposable
{
    private const string Canary = "/nonexistent/canary-1";

    // Looked at: none of them makes a type that the bytes name, but those of Akka that carry a message of another
    // serializer, by its number.
    private static readonly string[] s_known =
    [
        "Akka.Cluster.Sharding.Serialization.ClusterShardingMessageSerializer",
        "Akka.Cluster.Serialization.ClusterMessageSerializer",
        "Akka.Cluster.Serialization.ReliableDeliverySerializer",
        "Akka.Cluster.Tools.Client.Serialization.ClusterClientMessageSerializer",
        "Akka.Cluster.Tools.PublishSubscribe.Serialization.DistributedPubSubMessageSerializer",
        "Akka.Cluster.Tools.Singleton.Serialization.ClusterSingletonMessageSerializer",
        "Akka.DistributedData.Serialization.ReplicatedDataSerializer",
        "Akka.DistributedData.Serialization.ReplicatorMessageSerializer",
        "Akka.Persistence.Serialization.PersistenceMessageSerializer",
        "Akka.Persistence.Serialization.PersistenceSnapshotSerializer",
        "Akka.Remote.Serialization.MessageContainerSerializer",
        "Akka.Remote.Serialization.MiscMessageSerializer",
        "Akka.Remote.Serialization.PrimitiveSerializers",
        "Akka.Remote.Serialization.ProtobufSerializer",
        "Akka.Remote.Serialization.SystemMessageSerializer",
        "Akka.Serialization.ByteArraySerializer",
        "Akka.Serialization.NullSerializer",
        "Akka.Streams.Serialization.StreamRefSerializer",
        "Ledger.Actors.Journal.LedgerSerializer",
        "Ledger.Actors.Remoting.RefusedDeploymentSerializer",
        "Ledger.Actors.Remoting.RefusedJsonSerializer",
    ];

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-serializers-");

    public static TheoryData<string> Forms => ["local", "embedded", "cluster"];

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Every_serializer_is_one_that_was_looked_at_and_those_that_make_any_type_refuse(string form)
    {
        using var host = Build(form);
        await host.StartAsync();
        var serialization = host.Services.GetRequiredService<ActorSystem>().Serialization;
        var all = All(serialization);
        all.Length.ShouldBeGreaterThan(form == "cluster" ? 10 : 2);
        all.Select(static one => one.GetType().FullName!).Where(static name => !s_known.Contains(name)).ShouldBeEmpty();
        foreach (var id in form == "cluster" ? (int[])[1, 3] : [1])
        {
            var refused = all.Where(one => one.Identifier == id).ShouldHaveSingleItem()
                .ShouldBeAssignableTo<RefusedSerializer>()!;
            Should.Throw<SerializationException>(() => refused.ToBinary(new Version(1, 0)));
            Should.Throw<SerializationException>(() => serialization.Deserialize(Bomb(), id, ""));
            Should.Throw<SerializationException>(
                () => serialization.Deserialize(Bomb(), id, typeof(FileSystemWatcher).AssemblyQualifiedName!));
        }

        await host.StopAsync();
    }

    [Fact]
    public async Task A_peer_with_a_good_certificate_can_have_no_type_made()
    {
        var certificates = new DevCertificates(Path.Combine(directory.FullName, "tls"), "127.0.0.1");
        var port = LoopbackPort.Next();
        using var node = new NodeProcess(
            directory.FullName,
            [
                "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
                $"--Ledger:Cluster:Port={port}", .. certificates.Settings("127.0.0.1"),
            ]);
        await node.ListeningAsync();
        using var pem = X509Certificate2.CreateFromPemFile(
            certificates.Certificate("127.0.0.1"), certificates.Key("127.0.0.1"));
        using var certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pfx), null);
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              loglevel = OFF
              stdout-loglevel = OFF
              actor {
                provider = remote
                serializers.bomb = "{{typeof(BombSerializer).FullName}}, {{typeof(BombSerializer).Assembly.GetName().Name}}"
                serialization-bindings { "{{typeof(BombMessage).FullName}}, {{typeof(BombMessage).Assembly.GetName().Name}}" = bomb }
              }
              remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0, enable-ssl = true }
            }
            """);
        using var rogue = ActorSystem.Create("rogue", BootstrapSetup.Create().WithConfig(config)
            .And(new DotNettySslSetup(certificate, suppressValidation: true)));
        var target = rogue.ActorSelection($"akka.ssl.tcp://ledger@127.0.0.1:{port}/user/anybody");
        await Until.TrueAsync(() =>
        {
            target.Tell(new BombMessage());
            return node.Output.Contains("were refused and not looked at", StringComparison.Ordinal);
        });

        // What Akka's own serializer says once it has made the type.
        node.Output.ShouldNotContain(Canary);
        await rogue.Terminate();
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    public void Dispose() => directory.Delete(recursive: true);

    /// <summary>What Akka's JSON makes a watcher of a directory of.</summary>
    public static byte[] Bomb() => Encoding.UTF8.GetBytes(
        $$"""{"$type":"System.IO.FileSystemWatcher, System.IO.FileSystem.Watcher","Path":"{{Canary}}"}""");

    private static Serializer[] All(Serialization serialization) =>
    [
        .. typeof(Serialization).GetFields(BindingFlags.Instance | BindingFlags.NonPublic)
            .Select(field => field.GetValue(serialization))
            .SelectMany(static value => value switch
            {
                IDictionary map => map.Values.OfType<Serializer>(),
                IEnumerable many => many.OfType<Serializer>(),
                Serializer one => [one],
                _ => [],
            })
            .Distinct(),
    ];

    private IHost Build(string form)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        var file = Path.Combine(directory.FullName, "ledger.db");
        if (form == "embedded")
        {
            builder.Services.AddAkka("application", akka => akka.WithLedger(options => options.UseSqlite(file)));
        }
        else
        {
            NodeActors.AddTo(builder.Services, NodeSettings.Read(NodeConfiguration.Build(form == "local"
                ? [$"--Ledger:Sqlite:Path={file}"]
                : [
                    "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
                    "--Ledger:Cluster:Port=0", "--Ledger:Cluster:Tls:Enabled=false",
                ])));
        }

        return builder.Build();
    }

    /// <summary>A message that is sent as if it were JSON of Akka.</summary>
    public sealed class BombMessage;

    /// <summary>Its serializer, under the number of Akka's JSON.</summary>
    public sealed class BombSerializer(ExtendedActorSystem system) : Serializer(system)
    {
        public override int Identifier => 1;

        public override bool IncludeManifest => false;

        public override byte[] ToBinary(object obj) => Bomb();

        public override object FromBinary(byte[] bytes, Type type) => throw new NotSupportedException();
    }
}
