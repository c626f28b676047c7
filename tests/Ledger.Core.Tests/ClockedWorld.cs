namespace Ledger.Core.Tests;

/// <summary>Some accounts, each on a node with a clock of its own. Rows are durable at once, and messages arrive in
/// order, when
/// <see cref="Run"/> lets them.</summary>
internal sealed class ClockedWorld
{
    public static readonly Asset Usd = Asset.Parse("USD/2");

    private readonly Queue<(AccountAddress To, AccountMessage Message)> messages = new();
    private readonly Dictionary<AccountAddress, Node> nodes = [];
    private long lastCorrelation;

    /// <summary>The true time, in microseconds.</summary>
    public long Now { get; private set; } = 1_800_000_000_000_000;

    /// <summary>What has been answered, by the caller's number.</summary>
    public Dictionary<long, AccountResponse> Answers { get; } = [];

    /// <summary>What has been sent between accounts, in order.</summary>
    public List<(AccountAddress To, AccountMessage Message)> Sent { get; } = [];

    /// <summary>Adds an account that exists.</summary>
    /// <param name="address">The account.</param>
    /// <param name="skew">How far its node's clock is from the true time.</param>
    /// <param name="allowance">What it may be overdrawn by; null without a limit.</param>
    /// <param name="isThere">Whether messages reach it.</param>
    public Node Add(string address, TimeSpan skew = default, int? allowance = null, bool isThere = true)
    {
        var account = AccountAddress.Parse(address);
        var node = new Node(this, account) { Skew = skew };
        if (isThere)
        {
            nodes.Add(account, node);
        }

        node.Wake();
        var spec = new AccountSpec(account, Usd, 1)
        {
            DebitsMustNotExceedCredits = allowance is { } room ? Amount.Of((ulong)room) : null,
        };
        node.Ask((caller, deadline) => new OpenAccountRequest(spec, caller, deadline));
        Run();
        return node;
    }

    /// <summary>Delivers messages until none is left.</summary>
    public void Run()
    {
        while (messages.TryDequeue(out var next))
        {
            if (nodes.TryGetValue(next.To, out var node))
            {
                node.Runtime.Handle(next.Message, node.Time);
                node.Settle();
            }
        }
    }

    /// <summary>Lets time pass, in steps of 100 ms: timers go off and messages arrive.</summary>
    /// <param name="time">For how long.</param>
    public void Pass(TimeSpan time)
    {
        for (var end = Now + (long)time.TotalMicroseconds; Now < end;)
        {
            Now += Math.Min(100_000, end - Now);
            foreach (var node in nodes.Values)
            {
                node.GoOff();
            }

            Run();
        }
    }

    /// <summary>One account, and the node that it lives on.</summary>
    internal sealed class Node(ClockedWorld world, AccountAddress address) : IAccountHost
    {
        // In true time: a timer runs on whatever the clock is set to.
        private readonly List<long> wakes = [];
        private bool isWriting;

        public AccountAddress Address { get; } = address;

        /// <summary>How far the node's clock is from the true time.</summary>
        public TimeSpan Skew { get; set; }

        public AccountMachine Runtime { get; private set; } = null!;

        /// <summary>The journal.</summary>
        public List<EventBatch> Rows { get; } = [];

        public LedgerTime Time => new(world.Now + (long)Skew.TotalMicroseconds);

        /// <summary>Begins a new incarnation, from the journal or from the last snapshot.</summary>
        /// <param name="snapshot">The snapshot; null for all rows.</param>
        public void Wake(AccountSnapshot? snapshot = null)
        {
            isWriting = false;
            Runtime = new AccountMachine(Address, new AccountMachineOptions(), this);
            if (snapshot is not null)
            {
                Runtime.Restore(snapshot);
            }

            foreach (var row in Rows.Skip((int)(snapshot?.SequenceNr ?? 0)))
            {
                Runtime.Replay(row);
            }

            Runtime.RecoveryCompleted(Time);
            Settle();
        }

        public long Ask(Func<ReplyTarget, LedgerTime, AccountMessage> call, double seconds = 10)
        {
            var correlation = ++world.lastCorrelation;
            Runtime.Handle(call(new ReplyTarget(null, correlation), Time.Add(TimeSpan.FromSeconds(seconds))), Time);
            Settle();
            return correlation;
        }

        public long Post(ulong id, Node to, ulong amount, TimeSpan hold = default) =>
            Ask((caller, deadline) => new PostTransferRequest(
            new Transfer(new TransferId(id), Address, to.Address, Amount.Of(amount), 1)
            {
                Flags = hold > TimeSpan.Zero ? TransferFlags.Pending : TransferFlags.None,
                Timeout = hold,
            },
            caller, deadline));

        public long Post(ulong id, params (Node From, Node To, ulong Amount)[] legs) =>
            Ask((caller, deadline) => new PostTransactionRequest(
            new Transaction(new TransferId(id), [.. legs.Select((leg, i) => TransactionLeg.Of(
                new Transfer(
                    new TransferId(id + 1 + (ulong)i), leg.From.Address, leg.To.Address, Amount.Of(leg.Amount), 1)))]),
            caller, deadline));

        public TransferResult Result(long correlation) =>
            world.Answers[correlation].ShouldBeOfType<PostTransferResponse>().Result;

        /// <summary>What the journal has as committed at or before a time.</summary>
        public HashSet<TransferId> UpTo(LedgerTime time)
        {
            var found = new HashSet<TransferId>();
            foreach (var happened in Rows.SelectMany(static row => row.Events))
            {
                if (happened is TransactionCommitted committed && committed.CommitTime <= time)
                {
                    found.Add(committed.Key);
                }
                else if (happened is LastAgentCommitted closed && closed.CommitTime <= time)
                {
                    found.Add(closed.Branch.Key);
                }
            }

            return found;
        }

        public void GoOff()
        {
            if (wakes.RemoveAll(wake => wake <= world.Now) > 0)
            {
                Runtime.Tick(Time);
                Settle();
            }
        }

        void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) =>
            world.Answers[caller.Correlation] = answer;

        void IAccountHost.Send(AccountAddress account, AccountMessage message)
        {
            world.Sent.Add((account, message));
            world.messages.Enqueue((account, message));
        }

        void IAccountHost.Write(EventBatch batch)
        {
            Rows.Add(batch);
            isWriting = true;
        }

        void IAccountHost.Lookup(IdLookup lookup)
        {
        }

        void IAccountHost.WakeAt(LedgerTime time) =>
            wakes.Add(world.Now + Math.Max(0, time.UnixMicroseconds - Time.UnixMicroseconds));

        public void Settle()
        {
            while (isWriting)
            {
                isWriting = false;
                Runtime.WriteSucceeded(Time);
            }
        }
    }
}
