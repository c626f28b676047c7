namespace Ledger.Core;

/// <summary>The ids that an account has decided, within a window by count and age; the journal is the memory of last
/// resort for what has left it (R4).</summary>
/// <remarks>
/// <para>Every id of version 7 that leaves memory moves the watermark, and nothing else does; so a newer one that is
/// not in memory is new without a look. An id that is ahead of its time would make all honest ones look old: it stays
/// until the account's time has passed it, beside the others. Of too many such the newest leaves all the same
/// (R22).</para>
/// <para>Eviction follows the events and nothing else, so that a replay remembers the same ids (I8).</para>
/// </remarks>
internal sealed class IdempotencyWindow
{
    private readonly int countMax;
    private readonly TimeSpan ageMax;
    private Dictionary<TransferId, IdempotencyRecord.Record>? known;
    private Queue<(TransferId Id, LedgerTime At)>? order;

    // Those that would have left, but are ahead of the account's time. Null until needed: hardly any account has one.
    private SortedSet<(TransferId Id, LedgerTime At)>? early;

    // Null until needed: only what goes through its memory in seconds has one.
    private ForgottenIds? lately;

    internal IdempotencyWindow(int countMax, TimeSpan ageMax)
    {
        this.countMax = countMax;
        this.ageMax = ageMax;
    }

    /// <summary>How many ids are in memory.</summary>
    public int Count => known?.Count ?? 0;

    /// <summary>The newest time-ordered id that has left memory. A time-ordered id above it that is not in memory is
    /// new.</summary>
    public TransferId Watermark { get; private set; }

    /// <summary>Whether an id that is not time-ordered has left memory; from then on such ids are looked up.</summary>
    public bool HasForgottenNonTimeOrdered { get; private set; }

    /// <summary>No decision that has left memory was booked later, but for those about ids that were ahead of their
    /// time. What was booked later is still remembered, and need not be looked for in the journal.</summary>
    public LedgerTime ForgottenUpTo { get; private set; } = new(long.MinValue);

    /// <summary>The ids in memory, oldest first, without those that are only there because they are ahead.</summary>
    public IEnumerable<(TransferId Id, LedgerTime At, IdempotencyRecord What)> InOrder() => Chains(order);

    /// <summary>The ids that are still in memory because they are ahead of the account's time, in their own
    /// order.</summary>
    public IEnumerable<(TransferId Id, LedgerTime At, IdempotencyRecord What)> EarlyInOrder() => Chains(early);

    private IEnumerable<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Chains(
        IEnumerable<(TransferId Id, LedgerTime At)>? ids)
    {
        foreach (var (id, at) in ids ?? [])
        {
            // Decisions about one id, oldest first: put back in this order, they make the same chain.
            var last = new IdempotencyRecord(known![id]);
            for (var back = Length(last) - 1; back >= 0; back--)
            {
                yield return (id, at, Back(last, back));
            }
        }

        static int Length(IdempotencyRecord what)
        {
            var length = 0;
            for (var one = what; one is not null; one = one.Earlier)
            {
                length++;
            }

            return length;
        }

        static IdempotencyRecord Back(IdempotencyRecord what, int steps)
        {
            for (; steps > 0; steps--)
            {
                what = what.Earlier!;
            }

            return what;
        }
    }

    /// <summary>Finds an id in memory.</summary>
    /// <param name="id">The id.</param>
    /// <returns>What is remembered, or null.</returns>
    public IdempotencyRecord? Find(TransferId id) =>
        known is not null && known.TryGetValue(id, out var kept) ? new IdempotencyRecord(kept) : null;

    /// <summary>Whether an id that is not in memory may have left it, so that only the journal can tell.</summary>
    /// <param name="id">The id.</param>
    public bool MayHaveForgotten(TransferId id) =>
        (id.IsTimeOrdered ? id <= Watermark : HasForgottenNonTimeOrdered)
        && (lately is null || !id.IsTimeOrdered || lately.MayContain(id));

    /// <summary>Adds what was decided about an id, or says that the id is used up already.</summary>
    internal bool TryAdd(TransferId id, IdempotencyRecord what, LedgerTime at)
    {
        if (!TryKeep(id, what, out var isNew))
        {
            return false;
        }

        if (!isNew)
        {
            return true;
        }

        (order ??= []).Enqueue((id, at));
        if (early is not null)
        {
            ForgetPassed(at);
        }

        var oldest = at.UnixMicroseconds - (ageMax.Ticks / TimeSpan.TicksPerMicrosecond);
        while (order.Count > countMax || order.Peek().At.UnixMicroseconds < oldest)
        {
            Leave(order.Dequeue(), at);
        }

        return true;
    }

    /// <summary>Puts back one that is only in memory because it is ahead.</summary>
    internal bool TryAddEarly(TransferId id, IdempotencyRecord what, LedgerTime at)
    {
        if (!TryKeep(id, what, out var isNew))
        {
            return false;
        }

        if (isNew)
        {
            (early ??= []).Add((id, at));
        }

        return true;
    }

    private bool TryKeep(TransferId id, IdempotencyRecord what, out bool isNew)
    {
        known ??= [];
        isNew = true;
        if (Find(id) is { } earlier)
        {
            isNew = false;
            if (earlier.IsFinal)
            {
                return false;
            }

            known[id] = what.After(earlier).Kept;
            return true;
        }

        if (known.Count == known.Capacity && known.Capacity * 2 > countMax && known.Count <= countMax)
        {
            // The last step, without the twofold that a table grows by at its own choice.
            known.EnsureCapacity(countMax + 1);
        }

        known.Add(id, what.Kept);
        return true;
    }

    /// <summary>Notes what has become of a hold, where its id is still in memory.</summary>
    internal void EndHold(TransferId id, HoldState state)
    {
        if (Find(id) is { } what)
        {
            known![id] = what.With(state).Kept;
        }
    }

    /// <summary>Between which times what brings an id up was booked, where the index does not say it (R22). The second
    /// is before the first where there can be nothing.</summary>
    /// <param name="id">The id.</param>
    /// <param name="withLater">Whether what names the id matters as well, be it in memory or not.</param>
    /// <remarks>By the id's own time alone, and never by when it is asked for: whether a row is in the index was
    /// decided when it was written.</remarks>
    public (LedgerTime NotBefore, LedgerTime NotAfter) BookedBetween(TransferId id, bool withLater)
    {
        if (!id.IsTimeOrdered)
        {
            return (LedgerTime.MaxValue, new LedgerTime(long.MinValue));
        }

        // What memory knows of the id itself is wanted with its content, or may leave while the question is out.
        withLater |= known?.ContainsKey(id) == true;
        var notAfter = new LedgerTime(id.UnixMicroseconds + IdWindow.WidthMicroseconds);
        return (
            new LedgerTime(id.UnixMicroseconds - IdWindow.WidthMicroseconds),
            withLater || notAfter < ForgottenUpTo ? notAfter : ForgottenUpTo);
    }

    internal void Restore(TransferId watermark, bool hasForgottenUnordered, LedgerTime forgottenUpTo, int count)
    {
        if (count > 0)
        {
            count = Math.Min(count, countMax);
            known = new(count);

            // One more than may stay is entered before the oldest leaves.
            order = new(count + 1);
        }

        Watermark = watermark;
        HasForgottenNonTimeOrdered = hasForgottenUnordered;
        ForgottenUpTo = forgottenUpTo;
    }

    // By the decision, which is no earlier than what brought the id up: what counts as ahead here has an entry in the
    // index.
    private void Leave((TransferId Id, LedgerTime At) one, LedgerTime now)
    {
        var stay = now.UnixMicroseconds - one.At.UnixMicroseconds;
        lately = stay > 10 * IdWindow.WidthMicroseconds ? null
            : lately is null && stay < 2 * IdWindow.WidthMicroseconds ? new ForgottenIds(Watermark)
            : lately;
        ForgetUpTo(one.At);
        if (!one.Id.IsTimeOrdered || one.Id.UnixMicroseconds <= one.At.UnixMicroseconds + IdWindow.WidthMicroseconds
            || HasPassed(one.Id, now))
        {
            Forget(one.Id, now);
            return;
        }

        (early ??= []).Add(one);
        if (early.Count > IdWindow.EarlyMax)
        {
            var newest = early.Max;
            early.Remove(newest);
            Forget(newest.Id, now);
        }
    }

    private static bool HasPassed(TransferId id, LedgerTime now) =>
        id.UnixMicroseconds <= now.UnixMicroseconds - IdWindow.WidthMicroseconds;

    private void ForgetPassed(LedgerTime now)
    {
        while (early!.Count > 0 && early.Min is var first && HasPassed(first.Id, now))
        {
            early.Remove(first);
            Forget(first.Id, now);
        }

        if (early.Count == 0)
        {
            early = null;
        }
    }

    private void ForgetUpTo(LedgerTime at)
    {
        if (at > ForgottenUpTo)
        {
            ForgottenUpTo = at;
        }
    }

    private void Forget(TransferId id, LedgerTime now)
    {
        // What is decided again keeps its place, so its last decision may be newer than those of ids behind it.
        if (known!.Remove(id, out var last) && last.Rare?.Earlier is not null)
        {
            ForgetUpTo(now);
        }

        if (!id.IsTimeOrdered)
        {
            HasForgottenNonTimeOrdered = true;
            return;
        }

        lately?.Add(id, Watermark);
        if (id > Watermark)
        {
            Watermark = id;
        }
    }
}
