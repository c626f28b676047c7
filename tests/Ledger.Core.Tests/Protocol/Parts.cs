namespace Ledger.Core.Tests.Protocol;

/// <summary>The parts of one account without the machine around them: what leaves is written down, rows are durable
/// when the test says so, and what would be routed is written down too.</summary>
internal sealed class Parts : IAccountHost, IOperationRunner
{
    private EventBatch? writing;

    public Parts(AccountAddress? account = null, AccountMachineOptions? options = null)
    {
        Options = options ?? new AccountMachineOptions();
        Account = new AccountParts(
            new AccountState(account ?? OneAccount.A, Options.IdempotencyWindowMax, Options.IdempotencyAgeMax), Options,
            this, _ => this);
    }

    public AccountParts Account { get; }

    public AccountMachineOptions Options { get; }

    public AccountState State => Account.State;

    public OpenRequests Requests => Account.Requests;

    public OperationTable Operations => Account.Operations;

    public PreparedOrder Prepared => Account.Prepared;

    public GroupCommit Rows => Account.Rows;

    public FutureRequests Future => Account.Future;

    public IdResolver Resolver => Account.Resolver;

    public LegContexts Contexts => Account.Contexts;

    public DoubtLimit Limit => Account.Limit;

    public PendingRequests Pending => Account.Pending;

    public CommitProtocol Protocol => Account.Protocol;

    public Coordinator Coordinator => Account.Coordinator;

    public Participant Participant => Account.Participant;

    public LastAgent LastAgent => Account.LastAgent;

    public DryRun DryRun => Account.DryRun;

    public ClaimedRequests Claimed => Account.Claimed;

    public LateOperations Late => Account.Late;

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
