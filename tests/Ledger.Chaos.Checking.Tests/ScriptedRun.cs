namespace Ledger.Chaos.Checking.Tests;

/// <summary>One small run, call after call, in which a little of everything happens. Its times are made up, so that a
/// test can say what was before what: call number i takes the first half of millisecond i.</summary>
public sealed class ScriptedRun : IAsyncLifetime
{
    private readonly Dictionary<string, int> named = new(StringComparer.Ordinal);
    private List<HistoryRecord> history = [];
    private int files;

    internal RecordedRun Run { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Run = await RecordedRun.StartAsync();
        await Run.OpenAsync("bank");
        await Run.OpenAsync("a", debitAllowance: 0);
        await Run.OpenAsync("b", debitAllowance: 0);
        await Run.OpenAsync("c");
        Name("bank to a", await Run.PostAsync(RecordedRun.Move("bank", "a", 100), 1));
        Name("a to b", await Run.PostAsync(RecordedRun.Move("a", "b", 30), 1));
        Name("b before", await Run.ReadAsync("b", 3));
        Name("a to b again", await Run.PostAsync(RecordedRun.Move("a", "b", 5), 2));
        Name("a after", await Run.ReadAsync("a", 4));
        Name("b after", await Run.ReadAsync("b", 4));
        Name("too much", await Run.PostAsync(RecordedRun.Move("a", "b", 1000), 1));
        Name("transaction", await Run.PostAllAsync(
            Guid.CreateVersion7(),
            [RecordedRun.Move("a", "b", 2), RecordedRun.Move("b", "c", 1), RecordedRun.Move("c", "bank", 1)], 1));
        var posted = Name("posted hold", await Run.PostAsync(RecordedRun.Hold("a", "b", 10), 1));
        Name("post", await Run.PostAsync(RecordedRun.Post(posted.Request.Transfer!.Id, 4), 1));
        var voided = Name("voided hold", await Run.PostAsync(RecordedRun.Hold("a", "b", 3, TimeSpan.FromHours(1)), 1));
        Name("void", await Run.PostAsync(RecordedRun.Void(voided.Request.Transfer!.Id), 1));
        var expiring = Name(
            "expiring hold", await Run.PostAsync(RecordedRun.Hold("a", "b", 2, TimeSpan.FromMilliseconds(200)), 1));
        while (Name("expired", await Run.LookUpAsync("a", expiring.Request.Transfer!.Id, process: 1)).Result!
            .HoldState != "EXPIRED")
        {
            await Task.Delay(20);
        }

        Name("statement", await Run.StatementAsync("a", 5));
        Name("newest", await Run.StatementAsync("a", 5, newestFirst: true, pageSize: 3));
        await Run.PostAsync(RecordedRun.Move("a", "c", 1), 1);
        await Run.FinishAsync();
        await Run.StopAsync();
        history = Run.History();
        for (var i = 0; i < history.Count; i++)
        {
            if (history[i] is CallRecord call)
            {
                history[i] = call with { Invoke = TimeOf(call.Op), Complete = TimeOf(call.Op) + 500 };
            }
        }
    }

    public Task DisposeAsync() => Run.DisposeAsync().AsTask();

    /// <summary>A copy of its history, to be changed.</summary>
    internal ScriptedHistory History() => new(Run, [.. history], named);

    /// <summary>A copy of its journal, to be changed.</summary>
    internal ForgedJournal Journal() => ForgedJournal.Read(Run.Journal);

    internal async Task<CheckReport> CheckAsync(ForgedJournal journal, ScriptedHistory? with = null) =>
        await Run.CheckAsync(
        (with ?? History()).Records,
        journal.Write(Run.NewFile(string.Create(null, $"forged-{Interlocked.Increment(ref files)}.db"))));

    internal static long TimeOf(long op) => op * 1000;

    private CallRecord Name(string name, CallRecord call)
    {
        named[name] = (int)call.Op;
        return call;
    }
}

/// <summary>A copy of a history, to be changed.</summary>
internal sealed class ScriptedHistory(
    RecordedRun run, List<HistoryRecord> records, IReadOnlyDictionary<string, int> named)
{
    public List<HistoryRecord> Records { get; } = records;

    public CallRecord this[string name] => (CallRecord)Records[IndexOf(name)];

    public void Change(string name, Func<CallRecord, CallRecord> change) => Records[IndexOf(name)] = change(this[name]);

    public void Remove(string name) => Records.RemoveAt(IndexOf(name));

    /// <summary>Adds a call, before the last line.</summary>
    public void Add(CallRecord call)
    {
        var op = Records.OfType<CallRecord>().Max(static one => one.Op) + 1;
        Records.Insert(
            Records.FindLastIndex(static record => record is CallRecord) + 1,
            call with
            {
                Op = op,
                Invoke = call.Invoke >= 0 ? call.Invoke : ScriptedRun.TimeOf(op),
                Complete = call.Invoke >= 0 ? call.Complete : ScriptedRun.TimeOf(op) + 500,
            });
    }

    /// <summary>Adds a call like another, at the end of the run, and changed.</summary>
    public void Repeat(string name, Func<CallRecord, CallRecord> change) =>
        Add(change(this[name] with { Invoke = -1 }));

    public Task<CheckReport> CheckAsync() => run.CheckAsync(Records);

    private int IndexOf(string name) =>
        Records.FindIndex(record => record is CallRecord call && call.Op == named[name]);
}
