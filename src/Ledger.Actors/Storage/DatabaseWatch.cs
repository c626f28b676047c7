using Akka.Actor;

namespace Ledger.Actors.Storage;

/// <summary>What an actor system knows of the database under its journal, shared by whoever writes there. Thread-safe.</summary>
internal sealed class DatabaseWatch : IExtension
{
    private readonly Lock gate = new();
    private volatile string? loss;
    private Action<string>? lost;

    private DatabaseWatch()
    {
    }

    /// <summary>Why the database is known to have lost rows that it had acknowledged; null while it is not. It stays so: from then on
    /// nothing is written.</summary>
    public string? Loss => loss;

    /// <summary>The watch of an actor system.</summary>
    public static DatabaseWatch Of(ActorSystem system) => system.WithExtension<DatabaseWatch, Provider>();

    /// <summary>Sets what is to be done, once, when a loss is noticed; at once if one has been.</summary>
    public void WhenLost(Action<string> action)
    {
        lock (gate)
        {
            lost = action;
            if (loss is null)
            {
                return;
            }
        }

        action(loss);
    }

    /// <summary>Notes that the database has lost rows. The first evidence counts.</summary>
    public void ReportLoss(string evidence)
    {
        Action<string>? action;
        lock (gate)
        {
            if (loss is not null)
            {
                return;
            }

            loss = evidence;
            action = lost;
        }

        action?.Invoke(evidence);
    }

    private sealed class Provider : ExtensionIdProvider<DatabaseWatch>
    {
        public override DatabaseWatch CreateExtension(ExtendedActorSystem system) => new();
    }
}
