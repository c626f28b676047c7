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

    /// <summary>How many requests are open.</summary>
    public OpenRequests Requests { get; } = new();

    /// <summary>What is in hand.</summary>
    public OperationTable Operations { get; } = new();

    /// <summary>What is in doubt, in order.</summary>
    public PreparedOrder Prepared { get; }

    /// <summary>What is known of ids, and what the journal is asked.</summary>
    public IdResolver Resolver { get; }

    /// <summary>Group commit: what is decided, and what leaves when.</summary>
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

    /// <summary>What comes from too far ahead; made when it is first needed.</summary>
    public FutureRequests Future => future ??= new FutureRequests(Host);

    /// <summary>Who waits for doubt; made when it is first needed.</summary>
    public ReadBarrier Barrier => barrier ??= new ReadBarrier(Prepared, Options, Host);

    /// <summary>When holds expire; made when it is first needed.</summary>
    public HoldExpiry Expiry => expiry ??= new HoldExpiry(State, Clock, Operations, Options, Host);

    /// <summary>How much may be in doubt; made when it is first needed.</summary>
    public DoubtLimit Limit => limit ??= new DoubtLimit(State.Address, Prepared, Operations, Options);

    /// <summary>How the account answers dry runs; made when it is first needed.</summary>
    public DryRun DryRun => dryRun ??= new DryRun(this);

    /// <summary>The coordinator; made when it is first needed.</summary>
    public Coordinator Coordinator => coordinator ??= new Coordinator(this);

    /// <summary>The account's own time.</summary>
    public AccountTime Clock => new(State, Options);

    /// <summary>What is known of the ids that legs name.</summary>
    public LegContexts Contexts => new(State, Operations);

    /// <summary>What a coordinator decides.</summary>
    public CoordinatorRules Rules => new(State, Clock, Contexts, Options);

    /// <summary>What is decided about legs of others.</summary>
    public BranchVerifier Verifier => new(this);

    /// <summary>Requests that concern the account alone.</summary>
    public OwnRequests Own => new(this);

    /// <summary>Requests that are not prepared.</summary>
    public PendingRequests Pending => new(this);

    /// <summary>What a coordinator does about what is prepared.</summary>
    public CommitProtocol Protocol => new(this);

    /// <summary>The account as a participant.</summary>
    public Participant Participant => new(this);

    /// <summary>The account as a last agent.</summary>
    public LastAgent LastAgent => new(this);

    /// <summary>What others ask about ids in hand.</summary>
    public ClaimedRequests Claimed => new(this);

    /// <summary>What an operator aborts.</summary>
    public InDoubtResolution Resolution => new(this);

    /// <summary>What has been missing for long.</summary>
    public LateOperations Late => new(this);
}
