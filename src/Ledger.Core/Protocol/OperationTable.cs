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
    public IEnumerable<Operation> Attempts => attempts?.Values.AsEnumerable() ?? [];

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
        TryFind(id, out var owner) && owner != operation && owner.Branch is not null;

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
        SetPhase(operation, OperationPhase.LookingUp);
        foreach (var id in operation.Ids)
        {
            if (TryFind(id, out var owner) && owner == operation)
            {
                claims!.Remove(id);
            }
        }

        if (operation.Branch is { } branch && FindAttempt(branch.Key) == operation)
        {
            attempts!.Remove(branch.Key);
        }

        if (operation.IsExpiry && operation.IsClaimed)
        {
            ExpiringCount--;
        }

        operation.Ids = [];
    }

    /// <summary>Notes that an operation is prepared.</summary>
    /// <param name="key">The key of the attempt.</param>
    /// <param name="operation">The operation.</param>
    public void AddAttempt(TransferId key, Operation operation) => (attempts ??= [])[key] = operation;

    /// <summary>What has prepared an attempt; null where it is not prepared.</summary>
    /// <param name="key">The key of the attempt.</param>
    public Operation? FindAttempt(TransferId key) => attempts?.GetValueOrDefault(key);

    /// <summary>Sets what an operation is doing.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="phase">What.</param>
    public void SetPhase(Operation operation, OperationPhase phase)
    {
        WaitingCount += (phase == OperationPhase.Waiting ? 1 : 0) - (operation.IsWaiting ? 1 : 0);
        operation.Phase = phase;
    }
}
