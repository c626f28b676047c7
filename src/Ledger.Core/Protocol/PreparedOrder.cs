namespace Ledger.Core;

/// <summary>The transactions that are prepared here and in doubt, in the order in which they were prepared. Those that
/// are decided are taken off when they reach the head.</summary>
internal sealed class PreparedOrder(AccountState state)
{
    private Queue<(long Number, TransferId Key)>? prepared;

    /// <summary>The oldest transaction in doubt; null for none.</summary>
    public InDoubtTransaction? Oldest => IsEmpty ? null : state.FindInDoubt(prepared!.Peek().Key);

    /// <summary>The number of the oldest, as counted by <see cref="AccountState.PreparedCount"/>; the largest number
    /// for none.</summary>
    public long OldestNumber => IsEmpty ? long.MaxValue : prepared!.Peek().Number;

    /// <summary>Whether nothing is in doubt.</summary>
    public bool IsEmpty
    {
        get
        {
            ForgetDecided();
            return prepared is not { Count: > 0 };
        }
    }

    /// <summary>The number of the newest that was ever prepared here.</summary>
    public long NewestNumber => state.PreparedCount;

    /// <summary>Adds what has just been prepared, or was found prepared on recovery.</summary>
    /// <param name="number">Its number; larger than those of all before.</param>
    /// <param name="key">The attempt's key.</param>
    public void Add(long number, TransferId key) => (prepared ??= []).Enqueue((number, key));

    private void ForgetDecided()
    {
        while (prepared is { Count: > 0 }
            && state.FindInDoubt(prepared.Peek().Key)?.Number != prepared.Peek().Number)
        {
            prepared.Dequeue();
        }
    }
}
