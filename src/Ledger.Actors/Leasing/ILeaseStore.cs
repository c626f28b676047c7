using Ledger.Actors.Storage;

namespace Ledger.Actors.Leasing;

/// <summary>The table of leases, and of the shards that are claimed under them. Thread-safe.</summary>
/// <remarks>What renews is synchronous, and never waits for long: it runs on a thread of its own, since a lease that
/// lapses because the thread pool is busy stops a node.</remarks>
internal interface ILeaseStore : IDisposable
{
    /// <summary>Enters a lease.</summary>
    /// <param name="holder">Whose.</param>
    /// <param name="duration">For how long a renewal makes it good.</param>
    void Enter(LeaseHolder holder, TimeSpan duration);

    /// <summary>What time it is by the database, and by those who have leases.</summary>
    LeaseTimes ReadTimes();

    /// <summary>Looks at the database.</summary>
    /// <param name="acknowledged">Rows that must be there.</param>
    DatabaseState Look(IReadOnlyList<AcknowledgedRow> acknowledged);

    /// <summary>Renews a lease that is as it was left, in a database that has what it must, and tells the others the
    /// holder's time.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="confirmed">The number of the last try whose renewal was confirmed; 0 before.</param>
    /// <param name="number">Of this try: greater than those of all earlier ones. One that arrives late, after a later
    /// one, does nothing.</param>
    /// <param name="acknowledged">Rows that must be there.</param>
    /// <param name="time">The ledger time of the holder.</param>
    LeaseRenewal Renew(
        Guid id, long confirmed, long number, IReadOnlyList<AcknowledgedRow> acknowledged, LedgerTime time);

    /// <summary>Puts on record that an epoch's journal has lost rows. No node serves until a new epoch has
    /// begun.</summary>
    /// <param name="epoch">Which.</param>
    /// <param name="noticedBy">Which node has noticed it.</param>
    /// <param name="evidence">What it has found.</param>
    void RecordLoss(long epoch, string noticedBy, string evidence);

    /// <summary>Notes that the process hands its accounts over.</summary>
    void Leave(Guid id);

    /// <summary>Takes a lease off: no account of that process answers any more.</summary>
    void Release(Guid id);

    /// <summary>All leases, those that are over included.</summary>
    IReadOnlyList<LeaseRow> List();

    /// <summary>Makes it impossible to renew leases, and ends the sessions of their holders that wait for these in the
    /// middle of a statement or transaction (R19 g). How long they are still good is read afterwards.</summary>
    void Revoke(IReadOnlyCollection<Guid> ids);

    /// <summary>Claims a shard: it is had when nobody has it, or only a process whose lease is gone, or is revoked and
    /// over.</summary>
    /// <param name="id">Who, with a lease that is not revoked.</param>
    /// <param name="shard">Which.</param>
    /// <param name="number">Of the claim: greater than those of earlier claims of this process to this shard.</param>
    /// <param name="ended">Whose leases are known to be revoked and over.</param>
    /// <returns>Whether the process has it now, by this claim or a later one of its own.</returns>
    Task<bool> ClaimAsync(Guid id, string shard, long number, IReadOnlyCollection<Guid> ended);

    /// <summary>Gives back claims, and earlier ones of the same process to the same shards, as far as it has
    /// them.</summary>
    /// <param name="id">Who.</param>
    /// <param name="claims">The shards and the numbers of the claims; a later one stays, however late this
    /// arrives.</param>
    Task GiveBackAsync(Guid id, IReadOnlyDictionary<string, long> claims);
}
