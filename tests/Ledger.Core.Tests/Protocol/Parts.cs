namespace Ledger.Core.Tests.Protocol;

/// <summary>The parts of one account without the machine around them: what leaves is written down, rows are durable
/// when the test says so, and what would be routed is written down too.</summary>
internal sealed class Parts : IAccountHost, IOperationRunner
{
    private EventBatch? writing;

    public Parts(AccountAddress? account = null, AccountMachineOptions? options = null)
    {
        Options = options ?? new AccountMachineOptions();
        State = new AccountState(account ?? OneAccount.A, Options.IdempotencyWindowMax, Options.IdempotencyAgeMax);
        Prepared = new PreparedOrder(State);
        Rows = new GroupCommit(State, Prepared, Options, this, Requests);
        Clock = new AccountTime(State, Options);
        Future = new FutureRequests(this);
        Resolver = new IdResolver(State);
        Contexts = new LegContexts(State, Operations);
        Verifier = new BranchVerifier(State, Clock, Contexts, Rows, Options, this);
        Expiry = new HoldExpiry(State, Clock, Operations, Options, this);
        Limit = new DoubtLimit(State.Address, Prepared, Operations, Options);
        Barrier = new ReadBarrier(Prepared, Options, this);
        Pending = new PendingRequests(State, Operations, Rows, Barrier, Options, this, this);
        Protocol = new CommitProtocol(
            State, Clock, Operations, Rows, Pending, Expiry, Future, Verifier, Options, this, this);
        Coordinator = new Coordinator(
            State, Clock, new CoordinatorRules(State, Clock, Contexts, Options), Protocol, Pending, Resolver, Contexts,
            Operations, Prepared, Rows, Limit, Expiry, Options, this, this);
        Participant = new Participant(
            State, Clock, Resolver, Contexts, Verifier, Operations, Prepared, Rows, Limit, Future, Protocol, this);
        LastAgent = new LastAgent(State, Clock, Resolver, Contexts, Verifier, Rows, Future, this);
        DryRun = new DryRun(State, Clock, Resolver, Contexts, Rows, Options, this);
        Claimed = new ClaimedRequests(
            State, Resolver, Operations, Future, Coordinator, Participant, LastAgent, DryRun, this);
        Resolution = new InDoubtResolution(State, Resolver, Operations, Rows, Protocol);
        Late = new LateOperations(Operations, Coordinator, Protocol, Participant, Rows, Requests, Options, this, this);
    }

    public AccountMachineOptions Options { get; }

    public AccountState State { get; }

    public OpenRequests Requests { get; } = new();

    public OperationTable Operations { get; } = new();

    public PreparedOrder Prepared { get; }

    public GroupCommit Rows { get; }

    public AccountTime Clock { get; }

    public FutureRequests Future { get; }

    public IdResolver Resolver { get; }

    public LegContexts Contexts { get; }

    public BranchVerifier Verifier { get; }

    public HoldExpiry Expiry { get; }

    public DoubtLimit Limit { get; }

    public ReadBarrier Barrier { get; }

    public PendingRequests Pending { get; }

    public CommitProtocol Protocol { get; }

    public Coordinator Coordinator { get; }

    public Participant Participant { get; }

    public LastAgent LastAgent { get; }

    public DryRun DryRun { get; }

    public ClaimedRequests Claimed { get; }

    public InDoubtResolution Resolution { get; }

    public LateOperations Late { get; }

    public static LedgerTime At(int second) => new(second * 1_000_000L);

    public List<AccountResponse> Answers { get; } = [];

    public List<(AccountAddress To, AccountMessage Message)> Sent { get; } = [];

    public List<IdLookup> Lookups { get; } = [];

    public List<AccountEvent> Events { get; } = [];

    public List<string> Ran { get; } = [];

    public List<AccountMessage> Routed { get; } = [];

    public Exception? Thrown { get; private set; }

    /// <summary>Opens the account, and makes that durable.</summary>
    public Parts Open(int? limit = null)
    {
        Rows.Append(
            new AccountOpened(
                new AccountSpec(State.Address, OneAccount.Usd, 1)
                {
                    DebitsMustNotExceedCredits = limit is { } amount ? Amount.Of((ulong)amount) : null,
                },
                At(0)),
            urgent: true);
        Write();
        Events.Clear();
        return this;
    }

    /// <summary>Makes durable what is decided, the records of commits too.</summary>
    public void Write()
    {
        Rows.Flush();
        while (writing is { } row)
        {
            writing = null;
            Events.AddRange(row.Events);
            Rows.WriteSucceeded();
        }
    }

    public T Only<T>()
        where T : AccountMessage => Sent.Select(static one => one.Message).OfType<T>().ShouldHaveSingleItem();

    /// <summary>An operation that has claimed the ids of what asks for it.</summary>
    public Operation Claim(AccountMessage input, TransactionBranch asked)
    {
        var operation = new Operation(input, asked);
        if (input is AccountRequest call)
        {
            Requests.TryAdmit(int.MaxValue);
            operation.Waiters.Add(call);
            operation.HasFirst = true;
        }

        Operations.Claim(operation, OperationIds.Of(asked, State.Address));
        return operation;
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) => Answers.Add(answer);

    void IAccountHost.Send(AccountAddress account, AccountMessage message) => Sent.Add((account, message));

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => Lookups.Add(lookup);

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    void IAccountHost.DecisionFailed(AccountMessage? input, Exception thrown) => Thrown = thrown;

    void IOperationRunner.Route(AccountMessage input, LedgerTime now) => Routed.Add(input);

    void IOperationRunner.RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now) => Routed.AddRange(inputs);

    void IOperationRunner.RouteForeign(Operation operation, LedgerTime now) =>
        Routed.AddRange(operation.TakeForeign() ?? []);

    void IOperationRunner.Begin(Operation operation, LedgerTime now) => Ran.Add("begin");

    void IOperationRunner.Continue(Operation operation, LedgerTime now) => Ran.Add("continue");

    void IOperationRunner.Finish(Operation operation, bool skipFirst, LedgerTime now)
    {
        Ran.Add(skipFirst ? "finish, first answered" : "finish");
        Operations.Unclaim(operation);
    }

    void IOperationRunner.ReleaseReaders(LedgerTime now) => Ran.Add("release readers");

    void IOperationRunner.ScheduleResend(Operation operation, LedgerTime now) => operation.Resends++;
}
