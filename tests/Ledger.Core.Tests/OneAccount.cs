using System.Collections.Immutable;

namespace Ledger.Core.Tests;

/// <summary>One account with a shell that writes down what leaves it; rows become durable at once, or when the test
/// says so.</summary>
internal sealed class OneAccount : IAccountShell
{
    public static readonly AccountAddress A = AccountAddress.Parse("a");
    public static readonly AccountAddress B = AccountAddress.Parse("b");
    public static readonly AccountAddress C = AccountAddress.Parse("c");
    public static readonly Asset Usd = Asset.Parse("USD/2");
    private EventBatch? writing;
    private long correlation;
    private int looked;

    public OneAccount(AccountAddress? address = null, AccountRuntimeOptions? options = null, AccountSpec? spec = null)
    {
        Address = address ?? A;
        Options = options ?? new AccountRuntimeOptions();
        Runtime = new AccountRuntime(Address, Options, this);
        Runtime.RecoveryCompleted(Now);
        Take(new OpenAccountCall(spec ?? new AccountSpec(Address, Usd, 1), NextCaller(), In(60)));
    }

    public AccountAddress Address { get; }

    public AccountRuntimeOptions Options { get; }

    public AccountRuntime Runtime { get; private set; }

    public AccountState State => Runtime.State;

    public long Microseconds { get; set; } = 1_000_000_000;

    public LedgerTime Now => new(Microseconds);

    public bool WritesAtOnce { get; set; } = true;

    public List<AccountAnswerBase> Answers { get; } = [];

    public List<(AccountAddress To, AccountMessage Message)> Messages { get; } = [];

    public List<IdLookup> Lookups { get; } = [];

    public List<EventBatch> Rows { get; } = [];

    public List<LedgerTime> Wakes { get; } = [];

    public List<(AccountMessage? Input, Exception Thrown)> Failures { get; } = [];

    /// <summary>Starts the same account again from its rows, as another process would.</summary>
    public void Restart(AccountRuntimeOptions? options = null)
    {
        Runtime = new AccountRuntime(Address, options ?? Options, this);
        foreach (var row in Rows)
        {
            Runtime.Replay(row);
        }

        Runtime.RecoveryCompleted(Now);
        Write();
    }

    public LedgerTime In(int seconds) => new(Microseconds + (seconds * 1_000_000L));

    public IEnumerable<T> Sent<T>() => Messages.Select(static one => one.Message).OfType<T>();

    public T LastAnswer<T>() where T : AccountAnswerBase => Answers[^1].ShouldBeOfType<T>();

    public Caller NextCaller() => new(null, ++correlation);

    public void Take(AccountMessage message)
    {
        Runtime.Handle(message, Now);
        if (WritesAtOnce)
        {
            Write();
            AnswerTrials();
        }
    }

    /// <summary>Posts a transfer, and answers for its last agent that it is committed.</summary>
    public TransferResult Post(Transfer transfer)
    {
        var before = Sent<CloseRequest>().Count();
        Take(new PostTransferCall(transfer, NextCaller(), In(60)));
        if (Sent<CloseRequest>().Count() > before)
        {
            Commit();
        }

        return LastAnswer<TransferAnswer>().Result;
    }

    /// <summary>Posts a transaction, and answers for all others that it can be.</summary>
    public TransactionResult Post(Transaction transaction)
    {
        var before = Sent<CloseRequest>().Count();
        Take(new PostTransactionCall(transaction, NextCaller(), In(60)));
        foreach (var (to, message) in Messages.ToArray())
        {
            if (message is PrepareRequest { Part: var part } && part.Id == transaction.Id)
            {
                Take(new Vote(part.Key, part.Digest, to, VoteKind.Yes, null));
            }
        }

        if (Sent<CloseRequest>().Count() > before)
        {
            Commit();
            foreach (var (to, message) in Messages.ToArray())
            {
                if (message is Outcome outcome)
                {
                    Take(new OutcomeAck(outcome.Key, outcome.Digest, to));
                }
            }
        }

        return LastAnswer<TransactionAnswer>().Result;
    }

    public void Pass(int seconds)
    {
        Microseconds += seconds * 1_000_000L;
        Runtime.Tick(Now);
        Write();
    }

    /// <summary>Makes durable what is decided, and answers look-ups from the rows.</summary>
    public void Write()
    {
        WriteOneByOne(int.MaxValue);
    }

    public void WriteOneByOne(int count)
    {
        for (; count > 0; count--)
        {
            if (writing is { } row)
            {
                writing = null;
                Rows.Add(row);
                Runtime.WriteSucceeded(Now);
            }
            else if (Lookups.Count > 0)
            {
                var lookup = Lookups[0];
                Lookups.RemoveAt(0);
                var search = new IdSearches(Address, [lookup.Id]);
                foreach (var one in Rows)
                {
                    search.Add(one);
                }

                Runtime.LookupCompleted(lookup, search.Found(lookup.Id), Now);
            }
            else
            {
                break;
            }
        }
    }

    public static TransferId Id(int number) => new((UInt128)(uint)number | ((UInt128)4 << 76) | ((UInt128)2 << 62));

    public static Transfer Plain(int id, AccountAddress debit, AccountAddress credit, Amount amount) =>
        new(Id(id), debit, credit, amount, 1) { Asset = Usd };

    /// <summary>What another account, as coordinator, asks of an account.</summary>
    public static TransactionPart Part(int id, AccountAddress coordinator, params ImmutableArray<PartLeg> legs) => new()
    {
        Id = legs.Length == 1 ? legs[0].Transfer!.Id : Id(id), Anchor = coordinator, AnchorAsset = Usd,
            LegCount = legs.Length,
        Asked = (UInt128)(uint)id, Legs = legs,
    };

    void IAccountShell.Reply(Caller caller, AccountAnswerBase answer) => Answers.Add(answer);

    void IAccountShell.Send(AccountAddress account, AccountMessage message) => Messages.Add((account, message));

    void IAccountShell.Write(EventBatch batch) => writing = batch;

    void IAccountShell.Lookup(IdLookup lookup) => Lookups.Add(lookup);

    void IAccountShell.WakeAt(LedgerTime time) => Wakes.Add(time);

    void IAccountShell.DecisionFailed(AccountMessage? input, Exception thrown) => Failures.Add((input, thrown));

    // The other accounts are open, and have nothing against it.
    private void AnswerTrials()
    {
        while (looked < Messages.Count)
        {
            if (Messages[looked++] is (var to, TrialRequest trial))
            {
                Take(new TrialAnswer(trial.Part.Id, trial.Round, new AccountQuote(
                    to, new AccountSpec(to, Usd, 1), false, null, default, default, false,
                    [.. trial.Part.Legs.Select(static leg => new LegFact(leg.Index))])));
            }
        }
    }

    private void Commit()
    {
        var part = Sent<CloseRequest>().Last().Part;
        Take(new CloseAnswer(part.Key, part.Digest, Committed: true, Now, null));
        Runtime.Flush();
        Write();
    }
}
