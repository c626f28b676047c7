namespace Ledger.Actors.Leasing;

/// <summary>A process that serves accounts.</summary>
/// <param name="Id">This life of the process; never used again.</param>
/// <param name="Address">By what other nodes know it.</param>
/// <param name="Uid">Tells it from an earlier process at the same address.</param>
/// <param name="Shards">Into how many shards it divides the accounts; 0 when it serves all of them and belongs to no
/// cluster.
/// </param>
internal sealed record LeaseHolder(Guid Id, string Address, long Uid, int Shards)
{
    /// <summary>Whether it serves all accounts and belongs to no cluster.</summary>
    public bool IsAlone => Shards == 0;

    /// <summary>Whether the two can't live side by side: one must be alone, or they do not agree on where an account
    /// is, so that it could live twice.</summary>
    public bool ConflictsWith(LeaseHolder other) =>
        Id != other.Id && (IsAlone || other.IsAlone || Shards != other.Shards);
}
