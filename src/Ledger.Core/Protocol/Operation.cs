namespace Ledger.Core;

/// <summary>Something that an account is deciding, or has prepared. Without an input it is an expiry, or was
/// recovered.</summary>
internal sealed class Operation(AccountMessage? input, TransactionBranch? asked = null)
{
    public AccountMessage? Input { get; } = input;

    // The request as it came; of another account's, its part.
    public TransactionBranch? Asked { get; set; } = asked;

    // What is prepared here.
    public TransactionBranch? Branch { get; set; }

    private IReadOnlyList<AccountAddress>? participantsOf;
    private HashSet<AccountAddress>? participants;

    public TransferId[] Ids { get; set; } = [];

    public OperationPhase Phase { get; set; }

    public bool IsLookingUp => Phase == OperationPhase.LookingUp;

    public bool IsWaiting => Phase == OperationPhase.Waiting;

    public bool IsReleasing => Phase == OperationPhase.Releasing;

    // Whether it has not been taken off.
    public bool IsClaimed => Ids.Length > 0;

    // Whose answer is missing.
    public IEnumerable<AccountAddress> WaitsFor => Phase switch
    {
        OperationPhase.Reserved => [Branch!.Coordinator],
        OperationPhase.Voting => Participants.Where(one => !Votes!.ContainsKey(one)),
        OperationPhase.Notifying => Participants.Where(one => !Acks!.Contains(one)),
        _ => [LastAgent],
    };

    public List<AccountMessage> Waiters { get; } = new(1);

    // Whether the first waiter is the call that this is about: it is answered "created", copies "exists".
    public bool HasFirst { get; set; }

    public bool IsExpiry => (Asked ?? Branch) is { Legs: [{ Transfer: { } transfer }] }
        && (transfer.Flags & TransferFlags.Expiry) != TransferFlags.None && Input is null;

    // Whether somebody waits who has asked for the accounts as they are afterwards.
    public bool WantsAfter => HasFirst
        && Input is PostTransferRequest { ReturnBalances: true } or PostTransactionRequest { ReturnBalances: true };

    // The accounts that have said how they are right after the commit; null for none.
    public List<AccountAfter>? After { get; set; }

    public bool IsDryRun => Input is PostTransactionRequest { IsDryRun: true };

    // What the journal said of the ids; null values for what it never saw.
    public Dictionary<TransferId, IdHistory?>? Known { get; set; }

    public int Missing { get; set; }

    // The numbers of the questions that are out.
    public long FirstLookup { get; set; }

    public long LastLookup { get; set; }

    // What the journal was asked about reached up to this row.
    public long LookedUpTo { get; set; }

    // Whether only its key was free to be looked up.
    public bool IsDetached { get; init; }

    public IReadOnlyList<AccountAddress> OtherAccounts { get; set; } = [];

    public AccountAddress LastAgent => OtherAccounts[^1];

    public IEnumerable<AccountAddress> Participants => OtherAccounts.Take(OtherAccounts.Count - 1);

    // Others is set anew when an attempt begins.
    public bool HasParticipant(AccountAddress account)
    {
        if (participantsOf != OtherAccounts)
        {
            participantsOf = OtherAccounts;
            participants = [.. Participants];
        }

        return participants!.Contains(account);
    }

    public long Round { get; set; }

    public SortedDictionary<AccountAddress, AccountReport>? Reports { get; set; }

    public SortedDictionary<AccountAddress, Vote>? Votes { get; set; }

    public HashSet<AccountAddress>? Acks { get; set; }

    public bool Cancel { get; set; }

    // For what an operator has aborted: who, and why.
    public OperatorVerdict? Verdict { get; set; }

    // Of an expiry: whether another account could not decide it.
    public bool IsRefused { get; set; }

    public bool Committed { get; set; }

    public LedgerTime CommitTime { get; set; }

    // The row that decided it: of a commit the last agent's, 0 where that is not known; of an abort this account's.
    public long DecidedRow { get; set; }

    public LedgerTime AbortTime { get; set; }

    public Refusal? Refusal { get; set; }

    public LedgerTime AnswerBy { get; set; }

    public LedgerTime ResendAt { get; set; }

    public int Resends { get; set; }

    public int Retries { get; set; }

    // Since when this incarnation has it prepared.
    public LedgerTime Since { get; set; }

    // When its caller is told that it waits for something in doubt; the default value before it does.
    public LedgerTime GiveUpAt { get; set; }

    private int size;

    // What it takes in memory, about.
    public int Size => size > 0 ? size : size = SizeOf(Branch!);

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

    // What had been decided when it began to wait.
    public long WaitsSince { get; set; }
}
