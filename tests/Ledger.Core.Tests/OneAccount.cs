using System.Collections.Immutable;

namespace Ledger.Core.Tests;

/// <summary>One account with a shell that writes down what leaves it; rows become durable at once, or when the test
/// says so.</summary>
internal sealed class OneAccount : IAccountHost
{
    public static readonly AccountAddress A = AccountAddress.Parse("a");
    public static readonly AccountAddress B = AccountAddress.Parse("b");
    public static readonly AccountAddress C = AccountAddress.Parse("c");
    public static readonly Asset Usd = Asset.Parse("USD/2");
    private EventBatch? writing;
    private long correlation;
    private int looked;

    public OneAccount(AccountAddress? address = null, AccountMachineOptions? options = null, AccountSpec? spec = null)
    {
        Address = address ?? A;
        Options = options ?? new AccountMachineOptions();
        Runtime = new AccountMachine(Address, Options, this);
        Runtime.RecoveryCompleted(Now);
        Take(new OpenAccountRequest(spec ?? new AccountSpec(Address, Usd, 1), NextCaller(), In(60)));
    }

    public AccountAddress Address { get; }

    public AccountMachineOptions Options { get; }

    public AccountMachine Runtime { get; private set; }

    public AccountState State => Runtime.State;

    public long Microseconds { get; set; } = 1_000_000_000;

    public LedgerTime Now => new(Microseconds);

    public bool WritesAtOnce { get; set; } = true;

    public List<AccountResponse> Answers { get; } = [];

    public List<(AccountAddress To, AccountMessage Message)> Messages { get; } = [];

    public List<IdLookup> Lookups { get; } = [];

    public List<EventBatch> Rows { get; } = [];

    public List<LedgerTime> Wakes { get; } = [];

    public List<(AccountMessage? Input, Exception Thrown)> Failures { get; } = [];

    /// <summary>Starts the same account again from its rows, as another process would.</summary>
    public void Restart(AccountMachineOptions? options = null)
    {
        Runtime = new AccountMachine(Address, options ?? Options, this);
        foreach (var row in Rows)
        {
            Runtime.Replay(row);
        }

        Runtime.RecoveryCompleted(Now);
        Write();
    }

    public LedgerTime In(int seconds) => new(Microseconds + (seconds * 1_000_000L));

    public IEnumerable<T> Sent<T>() => Messages.Select(static one => one.Message).OfType<T>();

    public T LastAnswer<T>() where T : AccountResponse => Answers[^1].ShouldBeOfType<T>();

    public ReplyTarget NextCaller() => new(null, ++correlation);

    public void Take(AccountMessage message)
    {
        Runtime.Handle(message, Now);
        if (WritesAtOnce)
        {
            Write();
            AnswerDryRuns();
        }
    }

    /// <summary>Posts a transfer, and answers for its last agent that it is committed.</summary>
    public TransferResult Post(Transfer transfer)
    {
        var before = Sent<CommitRequest>().Count();
        Take(new PostTransferRequest(transfer, NextCaller(), In(60)));
        if (Sent<CommitRequest>().Count() > before)
        {
            Commit();
        }

        return LastAnswer<PostTransferResponse>().Result;
    }

    /// <summary>Posts a transaction, and answers for all others that it can be.</summary>
    public TransactionResult Post(Transaction transaction)
    {
        var before = Sent<CommitRequest>().Count();
        Take(new PostTransactionRequest(transaction, NextCaller(), In(60)));
        foreach (var (to, message) in Messages.ToArray())
        {
            if (message is PrepareRequest { Branch: var branch } && branch.Id == transaction.Id)
            {
                Take(new Vote(branch.Key, branch.Digest, to, VoteKind.Yes, null));
            }
        }

        if (Sent<CommitRequest>().Count() > before)
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

        return LastAnswer<PostTransactionResponse>().Result;
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
                var search = new IdHistoryReader(Address, [lookup.Id]);
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
    public static TransactionBranch Branch(
        int id, AccountAddress coordinator, params ImmutableArray<ResolvedLeg> legs) => new()
    {
        Id = legs.Length == 1 ? legs[0].Transfer!.Id : Id(id), Coordinator = coordinator, CoordinatorAsset = Usd,
            LegCount = legs.Length,
        Asked = (UInt128)(uint)id, Legs = legs,
    };

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => Answers.Add(answer);

    void IAccountHost.Send(AccountAddress account, AccountMessage message) => Messages.Add((account, message));

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => Lookups.Add(lookup);

    void IAccountHost.WakeAt(LedgerTime time) => Wakes.Add(time);

    void IAccountHost.DecisionFailed(AccountMessage? input, Exception thrown) => Failures.Add((input, thrown));

    // The other accounts are open, and have nothing against it.
    private void AnswerDryRuns()
    {
        while (looked < Messages.Count)
        {
            if (Messages[looked++] is (var to, DryRunRequest dryRun))
            {
                Take(new DryRunResponse(dryRun.Branch.Id, dryRun.Round, new AccountReport(
                    to, new AccountSpec(to, Usd, 1), false, null, default, default, false,
                    [.. dryRun.Branch.Legs.Select(static leg => new LegContext(leg.Index))])));
            }
        }
    }

    private void Commit()
    {
        var branch = Sent<CommitRequest>().Last().Branch;
        Take(new CommitResponse(branch.Key, branch.Digest, Committed: true, Now, null));
        Runtime.Flush();
        Write();
    }
}
