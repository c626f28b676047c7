using System.Collections.Concurrent;
using System.Text;
using Akka.Actor;
using Akka.Hosting;
using Akka.Persistence;
using Akka.Serialization;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Storage.Tests;

/// <summary>What the test actor stores.</summary>
internal sealed record Noted(string Text);

/// <summary>What the test actor's snapshots hold.</summary>
internal sealed record NotesState(string[] Texts);

/// <summary>An event whose serializer throws.</summary>
internal sealed record Unwritable;

/// <summary>An event that no serializer is bound to.</summary>
internal sealed record Unbound;

internal sealed class NotesSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public override int Identifier => 7_654_321;

    public override string Manifest(object o) => o switch
    {
        Noted => "noted.v1",
        NotesState => "state.v1",
        JournalRow => "row.v1",
        _ => "unwritable.v1",
    };

    public override byte[] ToBinary(object obj) => obj switch
    {
        Noted noted => Encoding.UTF8.GetBytes(noted.Text),
        NotesState state => Encoding.UTF8.GetBytes(string.Join('\n', state.Texts)),
        JournalRow row => row.Bytes.ToArray(),
        _ => throw new InvalidOperationException("This one can't be written."),
    };

    public override object FromBinary(byte[] bytes, string manifest) => manifest switch
    {
        "noted.v1" => new Noted(Encoding.UTF8.GetString(bytes)),
        "state.v1" => new NotesState(Encoding.UTF8.GetString(bytes).Split('\n')),
        _ => throw new InvalidOperationException($"Unknown manifest {manifest}."),
    };
}

internal sealed record Write(params object[] Events);

internal sealed record Written(long SequenceNr);

internal sealed record Read;

internal sealed record Snap;

internal sealed record DropSnapshots;

internal sealed record Contents(string[] Texts, long SequenceNr, long ReplayedEvents);

/// <summary>A persistent actor as an account is one.</summary>
internal sealed class NotesActor : ReceivePersistentActor
{
    private readonly List<string> _texts = [];
    private long _replayed;

    public NotesActor(string persistenceId)
    {
        PersistenceId = persistenceId;
        Recover<Noted>(noted =>
        {
            _replayed++;
            _texts.Add(noted.Text);
        });
        Recover<SnapshotOffer>(offer => _texts.AddRange(((NotesState)offer.Snapshot).Texts));
        Command<Write>(write =>
        {
            var sender = Sender;
            var left = write.Events.Length;
            if (left == 1)
            {
                PersistAsync(write.Events[0], e =>
                {
                    _texts.Add(e is JournalRow ? "" : ((Noted)e).Text);
                    sender.Tell(new Written(LastSequenceNr));
                });
                return;
            }

            PersistAllAsync(write.Events, e =>
            {
                _texts.Add(e is JournalRow ? "" : ((Noted)e).Text);
                if (--left == 0)
                {
                    sender.Tell(new Written(LastSequenceNr));
                }
            });
        });
        Command<Snap>(_ =>
        {
            var sender = Sender;
            SaveSnapshot(new NotesState([.. _texts]));
            Become(() =>
            {
                Command<SaveSnapshotSuccess>(success => sender.Tell(new Written(success.Metadata.SequenceNr)));
                Command<SaveSnapshotFailure>(failure => sender.Tell(new Status.Failure(failure.Cause)));
            });
        });
        Command<DropSnapshots>(_ =>
        {
            var sender = Sender;
            DeleteSnapshots(SnapshotSelectionCriteria.Latest);
            Become(() =>
            {
                Command<DeleteSnapshotsSuccess>(_ => sender.Tell(new Written(LastSequenceNr)));
                Command<DeleteSnapshotsFailure>(failure => sender.Tell(new Status.Failure(failure.Cause)));
            });
        });
        Command<Read>(_ => Sender.Tell(new Contents([.. _texts], LastSequenceNr, _replayed)));
    }

    public override string PersistenceId { get; }
}

/// <summary>A running actor system over a storage, configured as in production.</summary>
internal sealed class Node : IAsyncDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(1);

    private readonly IHost _host;
    private readonly ConcurrentBag<IActorRef> _stopped = [];

    private readonly LedgerStorage _storage;

    private Node(IHost host, LedgerStorage storage)
    {
        _host = host;
        _storage = storage;
        System = host.Services.GetRequiredService<ActorSystem>();
    }

    public ActorSystem System { get; }

    public static async Task<Node> StartAsync(LedgerStorage storage, string? hocon = null, bool prepare = true)
    {
        if (prepare)
        {
            storage.Prepare();
        }

        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddAkka("notes", (akka, _) =>
        {
            akka.WithCustomSerializer(
                "notes",
                [typeof(Noted), typeof(NotesState), typeof(Unwritable), typeof(JournalRow)],
                system => new NotesSerializer(system));
            akka.AddHocon(
                "akka.loglevel = OFF, akka.stdout-loglevel = OFF, "
                    + "akka.actor.serialization-settings.allow-unregistered-types = off",
                HoconAddMode.Prepend);
            storage.Configure(akka);
            akka.AddHocon(
                $"akka.persistence {{ journal.plugin = {StorageHocon.JournalPlugin}, snapshot-store.plugin = "
                    + $"{StorageHocon.SnapshotPlugin} }}",
                HoconAddMode.Prepend);
            if (hocon is not null)
            {
                akka.AddHocon(hocon, HoconAddMode.Prepend);
            }
        });
        var host = builder.Build();
        await host.StartAsync();
        var node = new Node(host, storage);

        // There is no other process that could look at a server that was started again.
        DatabaseWatch.Of(node.System).OthersLookWithin = TimeSpan.FromMilliseconds(100);
        return node;
    }

    public IActorRef Open(string persistenceId)
        => System.ActorOf(Props.Create(() => new NotesActor(persistenceId)));

    public static async Task<long> WriteAsync(IActorRef actor, params object[] events)
        => (await actor.Ask<Written>(new Write(events), s_timeout)).SequenceNr;

    public static Task<Contents> ReadAsync(IActorRef actor) => actor.Ask<Contents>(new Read(), s_timeout);

    public async Task<Contents> ReadAgainAsync(string persistenceId)
    {
        var actor = Open(persistenceId);
        var contents = await ReadAsync(actor);
        await actor.GracefulStop(s_timeout);
        return contents;
    }

    /// <summary>Reads an actor, and starts it again for as long as its recovery fails, as callers wake an
    /// account.</summary>
    public async Task<Contents> TryUntilWokenAsync(string persistenceId)
    {
        for (var attempt = 1; ; attempt++)
        {
            var actor = Open(persistenceId);
            var read = ReadAsync(actor);
            _ = read.ContinueWith(static task => task.Exception, TaskScheduler.Default);
            if (await Task.WhenAny(read, StopsAsync(actor)) == read)
            {
                return await read;
            }

            attempt.ShouldBeLessThan(20);
        }
    }

    /// <summary>Waits until an actor has stopped by itself.</summary>
    public async Task<bool> StopsAsync(IActorRef actor)
    {
        try
        {
            await actor.WatchAsync().WaitAsync(s_timeout);
            _stopped.Add(actor);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await System.WhenTerminated.WaitAsync(s_timeout);

        // It lets go of its file when the system has ended, which may be a moment after somebody else was told so.
        (_storage as IDisposable)?.Dispose();
    }
}
