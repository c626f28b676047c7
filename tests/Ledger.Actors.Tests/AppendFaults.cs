using Akka.Actor.Setup;
using Ledger.Actors.Storage;

namespace Ledger.Actors.Tests;

/// <summary>What goes wrong with appends to the journal of a test. Thread-safe.</summary>
internal sealed class AppendFaults : Setup
{
    private readonly Lock gate = new();
    private Random? random;
    private Func<IReadOnlyList<AppendRow>, AppendMishap>? next;

    /// <summary>How many have gone wrong.</summary>
    public int Count { get; private set; }

    /// <summary>Has about one append in forty go wrong, and one row in two hundred of an incarnation for as long as
    /// it lives.</summary>
    public void Start(int seed)
    {
        lock (gate)
        {
            random = new Random(seed);
        }
    }

    /// <summary>From now on all is well.</summary>
    public void Stop()
    {
        lock (gate)
        {
            random = null;
        }
    }

    /// <summary>Has the first append go wrong that holds a row of a stream, and the same rows alone.</summary>
    public void Once(string stream, AppendMishap mishap)
    {
        string? writer = null;
        lock (gate)
        {
            next = rows =>
            {
                foreach (var row in rows)
                {
                    if (row.PersistenceId == stream && (writer ??= row.WriterUuid) == row.WriterUuid)
                    {
                        return mishap;
                    }
                }

                return AppendMishap.None;
            };
        }
    }

    /// <summary>What happens to an append.</summary>
    public AppendMishap Of(IReadOnlyList<AppendRow> rows)
    {
        lock (gate)
        {
            var mishap = next?.Invoke(rows) ?? AppendMishap.None;
            if (mishap == AppendMishap.None && random is not null)
            {
                mishap = rows.Any(static row => row.SequenceNr > 1 && IsPoisoned(row))
                    ? AppendMishap.Refused
                    : random.Next(80) switch
                    {
                        0 => AppendMishap.NotStored,
                        1 => AppendMishap.AnswerLost,
                        _ => AppendMishap.None,
                    };
            }

            Count += mishap == AppendMishap.None ? 0 : 1;
            return mishap;
        }
    }

    // The same whenever it is tried, as long as its account does not start again.
    private static bool IsPoisoned(AppendRow row) =>
        HashCode.Combine(row.WriterUuid, row.SequenceNr) is var hash && (uint)hash % 200 == 0;
}
