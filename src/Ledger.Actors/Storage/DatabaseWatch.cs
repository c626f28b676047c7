using System.Diagnostics;
using Akka.Actor;

namespace Ledger.Actors.Storage;

/// <summary>What an actor system knows of the database under its journal, shared by all that write there (R19).
/// Thread-safe.</summary>
/// <remarks>
/// <para>W1. Whoever opens a connection, to write or to read, first looks at what is there, and shows it to
/// <see cref="Meet"/>.</para>
/// <para>W2. Where it is another history or epoch than before, <see cref="Generation"/> grows before anything is
/// written or answered, and what belongs to an older generation is neither written nor said. What accounts say to each
/// other carries the
/// <see cref="DatabaseMark"/> of what it rests on, and is taken only by those that were read from the same.</para>
/// <para>W3. Where it is the same, and the server was started anew, the process is silent, and writes nothing, until
/// its lease is renewed there and all others have looked: they may know of rows that are gone, and what this one has in
/// memory may rest on these.</para>
/// <para>W4. The newest row that each writer knows to be durable is remembered. What a database has lost is an end of
/// its history, so as long as that row is there, everything before it is, of sleeping accounts too.</para>
/// <para>W5. Once there is evidence of a loss nothing is written or said any more.</para>
/// </remarks>
internal sealed class DatabaseWatch : IExtension
{
    private const int WritersMax = 8;

    private readonly Lock gate = new();
    private readonly AcknowledgedRow?[] acknowledged = new AcknowledgedRow?[WritersMax];
    private DatabaseState? known;
    private DatabaseHistory history = new(0, null);
    private TaskCompletionSource? confirmation;
    private int changes;
    private int confirmed;
    private long changedAt;
    private int writers;
    private volatile string? loss;
    private Action? lost;
    private Action<DatabaseState>? changed;
    private Action? restarted;

    /// <summary>This life of the process; never used again.</summary>
    public Guid Process { get; } = Guid.NewGuid();

    /// <summary>Grows whenever the database is another one than before, or has been started anew: what was found before
    /// says nothing about it.</summary>
    public int Changes => Volatile.Read(ref changes);

    /// <summary>How long it takes at most, after a change, until every other process has looked at the database or is
    /// silent.</summary>
    public TimeSpan OthersLookWithin { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether what was read there may be told to anybody as it is: nobody else can know of rows that it
    /// lacks.</summary>
    public bool IsConfirmed => loss is null && (Volatile.Read(ref confirmed) == Changes
        || Stopwatch.GetElapsedTime(Volatile.Read(ref changedAt)) > OthersLookWithin);

    /// <summary>Grows whenever accounts must start again from the journal.</summary>
    public int Generation => History.Generation;

    /// <summary>The history that accounts are read from now.</summary>
    public DatabaseHistory History => Volatile.Read(ref history);

    /// <summary>Why the database is known to have lost rows that it had acknowledged; null while it is not. It stays
    /// so.</summary>
    public string? Loss => loss;

    /// <summary>The epoch whose journal has lost rows; null where there is no loss, or where it is not known.</summary>
    public long? LostEpoch { get; private set; }

    /// <summary>Whether the process must end once the loss is on record.</summary>
    public bool MustEnd { get; private set; }

    /// <summary>What the database was when it was last looked at; null before.</summary>
    public DatabaseState? Known
    {
        get
        {
            lock (gate)
            {
                return known;
            }
        }
    }

    /// <summary>The watch of an actor system.</summary>
    public static DatabaseWatch Of(ActorSystem system) => system.WithExtension<DatabaseWatch, Provider>();

    /// <summary>Says what is to be done when a loss is noticed, at once if one has been; when the database has changed;
    /// and when it was only started anew.</summary>
    public void Notify(Action whenLost, Action<DatabaseState> whenChanged, Action whenRestarted)
    {
        lock (gate)
        {
            lost = whenLost;
            changed = whenChanged;
            restarted = whenRestarted;
        }

        if (loss is not null)
        {
            whenLost();
        }
    }

    /// <summary>The mark of what an account says that was read in a generation; null where it needs none.</summary>
    public DatabaseMark? MarkOf(int generation) =>
        History is var now && now.Generation == generation ? now.Mark : DatabaseMark.Over;

    /// <summary>Waits until <see cref="IsConfirmed"/>, or until it never will be, because the database has lost
    /// rows.</summary>
    public async Task WhenConfirmedAsync()
    {
        while (loss is null && !IsConfirmed)
        {
            Task told;
            lock (gate)
            {
                confirmation ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                told = confirmation.Task;
            }

            if (loss is null && !IsConfirmed)
            {
                var left = OthersLookWithin - Stopwatch.GetElapsedTime(Volatile.Read(ref changedAt));
                left = left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
                await Task.WhenAny(told, Task.Delay(left)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A place for the rows of one more writer.</summary>
    public int AddWriter() => (Interlocked.Increment(ref writers) - 1) % WritersMax;

    /// <summary>Notes the last row of an append that was acknowledged.</summary>
    public void Acknowledged(int writer, in AppendRow row) =>
        Acknowledged(writer, new AcknowledgedRow(row.PersistenceId, row.SequenceNr, row.WriterUuid));

    /// <summary>Notes a row that must be there.</summary>
    public void Acknowledged(int writer, AcknowledgedRow row) => Volatile.Write(ref acknowledged[writer], row);

    /// <summary>The rows that must be there.</summary>
    public IReadOnlyList<AcknowledgedRow> AcknowledgedRows()
    {
        var rows = new List<AcknowledgedRow>(WritersMax);
        for (var i = 0; i < acknowledged.Length; i++)
        {
            if (Volatile.Read(ref acknowledged[i]) is { } row)
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    /// <summary>Compares what a connection has found with what is known.</summary>
    /// <returns>Whether it is what is known, so that what was decided may be written. If not, look at
    /// <see cref="Loss"/>.</returns>
    public bool Meet(DatabaseState state)
    {
        if (loss is not null)
        {
            return false;
        }

        bool isKnown, isSameLife;
        string? evidence;
        lock (gate)
        {
            // Rows that went lost in an epoch which has ended since are that epoch's loss: a person has seen it.
            var epoch = state.Missing is null ? state.Epoch : known?.Epoch ?? state.Epoch;
            evidence = EvidenceIn(state);
            if (evidence is not null && !TryReport(evidence, epoch, mustEnd: false))
            {
                return false;
            }

            isKnown = known is null || (known.Server == state.Server && known.Epoch == state.Epoch);
            isSameLife = isKnown && (known is null || known.Instance == state.Instance);
            if (evidence is null)
            {
                if (history.Mark is null || !isKnown)
                {
                    Volatile.Write(
                        ref history,
                        new DatabaseHistory(history.Generation + (isKnown ? 0 : 1), DatabaseMark.Of(state)));
                }

                known = state;
                if (!isSameLife)
                {
                    Volatile.Write(ref changedAt, Stopwatch.GetTimestamp());
                    changes++;
                }
            }
        }

        if (evidence is not null)
        {
            lost?.Invoke();
            return false;
        }

        if (!isKnown)
        {
            changed?.Invoke(state);
        }
        else if (!isSameLife)
        {
            restarted?.Invoke();
        }

        return isKnown;
    }

    /// <summary>Notes that all others have looked at the database since a change.</summary>
    /// <param name="seen">How many <see cref="Changes"/> there were before that was asked.</param>
    public void Confirm(int seen)
    {
        Volatile.Write(ref confirmed, seen);
        TellWaiting();
    }

    /// <summary>Notes that the database has lost rows. The first evidence counts.</summary>
    /// <param name="evidence">What was found, for people.</param>
    /// <param name="epoch">The epoch that the database is in; null for the one that is known.</param>
    /// <param name="mustEnd">Whether the process is to end.</param>
    public void ReportLoss(string evidence, long? epoch = null, bool mustEnd = false)
    {
        lock (gate)
        {
            if (!TryReport(evidence, epoch ?? known?.Epoch, mustEnd))
            {
                return;
            }
        }

        lost?.Invoke();
    }

    private bool TryReport(string evidence, long? epoch, bool mustEnd)
    {
        if (loss is not null)
        {
            return false;
        }

        MustEnd = mustEnd;
        LostEpoch = epoch;
        loss = evidence;
        TellWaiting();
        return true;
    }

    // Who is told looks again.
    private void TellWaiting()
    {
        lock (gate)
        {
            confirmation?.TrySetResult();
            confirmation = null;
        }
    }

    private string? EvidenceIn(DatabaseState state) =>
        state.Loss
        ?? (state.Missing is { } row ? $"Row {row} was acknowledged, and the journal does not hold it any more." : null)
        ?? (known is null ? null
            : known.Ledger != state.Ledger
                ? $"The database holds ledger {state.Ledger}, and held ledger {known.Ledger} before."
            : state.Epoch < known.Epoch
                ? $"The database is in epoch {state.Epoch}, and was in epoch {known.Epoch} before."
            : null);

    private sealed class Provider : ExtensionIdProvider<DatabaseWatch>
    {
        public override DatabaseWatch CreateExtension(ExtendedActorSystem system) => new();
    }
}
