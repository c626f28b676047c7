namespace Ledger.Core;

/// <summary>Something that an account is deciding, or has prepared. What only some phases have is in its
/// <see cref="Phase"/>.</summary>
/// <param name="input">What asked for it; null for an expiry, and for what was found prepared on recovery.</param>
/// <param name="asked">The request as it came; of another account's, its part; null where it concerns an id
/// alone.</param>
internal sealed class Operation(AccountMessage? input, TransactionBranch? asked = null)
{
    /// <summary>What asked for it; null for an expiry, and for what was found prepared on recovery.</summary>
    public AccountMessage? Input { get; } = input;

    /// <summary>The request as it came; of another account's, its part; null where it concerns an id alone.</summary>
    public TransactionBranch? Asked { get; } = asked;

    /// <summary>The ids that it has claimed; empty where it has been taken off.</summary>
    public TransferId[] Ids { get; set; } = [];

    /// <summary>What it is doing.</summary>
    public OperationPhase Phase { get; set; } = LookingUp.Nothing;

    /// <summary>What is to be answered, or decided, when it is over; in order.</summary>
    public List<AccountMessage> Waiters { get; } = new(1);

    /// <summary>Whether the first waiter is the call that this is about: it is answered "created", copies
    /// "exists".</summary>
    public bool HasFirst { get; set; }

    /// <summary>What the journal said of its ids, when it was last asked.</summary>
    public IdFacts Facts { get; set; }

    /// <summary>What the journal was asked about reached up to this row.</summary>
    public long LookedUpTo { get; set; }

    /// <summary>Whether only its key was free to be looked up.</summary>
    public bool IsDetached { get; init; }

    /// <summary>The accounts that have said how they are right after the commit; null for none.</summary>
    public List<AccountAfter>? After { get; set; }

    /// <summary>When something is sent again, or it is decided again.</summary>
    public LedgerTime ResendAt { get; set; }

    /// <summary>How often something was sent again.</summary>
    public int Resends { get; set; }

    /// <summary>How often it was decided again, because something was in doubt.</summary>
    public int Retries { get; set; }

    /// <summary>When its caller is told that it waits for something in doubt; the default value before it
    /// does.</summary>
    public LedgerTime GiveUpAt { get; set; }

    /// <summary>Whether it has not been taken off.</summary>
    public bool IsClaimed => Ids.Length > 0;

    /// <summary>Whether it is the void that the account itself begins when a hold is due.</summary>
    public bool IsExpiry { get; } = input is null && asked is { Legs: [{ Transfer: { } transfer }] }
        && transfer.Kind == TransferKind.ExpireHold;

    /// <summary>Whether nothing is to be done.</summary>
    public bool IsDryRun => Input is PostTransactionRequest { IsDryRun: true };

    /// <summary>Whether somebody waits who has asked for the accounts as they are afterwards.</summary>
    public bool WantsAfter => HasFirst
        && Input is PostTransferRequest { ReturnBalances: true } or PostTransactionRequest { ReturnBalances: true };

    /// <summary>The call that this is about, while its caller waits; null where nobody does.</summary>
    public AccountRequest? First => HasFirst ? Waiters[0] as AccountRequest : null;

    /// <summary>What the other accounts have said, where they were asked; else null.</summary>
    public IReadOnlyDictionary<AccountAddress, AccountReport>? Reports => (Phase as DryRunning)?.Reports;

    /// <summary>Notes how an account is right after the commit, if that is wanted.</summary>
    /// <param name="after">The account; null where it did not say.</param>
    public void AddAfter(AccountAfter? after)
    {
        if (after is not null && WantsAfter)
        {
            (After ??= []).Add(after);
        }
    }

    /// <summary>Whether anybody waits whose deadline has not passed. An expiry waits for itself.</summary>
    /// <param name="now">The time.</param>
    public bool IsAwaited(LedgerTime now)
    {
        foreach (var waiter in Waiters)
        {
            if (waiter is not AccountRequest call || call.Deadline >= now)
            {
                return true;
            }
        }

        return IsExpiry;
    }

    /// <summary>Takes off callers that no longer wait.</summary>
    /// <param name="isDropped">Which.</param>
    /// <returns>Those that were taken off, the last one first.</returns>
    public IReadOnlyList<AccountRequest> Drop(Func<AccountRequest, bool> isDropped)
    {
        List<AccountRequest>? dropped = null;
        for (var i = Waiters.Count - 1; i >= 0; i--)
        {
            if (Waiters[i] is AccountRequest call && isDropped(call))
            {
                Waiters.RemoveAt(i);
                HasFirst &= i > 0;
                (dropped ??= []).Add(call);
            }
        }

        return dropped ?? [];
    }

    /// <summary>Takes off what other accounts have asked.</summary>
    /// <returns>In order; null for nothing.</returns>
    public List<AccountMessage>? TakeForeign()
    {
        List<AccountMessage>? others = null;
        for (var i = Waiters.Count - 1; i >= 0; i--)
        {
            if (Waiters[i] is not AccountRequest)
            {
                (others ??= []).Add(Waiters[i]);
                Waiters.RemoveAt(i);
            }
        }

        others?.Reverse();
        return others;
    }
}
