namespace Ledger.Core;

/// <content>What is in hand.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- works

    private TransactionBranch AskedBranch(Transfer transfer, string principal) => new()
    {
        Principal = principal,
        Id = transfer.Id,
        Coordinator = Address,
        CoordinatorAsset = state.Spec?.Asset ?? default,
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    private TransactionBranch AskedBranch(Transaction transaction, string principal = "") => new()
    {
        Principal = principal,
        Id = transaction.Id,
        Coordinator = Address,
        LegCount = transaction.Legs.Length,
        Asked = TransferContent.DigestOf(transaction),
        Legs = [.. transaction.Legs.Select(static (leg, index) => new ResolvedLeg(index, leg.Transfer, leg.Opening)
        {
            IfMissing = leg.IfMissing,
            Amount = leg.Transfer?.Amount ?? Amount.Zero,
        })],
    };

    private TransferId[] IdsOf(AccountMessage input) => input switch
    {
        PostTransferRequest { Transfer: { ResolvesHold: false, Reverses.IsNil: true } transfer } => [transfer.Id],
        PostTransferRequest post => post.Transfer.ResolvesHold
            ? [post.Transfer.Id, post.Transfer.HoldId]
            : transferReverses(post.Transfer),
        PostTransactionRequest post => IdsOf(AskedBranch(post.Transaction)),
        PrepareRequest prepare => IdsOf(prepare.Branch),
        CommitRequest close => IdsOf(close.Branch),
        DryRunRequest dryRun => IdsOf(dryRun.Branch),
        OutcomeRequest asked => [asked.Branch.Key],
        Outcome outcome => [outcome.Key],
        GetTransferRequest get => [get.Id],
        GetTransactionRequest get => [get.Id],
        ExtendHoldRequest extend => [extend.HoldId],
        _ => throw new LedgerInvariantException($"{Address}: {input.GetType().Name} is about no id"),
    };

    private TransferId[] transferReverses(Transfer transfer) =>
        transfer.DebitAccount == Address ? [transfer.Id, transfer.Reverses] : [transfer.Id];

    private TransferId[] IdsOf(TransactionBranch branch)
    {
        if (branch.Attempt == 0 && branch.IsAlone
            && branch.Legs[0].Transfer is { ResolvesHold: false, Reverses.IsNil: true })
        {
            return [branch.Id];
        }

        var ids = new List<TransferId>(branch.Legs.Length + 2) { branch.Id };
        var seen = new HashSet<TransferId> { branch.Id };
        Add(branch.Key);
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && IsMine(branch, leg))
            {
                Add(transfer.Id);
                if (transfer.ResolvesHold)
                {
                    Add(transfer.HoldId);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    Add(transfer.Reverses);
                }
            }
        }

        return [.. ids];

        void Add(TransferId id)
        {
            if (seen.Add(id))
            {
                ids.Add(id);
            }
        }
    }

    private void Claim(Operation operation, TransferId[] ids)
    {
        claims ??= [];
        if (operation.Ids.Length > 0)
        {
            foreach (var id in operation.Ids)
            {
                claims.Remove(id);
            }
        }
        else if (operation.IsExpiry)
        {
            expiring++;
        }

        operation.Ids = ids;
        foreach (var id in ids)
        {
            claims.TryAdd(id, operation);
        }

        if (operation.Asked is null)
        {
            operation.Asked = operation.Input switch
            {
                PostTransferRequest post => AskedBranch(post.Transfer, post.Principal),
                PostTransactionRequest post => AskedBranch(post.Transaction, post.Principal),
                PrepareRequest prepare => prepare.Branch,
                CommitRequest close => close.Branch,
                DryRunRequest dryRun => dryRun.Branch,
                OutcomeRequest asked => asked.Branch,
                _ => null,
            };
        }
    }

    private void Unclaim(Operation operation)
    {
        SetPhase(operation, Phase.LookingUp);
        foreach (var id in operation.Ids)
        {
            if (claims!.TryGetValue(id, out var owner) && owner == operation)
            {
                claims.Remove(id);
            }
        }

        if (operation.Branch is { } branch && attempts is not null && attempts.TryGetValue(branch.Key, out var attempt) && attempt == operation)
        {
            attempts.Remove(branch.Key);
        }

        if (operation.IsExpiry && operation.Ids.Length > 0)
        {
            expiring--;
        }

        operation.Ids = [];
    }

    private bool IsClaimed(Operation operation) => operation.Ids.Length > 0;

    private IEnumerable<Operation> OperationsOf()
    {
        if (claims is null)
        {
            yield break;
        }

        foreach (var (id, operation) in claims)
        {
            if (operation.Ids[0] == id)
            {
                yield return operation;
            }
        }
    }

    private void SetPhase(Operation operation, Phase phase)
    {
        waiting += (phase == Phase.Waiting ? 1 : 0) - (operation.Phase == Phase.Waiting ? 1 : 0);
        operation.Phase = phase;
    }

    // After something was decided: those go on that waited for something in doubt; and the next deadline is kept.
    private void RunDeferred(LedgerTime now)
    {
        if (waiting > 0 && deferredRunAt != state.LastDecision)
        {
            deferredRunAt = state.LastDecision;
            foreach (var operation in OperationsOf().Where(static one => one.Phase == Phase.Waiting).ToArray())
            {
                // The end of its own attempt is no news to it.
                if (IsClaimed(operation) && operation.Phase == Phase.Waiting && operation.WaitsSince != state.LastDecision)
                {
                    Begin(operation, now);
                }
            }
        }

        var next = state.NextDeadline;
        if (next < armedFor && (next > JudgedAt(now) || HasUnclaimedDue(now)))
        {
            // A look ahead of a minute: an account that sleeps by then is woken by the hold expiry. What is due
            // already, such as a hold that was extended into the past, is not begun in the middle of something else.
            armedFor = next;
            var horizon = now.Add(TimeSpan.FromMinutes(1));
            host.WakeAt(next <= now ? now.Add(options.RetryAfterMax) : next < horizon ? next : horizon);
        }

        rows.StartNextWrite();
    }

    private bool HasUnclaimedDue(LedgerTime now)
    {
        if (expiring >= options.ExpiriesMax)
        {
            return false;
        }

        foreach (var hold in state.DueHolds(JudgedAt(now)))
        {
            if (claims is null || !claims.ContainsKey(hold.Transfer.Id))
            {
                return true;
            }
        }

        return false;
    }

    private long deferredRunAt;

    // Questions of other accounts about ids that are in hand here.
    private List<WhileClaimed>? whileClaimed;

    // When expiries that were abandoned may be tried again.
    private Dictionary<TransferId, (LedgerTime Until, int Tries, TimeSpan Longest)>? expiryPauses;

    private enum Phase
    {
        LookingUp,
        Waiting,
        DryRunning,
        Voting,
        Committing,
        Notifying,
        Releasing,
        Reserved,
    }

    private sealed record WhileClaimed(DryRunRequest DryRun, HashSet<long> Missing, Dictionary<TransferId, IdHistory?> Known);

    // Something that this account is deciding, or has prepared. Without an input it is an expiry, or was recovered.
    private sealed class Operation(AccountMessage? input, TransactionBranch? asked = null)
    {
        public AccountMessage? Input { get; } = input;

        // The request as it came; of another account's, its part.
        public TransactionBranch? Asked { get; set; } = asked;

        // What is prepared here.
        public TransactionBranch? Branch { get; set; }

        private IReadOnlyList<AccountAddress>? participantsOf;
        private HashSet<AccountAddress>? participants;

        public TransferId[] Ids { get; set; } = [];

        public Phase Phase { get; set; }

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
                bytes += 512 + (2 * ((leg.Transfer?.Reference ?? leg.Opening!.Reference).Length + (leg.Transfer?.Reason.Length ?? 0)));
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
}
