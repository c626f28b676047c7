using System.Diagnostics.CodeAnalysis;

namespace Ledger.Core;

/// <summary>What an account has in hand: which operation has claimed an id, and which attempts are prepared here. Not
/// thread-safe.</summary>
/// <remarks>An operation claims its own ids: those of a transaction and of its transfers, of a hold that is resolved,
/// of a transfer that is taken back. What comes for a claimed id waits for that operation, or is answered from it.
/// </remarks>
internal sealed class OperationTable
{
    // Null until needed: most accounts are idle.
    private Dictionary<TransferId, Operation>? claims;
    private Dictionary<TransferId, Operation>? attempts;

    /// <summary>Whether anything is in hand.</summary>
    public bool HasAny => claims is { Count: > 0 };

    /// <summary>How many operations wait for something in doubt.</summary>
    public int WaitingCount { get; private set; }

    /// <summary>How many are expiries.</summary>
    public int ExpiringCount { get; private set; }

    /// <summary>The operations, each once.</summary>
    public IEnumerable<Operation> All
    {
        get
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
    }

    /// <summary>The attempts that are prepared here.</summary>
    public IEnumerable<(Operation Operation, PreparedPhase Phase)> Attempts
    {
        get
        {
            foreach (var operation in attempts?.Values.AsEnumerable() ?? [])
            {
                if (operation.Phase is PreparedPhase phase)
                {
                    yield return (operation, phase);
                }
            }
        }
    }

    /// <summary>What has an id in hand; null for nothing.</summary>
    /// <param name="id">The id.</param>
    public Operation? Find(TransferId id) => claims?.GetValueOrDefault(id);

    /// <summary>The same.</summary>
    /// <param name="id">The id.</param>
    /// <param name="operation">What has it in hand.</param>
    public bool TryFind(TransferId id, [NotNullWhen(true)] out Operation? operation)
    {
        operation = null;
        return claims is not null && claims.TryGetValue(id, out operation);
    }

    /// <summary>Whether anything else that is prepared has an id in hand.</summary>
    /// <param name="id">The id.</param>
    /// <param name="operation">What it may be; null for nothing.</param>
    public bool IsPreparedElsewhere(TransferId id, Operation? operation) =>
        TryFind(id, out var owner) && owner != operation && owner.Phase is PreparedPhase;

    /// <summary>Has an operation claim ids, in place of those that it has.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="ids">The ids; those that another has stay with that.</param>
    public void Claim(Operation operation, TransferId[] ids)
    {
        claims ??= [];
        if (operation.IsClaimed)
        {
            foreach (var id in operation.Ids)
            {
                claims.Remove(id);
            }
        }
        else if (operation.IsExpiry)
        {
            ExpiringCount++;
        }

        operation.Ids = ids;
        foreach (var id in ids)
        {
            claims.TryAdd(id, operation);
        }
    }

    /// <summary>Takes an operation off.</summary>
    /// <param name="operation">The operation.</param>
    public void Unclaim(Operation operation)
    {
        var key = (operation.Phase as PreparedPhase)?.Branch.Key;
        SetPhase(operation, LookingUp.Nothing);
        foreach (var id in operation.Ids)
        {
            if (TryFind(id, out var owner) && owner == operation)
            {
                claims!.Remove(id);
            }
        }

        if (key is { } attempt && FindAttempt(attempt) == operation)
        {
            attempts!.Remove(attempt);
        }

        if (operation.IsExpiry && operation.IsClaimed)
        {
            ExpiringCount--;
        }

        operation.Ids = [];
    }

    /// <summary>Notes that an operation is prepared.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="phase">What it is doing from now on.</param>
    public void AddAttempt(Operation operation, PreparedPhase phase)
    {
        (attempts ??= [])[phase.Branch.Key] = operation;
        SetPhase(operation, phase);
    }

    /// <summary>What has prepared an attempt; null where it is not prepared.</summary>
    /// <param name="key">The key of the attempt.</param>
    public Operation? FindAttempt(TransferId key) => attempts?.GetValueOrDefault(key);

    /// <summary>What has prepared an attempt, and is in a certain phase.</summary>
    /// <typeparam name="TPhase">The phase.</typeparam>
    /// <param name="key">The key of the attempt.</param>
    /// <param name="digest">Its digest (R7).</param>
    /// <param name="operation">The operation.</param>
    /// <param name="phase">What it is doing.</param>
    public bool TryFindAttempt<TPhase>(
        TransferId key, UInt128 digest, [NotNullWhen(true)] out Operation? operation,
        [NotNullWhen(true)] out TPhase? phase)
        where TPhase : PreparedPhase
    {
        operation = FindAttempt(key);
        phase = operation?.Phase as TPhase;
        return phase is not null && phase.Branch.Digest == digest;
    }

    /// <summary>Sets what an operation is doing.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="phase">What.</param>
    public void SetPhase(Operation operation, OperationPhase phase)
    {
        WaitingCount += (phase is Waiting ? 1 : 0) - (operation.Phase is Waiting ? 1 : 0);
        operation.Phase = phase;
    }
}
