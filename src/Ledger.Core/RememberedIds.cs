namespace Ledger.Core;

/// <summary>What an account remembers of a transfer that is decided.</summary>
/// <param name="Digest">The digest of its content.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, or the reason of its rejection.</param>
/// <param name="Time">When it was committed or rejected.</param>
/// <param name="SequenceNr">The journal row that holds its content.</param>
/// <param name="Seen">For a rejection, the balances that were seen.</param>
public sealed class RememberedId(
    UInt128 Digest, TransferStatus Status, LedgerTime Time, long SequenceNr, Balances? Seen)
{
    // Boxed, because thousands of these are in memory and few are rejections.
    private readonly object? seen = Seen;

    /// <summary>The digest of the transfer's content.</summary>
    public UInt128 Digest { get; } = Digest;

    /// <summary><see cref="TransferStatus.Created"/>, or the reason of its rejection.</summary>
    public TransferStatus Status { get; } = Status;

    /// <summary>When it was committed or rejected.</summary>
    public LedgerTime Time { get; } = Time;

    /// <summary>The journal row that holds its content.</summary>
    public long SequenceNr { get; } = SequenceNr;

    /// <summary>For a rejection, the balances that were seen.</summary>
    public Balances? Seen => (Balances?)seen;
}

/// <summary>The ids that an account has decided, within a window by count and age; the journal is the memory of last
/// resort for what has left it (R4).</summary>
/// <remarks>Eviction follows the events and nothing else, so that a replay remembers the same ids (I8).</remarks>
public sealed class RememberedIds
{
    private readonly int countMax;
    private readonly TimeSpan ageMax;
    private Dictionary<TransferId, RememberedId>? known;
    private Queue<(TransferId Id, LedgerTime At)>? order;

    internal RememberedIds(int countMax, TimeSpan ageMax)
    {
        this.countMax = countMax;
        this.ageMax = ageMax;
    }

    /// <summary>How many ids are in memory.</summary>
    public int Count => known?.Count ?? 0;

    /// <summary>The newest time-ordered id that has left memory. A time-ordered id above it that is not in memory is new.</summary>
    public TransferId Watermark { get; private set; }

    /// <summary>Whether an id that is not time-ordered has left memory; from then on such ids are looked up.</summary>
    public bool HasForgottenUnordered { get; private set; }

    /// <summary>By how much, at most, a time-ordered id of this account was ahead of the clock when its content was
    /// journaled, in microseconds; not negative.</summary>
    public long LeadMax { get; private set; }

    /// <summary>By how much, at most, the clock was ahead of a time-ordered id of this account when its content was
    /// journaled, in microseconds; not negative. With <see cref="LeadMax"/> it bounds where in the journal such an id can
    /// be, so that a look-up reads a part of a long stream and not all of it.</summary>
    public long LagMax { get; private set; }

    /// <summary>The ids in memory, oldest first.</summary>
    public IEnumerable<(TransferId Id, LedgerTime At, RememberedId What)> InOrder()
    {
        if (order is null)
        {
            yield break;
        }

        foreach (var (id, at) in order)
        {
            yield return (id, at, known![id]);
        }
    }

    /// <summary>Finds an id in memory.</summary>
    /// <param name="id">The id.</param>
    /// <returns>What is remembered, or null.</returns>
    public RememberedId? Find(TransferId id) => known is not null && known.TryGetValue(id, out var what) ? what : null;

    /// <summary>Whether an id that is not in memory may have left it, so that only the journal can tell.</summary>
    /// <param name="id">The id.</param>
    public bool MayHaveForgotten(TransferId id) =>
        id.IsTimeOrdered ? id <= Watermark : HasForgottenUnordered;

    /// <summary>Adds an id, or says that it is known already.</summary>
    internal bool TryAdd(TransferId id, RememberedId what, LedgerTime at)
    {
        known ??= [];
        order ??= [];
        if (!known.TryAdd(id, what))
        {
            return false;
        }

        order.Enqueue((id, at));
        var oldest = at.UnixMicroseconds - (ageMax.Ticks / TimeSpan.TicksPerMicrosecond);
        while (order.Count > countMax || order.Peek().At.UnixMicroseconds < oldest)
        {
            Forget(order.Dequeue().Id);
        }

        return true;
    }

    /// <summary>Between which times the content of an id must have been journaled, if it ever was.</summary>
    /// <param name="id">The id.</param>
    public (LedgerTime NotBefore, LedgerTime NotAfter) JournaledBetween(TransferId id)
    {
        if (!id.IsTimeOrdered)
        {
            return (new LedgerTime(long.MinValue), LedgerTime.MaxValue);
        }

        var time = id.UnixMicroseconds;
        return (new LedgerTime(time - LeadMax), new LedgerTime(time + LagMax));
    }

    // Every id whose content is journaled passes here, so the bounds hold for all of the stream.
    internal void Measure(TransferId id, LedgerTime at)
    {
        if (id.IsTimeOrdered)
        {
            LeadMax = Math.Max(LeadMax, id.UnixMicroseconds - at.UnixMicroseconds);
            LagMax = Math.Max(LagMax, at.UnixMicroseconds - id.UnixMicroseconds);
        }
    }

    internal void Restore(TransferId watermark, bool hasForgottenUnordered, long leadMax, long lagMax)
    {
        LeadMax = leadMax;
        LagMax = lagMax;
        Watermark = watermark;
        HasForgottenUnordered = hasForgottenUnordered;
    }

    private void Forget(TransferId id)
    {
        known!.Remove(id);
        if (!id.IsTimeOrdered)
        {
            HasForgottenUnordered = true;
        }
        else if (id > Watermark)
        {
            Watermark = id;
        }
    }
}
