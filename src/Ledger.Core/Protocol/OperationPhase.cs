namespace Ledger.Core;

/// <summary>What an <see cref="Operation"/> is doing. Closed: the types of this file are all there are.</summary>
internal abstract class OperationPhase;

/// <summary>Ids are looked up in the journal, or it is being decided.</summary>
/// <param name="missing">How many answers are to come.</param>
/// <param name="first">The number of the first question.</param>
/// <param name="last">That of the last.</param>
internal sealed class LookingUp(int missing, long first, long last) : OperationPhase
{
    private int missing = missing;

    /// <summary>It is being decided, and nothing was asked.</summary>
    public static LookingUp Nothing { get; } = new(0, long.MaxValue, 0);

    /// <summary>Whether a question is one of its own.</summary>
    /// <param name="lookup">The question.</param>
    public bool HasAsked(IdLookup lookup) => lookup.Number >= first && lookup.Number <= last;

    /// <summary>One more answer is there.</summary>
    /// <returns>Whether all are.</returns>
    public bool Answered() => --missing <= 0;
}

/// <summary>It waits for something in doubt.</summary>
/// <param name="since">What had been decided when it began to wait.</param>
internal sealed class Waiting(long since) : OperationPhase
{
    /// <summary>What had been decided when it began to wait, as <see cref="AccountState.LastDecision"/>.</summary>
    public long Since { get; } = since;
}

/// <summary>The other accounts are asked how they are.</summary>
/// <param name="others">Which.</param>
/// <param name="round">The number of the question.</param>
internal sealed class DryRunning(IReadOnlyList<AccountAddress> others, long round) : OperationPhase
{
    /// <summary>The other accounts.</summary>
    public IReadOnlyList<AccountAddress> OtherAccounts { get; } = others;

    /// <summary>The number of the question.</summary>
    public long Round { get; } = round;

    /// <summary>What they have said.</summary>
    public SortedDictionary<AccountAddress, AccountReport> Reports { get; } = [];
}

/// <summary>The attempt is prepared here, and not over.</summary>
internal abstract class PreparedPhase : OperationPhase
{
    private HashSet<AccountAddress>? participants;
    private int size;

    protected PreparedPhase(TransactionBranch branch, IReadOnlyList<AccountAddress> others, LedgerTime since)
    {
        Branch = branch;
        OtherAccounts = others;
        Since = since;
    }

    protected PreparedPhase(PreparedPhase before)
        : this(before.Branch, before.OtherAccounts, before.Since)
    {
        participants = before.participants;
        size = before.size;
    }

    /// <summary>What is prepared here.</summary>
    public TransactionBranch Branch { get; }

    /// <summary>At the coordinator, the accounts that take part besides it; elsewhere none.</summary>
    public IReadOnlyList<AccountAddress> OtherAccounts { get; }

    /// <summary>Since when this incarnation has it prepared.</summary>
    public LedgerTime Since { get; }

    /// <summary>At the coordinator: who decides.</summary>
    public AccountAddress LastAgent => OtherAccounts[^1];

    /// <summary>At the coordinator: those between it and the last agent.</summary>
    public IEnumerable<AccountAddress> Participants => OtherAccounts.Take(ParticipantCount);

    /// <summary>How many there are of them.</summary>
    public int ParticipantCount => OtherAccounts.Count - 1;

    /// <summary>Whose answer is missing.</summary>
    public abstract IEnumerable<AccountAddress> WaitsFor { get; }

    /// <summary>What it takes in memory, about.</summary>
    public int Size => size > 0 ? size : size = SizeOf(Branch);

    /// <summary>Whether an account is one of the participants.</summary>
    /// <param name="account">The account.</param>
    public bool HasParticipant(AccountAddress account) => (participants ??= [.. Participants]).Contains(account);

    private static int SizeOf(TransactionBranch branch)
    {
        var bytes = 512;
        foreach (var leg in branch.Legs)
        {
            var reference = leg.Transfer?.Reference ?? leg.Opening!.Reference;
            bytes += 512 + (2 * (reference.Length + (leg.Transfer?.Reason.Length ?? 0)));
            foreach (var (key, value) in (leg.Transfer?.Metadata ?? leg.Opening!.Metadata).Pairs)
            {
                bytes += 96 + (2 * (key.Length + value.Length));
            }
        }

        return bytes;
    }
}

/// <summary>It is prepared here for another account, which coordinates.</summary>
/// <param name="branch">What.</param>
/// <param name="since">Since when.</param>
internal sealed class Reserved(TransactionBranch branch, LedgerTime since) : PreparedPhase(branch, [], since)
{
    /// <inheritdoc/>
    public override IEnumerable<AccountAddress> WaitsFor => [Branch.Coordinator];
}

/// <summary>The participants are asked to prepare.</summary>
/// <param name="branch">What.</param>
/// <param name="others">The other accounts.</param>
/// <param name="since">Since when.</param>
internal sealed class Voting(TransactionBranch branch, IReadOnlyList<AccountAddress> others, LedgerTime since)
    : PreparedPhase(branch, others, since)
{
    /// <summary>The votes that are there.</summary>
    public SortedDictionary<AccountAddress, Vote> Votes { get; } = [];

    /// <inheritdoc/>
    public override IEnumerable<AccountAddress> WaitsFor => Participants.Where(one => !Votes.ContainsKey(one));
}

/// <summary>The last agent is asked to commit, or to refuse. From here only its journal decides (R1).</summary>
internal sealed class Committing : PreparedPhase
{
    /// <summary>There is nobody to vote.</summary>
    /// <param name="branch">What.</param>
    /// <param name="others">The last agent.</param>
    /// <param name="since">Since when.</param>
    public Committing(TransactionBranch branch, IReadOnlyList<AccountAddress> others, LedgerTime since)
        : base(branch, others, since)
    {
    }

    /// <summary>All have voted.</summary>
    /// <param name="voting">The votes.</param>
    /// <param name="cancel">Whether the last agent is asked to refuse.</param>
    public Committing(Voting voting, bool cancel)
        : base(voting)
    {
        Votes = voting.Votes;
        Cancel = cancel;
    }

    /// <summary>An operator wants it aborted: what is still to be voted on is of no interest any more.</summary>
    /// <param name="before">What it was doing.</param>
    /// <param name="verdict">Who wants it, and why.</param>
    public Committing(PreparedPhase before, OperatorVerdict verdict)
        : base(before)
    {
        Votes = before switch
        {
            Voting voting => voting.Votes,
            Committing committing => committing.Votes,
            _ => null,
        };
        Cancel = true;
        Verdict = verdict;
    }

    /// <summary>The votes; null where there was nobody to vote.</summary>
    public SortedDictionary<AccountAddress, Vote>? Votes { get; }

    /// <summary>Whether the last agent is asked to refuse.</summary>
    public bool Cancel { get; }

    /// <summary>For what an operator has aborted: who, and why.</summary>
    public OperatorVerdict? Verdict { get; }

    /// <inheritdoc/>
    public override IEnumerable<AccountAddress> WaitsFor => [LastAgent];
}

/// <summary>The participants are told that it is committed.</summary>
/// <param name="before">What it was doing.</param>
/// <param name="commitTime">When the last agent committed.</param>
/// <param name="row">The last agent's row; 0 where that is not known.</param>
internal sealed class Notifying(PreparedPhase before, LedgerTime commitTime, long row) : PreparedPhase(before)
{
    /// <summary>When the last agent committed.</summary>
    public LedgerTime CommitTime { get; } = commitTime;

    /// <summary>The last agent's row; 0 where that is not known.</summary>
    public long DecidedRow { get; } = row;

    /// <summary>Who has booked it.</summary>
    public HashSet<AccountAddress> Acks { get; } = [];

    /// <inheritdoc/>
    public override IEnumerable<AccountAddress> WaitsFor => Participants.Where(one => !Acks.Contains(one));
}

/// <summary>The participants are told that it is aborted.</summary>
/// <param name="before">What it was doing.</param>
/// <param name="refusal">Why; null where something was in doubt.</param>
/// <param name="abortTime">When it was aborted.</param>
/// <param name="row">This account's row that aborts it.</param>
internal sealed class Releasing(PreparedPhase before, Refusal? refusal, LedgerTime abortTime, long row)
    : PreparedPhase(before)
{
    /// <summary>Why; null where something was in doubt.</summary>
    public Refusal? Refusal { get; } = refusal;

    /// <summary>When it was aborted.</summary>
    public LedgerTime AbortTime { get; } = abortTime;

    /// <summary>This account's row that aborts it.</summary>
    public long DecidedRow { get; } = row;

    /// <summary>Of an expiry: whether another account could not decide it.</summary>
    public bool IsRefused { get; init; }

    /// <summary>When the caller is answered at the latest.</summary>
    public LedgerTime AnswerBy { get; init; }

    /// <summary>Who has released it.</summary>
    public HashSet<AccountAddress> Acks { get; } = [];

    /// <inheritdoc/>
    public override IEnumerable<AccountAddress> WaitsFor => Participants.Where(one => !Acks.Contains(one));
}
