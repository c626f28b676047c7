namespace Ledger.Core;

/// <content>What is in hand.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- works

    private TransactionPart AskedPart(Transfer transfer, string principal) => new()
    {
        Principal = principal,
        Id = transfer.Id,
        Anchor = Address,
        AnchorAsset = state.Spec?.Asset ?? default,
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new PartLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    private TransactionPart AskedPart(Transaction transaction, string principal = "") => new()
    {
        Principal = principal,
        Id = transaction.Id,
        Anchor = Address,
        LegCount = transaction.Legs.Length,
        Asked = TransferContent.DigestOf(transaction),
        Legs = [.. transaction.Legs.Select(static (leg, index) => new PartLeg(index, leg.Transfer, leg.Opening)
        {
            IfMissing = leg.IfMissing,
            Amount = leg.Transfer?.Amount ?? Amount.Zero,
        })],
    };

    private TransferId[] IdsOf(AccountMessage input) => input switch
    {
        PostTransferCall { Transfer: { ResolvesHold: false, Reverses.IsNil: true } transfer } => [transfer.Id],
        PostTransferCall post => post.Transfer.ResolvesHold
            ? [post.Transfer.Id, post.Transfer.PendingId]
            : transferReverses(post.Transfer),
        PostTransactionCall post => IdsOf(AskedPart(post.Transaction)),
        PrepareRequest prepare => IdsOf(prepare.Part),
        CloseRequest close => IdsOf(close.Part),
        TrialRequest trial => IdsOf(trial.Part),
        OutcomeRequest asked => [asked.Part.Key],
        Outcome outcome => [outcome.Key],
        GetTransferCall get => [get.Id],
        GetTransactionCall get => [get.Id],
        ExtendHoldCall extend => [extend.HoldId],
        _ => throw new LedgerInvariantException($"{Address}: {input.GetType().Name} is about no id"),
    };

    private TransferId[] transferReverses(Transfer transfer) =>
        transfer.DebitAccount == Address ? [transfer.Id, transfer.Reverses] : [transfer.Id];

    private TransferId[] IdsOf(TransactionPart part)
    {
        if (part.Attempt == 0 && part.IsAlone
            && part.Legs[0].Transfer is { ResolvesHold: false, Reverses.IsNil: true })
        {
            return [part.Id];
        }

        var ids = new List<TransferId>(part.Legs.Length + 2) { part.Id };
        var seen = new HashSet<TransferId> { part.Id };
        Add(part.Key);
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && IsMine(part, leg))
            {
                Add(transfer.Id);
                if (transfer.ResolvesHold)
                {
                    Add(transfer.PendingId);
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

    private void Claim(Work work, TransferId[] ids)
    {
        claims ??= [];
        if (work.Ids.Length > 0)
        {
            foreach (var id in work.Ids)
            {
                claims.Remove(id);
            }
        }
        else if (work.IsExpiry)
        {
            expiring++;
        }

        work.Ids = ids;
        foreach (var id in ids)
        {
            claims.TryAdd(id, work);
        }

        if (work.Asked is null)
        {
            work.Asked = work.Input switch
            {
                PostTransferCall post => AskedPart(post.Transfer, post.Principal),
                PostTransactionCall post => AskedPart(post.Transaction, post.Principal),
                PrepareRequest prepare => prepare.Part,
                CloseRequest close => close.Part,
                TrialRequest trial => trial.Part,
                OutcomeRequest asked => asked.Part,
                _ => null,
            };
        }
    }

    private void Unclaim(Work work)
    {
        SetPhase(work, Phase.LookingUp);
        foreach (var id in work.Ids)
        {
            if (claims!.TryGetValue(id, out var owner) && owner == work)
            {
                claims.Remove(id);
            }
        }

        if (work.Part is { } part && attempts is not null && attempts.TryGetValue(part.Key, out var attempt) && attempt == work)
        {
            attempts.Remove(part.Key);
        }

        if (work.IsExpiry && work.Ids.Length > 0)
        {
            expiring--;
        }

        work.Ids = [];
    }

    private bool IsClaimed(Work work) => work.Ids.Length > 0;

    private IEnumerable<Work> Works()
    {
        if (claims is null)
        {
            yield break;
        }

        foreach (var (id, work) in claims)
        {
            if (work.Ids[0] == id)
            {
                yield return work;
            }
        }
    }

    private void SetPhase(Work work, Phase phase)
    {
        waiting += (phase == Phase.Waiting ? 1 : 0) - (work.Phase == Phase.Waiting ? 1 : 0);
        work.Phase = phase;
    }

    // After something was decided: those go on that waited for something in doubt; and the next deadline is kept.
    private void Settle(LedgerTime now)
    {
        if (waiting > 0 && settledAt != state.LastDecision)
        {
            settledAt = state.LastDecision;
            foreach (var work in Works().Where(static one => one.Phase == Phase.Waiting).ToArray())
            {
                // The end of its own attempt is no news to it.
                if (IsClaimed(work) && work.Phase == Phase.Waiting && work.WaitsSince != state.LastDecision)
                {
                    Begin(work, now);
                }
            }
        }

        var next = state.NextDeadline;
        if (next < armedFor && (next > JudgedAt(now) || HasUnclaimedDue(now)))
        {
            // A look ahead of a minute: an account that sleeps by then is woken by the sweeper. What is due already, such as a
            // hold that was extended into the past, is not begun in the middle of something else.
            armedFor = next;
            var horizon = now.Add(TimeSpan.FromMinutes(1));
            shell.WakeAt(next <= now ? now.Add(options.RetryAfterMax) : next < horizon ? next : horizon);
        }

        Pump();
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

    private long settledAt;

    // Questions of other accounts about ids that are in hand here.
    private List<Besides>? besides;

    // When expiries that were abandoned may be tried again.
    private Dictionary<TransferId, (LedgerTime Until, int Tries, TimeSpan Longest)>? expiryPauses;

    private enum Phase
    {
        LookingUp,
        Waiting,
        OnTrial,
        Voting,
        Closing,
        Telling,
        Releasing,
        Reserved,
    }

    private sealed record Besides(TrialRequest Trial, HashSet<long> Missing, Dictionary<TransferId, IdFound?> Known);

    // Something that this account is deciding, or has prepared. Without an input it is an expiry, or was recovered.
    private sealed class Work(AccountMessage? input, TransactionPart? asked = null)
    {
        public AccountMessage? Input { get; } = input;

        // The request as it came; of another account's, its part.
        public TransactionPart? Asked { get; set; } = asked;

        // What is prepared here.
        public TransactionPart? Part { get; set; }

        private IReadOnlyList<AccountAddress>? participantsOf;
        private HashSet<AccountAddress>? participants;

        public TransferId[] Ids { get; set; } = [];

        public Phase Phase { get; set; }

        public List<AccountMessage> Waiters { get; } = new(1);

        // Whether the first waiter is the call that this is about: it is answered "created", copies "exists".
        public bool HasFirst { get; set; }

        public bool IsExpiry => (Asked ?? Part) is { Legs: [{ Transfer: { } transfer }] }
            && (transfer.Flags & TransferFlags.Expiry) != TransferFlags.None && Input is null;

        // Whether somebody waits who has asked for the accounts as they are afterwards.
        public bool WantsAfter => HasFirst
            && Input is PostTransferCall { ReturnBalances: true } or PostTransactionCall { ReturnBalances: true };

        // The accounts that have said how they are right after the commit; null for none.
        public List<AccountAfter>? After { get; set; }

        public bool IsTrial => Input is PostTransactionCall { IsTrial: true };

        // What the journal said of the ids; null values for what it never saw.
        public Dictionary<TransferId, IdFound?>? Known { get; set; }

        public int Missing { get; set; }

        // The numbers of the questions that are out.
        public long FirstLookup { get; set; }

        public long LastLookup { get; set; }

        // What the journal was asked about reached up to this row.
        public long LookedUpTo { get; set; }

        // Whether only its key was free to be looked up.
        public bool IsAside { get; init; }

        public IReadOnlyList<AccountAddress> Others { get; set; } = [];

        public AccountAddress Closer => Others[^1];

        public IEnumerable<AccountAddress> Participants => Others.Take(Others.Count - 1);

        // Others is set anew when an attempt begins.
        public bool HasParticipant(AccountAddress account)
        {
            if (participantsOf != Others)
            {
                participantsOf = Others;
                participants = [.. Participants];
            }

            return participants!.Contains(account);
        }

        public long Round { get; set; }

        public SortedDictionary<AccountAddress, AccountQuote>? Quotes { get; set; }

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
        public int Size => size > 0 ? size : size = SizeOf(Part!);

        private static int SizeOf(TransactionPart part)
        {
            var bytes = 512;
            foreach (var leg in part.Legs)
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
