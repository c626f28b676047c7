namespace Ledger.Core;

/// <summary>The parts of one account. Those that have a state are here once; those that only decide have none, and cost
/// an account nothing while it is idle: of a million accounts that are awake, few are deciding anything.</summary>
internal sealed class AccountParts
{
    private FutureRequests? future;
    private ReadBarrier? barrier;
    private HoldExpiry? expiry;
    private DoubtLimit? limit;
    private DryRun? dryRun;
    private Coordinator? coordinator;

    /// <summary>Makes the parts.</summary>
    /// <param name="state">The account's state.</param>
    /// <param name="options">The settings.</param>
    /// <param name="host">The world.</param>
    /// <param name="makeRunner">Makes who goes on with operations.</param>
    public AccountParts(
        AccountState state, AccountMachineOptions options, IAccountHost host,
        Func<AccountParts, IOperationRunner> makeRunner)
    {
        State = state;
        Options = options;
        Host = host;
        Prepared = new PreparedOrder(state);
        Resolver = new IdResolver(state);
        Rows = new GroupCommit(state, Prepared, options, host, Requests);
        Runner = makeRunner(this);
    }

    /// <summary>The account's state. Only <see cref="Rows"/> changes it, but for recovery.</summary>
    public AccountState State { get; }

    /// <summary>The settings.</summary>
    public AccountMachineOptions Options { get; }

    /// <summary>The world.</summary>
    public IAccountHost Host { get; }

    /// <summary>Who goes on with operations.</summary>
    public IOperationRunner Runner { get; }

    public OpenRequests Requests { get; } = new();

    public OperationTable Operations { get; } = new();

    public PreparedOrder Prepared { get; }

    public IdResolver Resolver { get; }

    public GroupCommit Rows { get; }

    /// <summary>How many requests and votes of other accounts were dropped for their time (T6 of R21).</summary>
    public long DroppedAhead => future?.Dropped ?? 0;

    /// <summary>Whether a hold may be due, or an expiry pauses.</summary>
    public bool HasExpiry => expiry is not null || State.NextDeadline < LedgerTime.MaxValue;

    /// <summary>Whether anybody waits for doubt, or did.</summary>
    public bool HasReaders => barrier is not null;

    /// <summary>Whether a request was kept for its time, or dropped.</summary>
    public bool HasFuture => future is not null;

    /// <summary>Keeps a request for a while if its time is too far ahead, see
    /// <see cref="FutureRequests.TryKeep"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="key">The attempt that it is about.</param>
    /// <param name="time">Its time.</param>
    /// <param name="now">The time.</param>
    public bool TryKeep(AccountMessage request, TransferId key, LedgerTime time, LedgerTime now) =>
        FutureRequests.IsAhead(time, now) && Future.TryKeep(request, key, time, now);

    public FutureRequests Future => future ??= new FutureRequests(Host);

    public ReadBarrier Barrier => barrier ??= new ReadBarrier(Prepared, Options, Host);

    public HoldExpiry Expiry => expiry ??= new HoldExpiry(State, Clock, Operations, Options, Host);

    public DoubtLimit Limit => limit ??= new DoubtLimit(State.Address, Prepared, Operations, Options);

    public DryRun DryRun => dryRun ??= new DryRun(this);

    public Coordinator Coordinator => coordinator ??= new Coordinator(this);

    public AccountTime Clock => new(State, Options);

    public LegContexts Contexts => new(State, Operations);

    public CoordinatorRules Rules => new(State, Clock, Contexts, Options);

    public BranchVerifier Verifier => new(this);

    public OwnRequests Own => new(this);

    public PendingRequests Pending => new(this);

    public CommitProtocol Protocol => new(this);

    public Participant Participant => new(this);

    public LastAgent LastAgent => new(this);

    public ClaimedRequests Claimed => new(this);

    public InDoubtResolution Resolution => new(this);

    public LateOperations Late => new(this);
}
