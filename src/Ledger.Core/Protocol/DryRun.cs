using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>Tells a coordinator how this account is and what it knows of legs, before anything is journaled (R14, R15).
/// Changes nothing.</summary>
internal sealed class DryRun(AccountParts account)
{
    // Questions of other accounts about ids that are in hand here, which wait for what the journal says.
    private List<Waiting>? waiting;

    /// <summary>Answers while something else is being done about one of its ids: that must not wait for the question,
    /// nor the question for it. What only the journal can tell is looked up besides (R4).</summary>
    /// <param name="dryRun">The question.</param>
    /// <param name="owner">What has one of its ids in hand.</param>
    /// <param name="now">The time.</param>
    public void RespondWhileClaimed(DryRunRequest dryRun, Operation owner, LedgerTime now)
    {
        var branch = dryRun.Branch;
        var known = owner.Facts.Found is { } found ? new Dictionary<TransferId, IdHistory?>(found) : [];
        TransferId[] uncertain = [.. OperationIds.Of(branch, account.State.Address).Where(id =>
            id != branch.Id && id != branch.Key && account.Resolver.IsUncertain(id) && !known.ContainsKey(id))];
        if (uncertain.Length == 0)
        {
            Respond(dryRun, new IdFacts(known), now);
            return;
        }

        account.Rows.RecordCommits();
        var missing = new HashSet<long>();
        foreach (var id in uncertain)
        {
            account.Rows.SendWhenDurable(
                account.Resolver.Ask(account.Resolver.QuestionAboutAll(id), account.Rows.NewestRow));
            missing.Add(account.Resolver.QuestionCount);
        }

        (waiting ??= []).Add(new Waiting(dryRun, missing, known));
    }

    /// <summary>Whether a question to the journal is still of use here.</summary>
    /// <param name="question">Its number.</param>
    public bool IsAwaited(long question)
    {
        foreach (var one in waiting ?? [])
        {
            if (one.Missing.Contains(question))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The journal has answered about an id, or could not: then who asked asks again.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="found">The answer.</param>
    /// <param name="failed">Whether it could not.</param>
    /// <param name="now">The time.</param>
    public void LookedUp(IdLookup lookup, IdHistory? found, bool failed, LedgerTime now)
    {
        for (var i = (waiting?.Count ?? 0) - 1; i >= 0; i--)
        {
            var one = waiting![i];
            if (!one.Missing.Remove(lookup.Number))
            {
                continue;
            }

            one.Known[lookup.Id] = found;
            if (failed || one.Missing.Count == 0)
            {
                waiting.RemoveAt(i);
                if (!failed)
                {
                    Respond(one.DryRun, new IdFacts(one.Known), now);
                }
            }
        }
    }

    /// <summary>Answers. What throws is a report that each leg would fail (R18).</summary>
    /// <param name="dryRun">The question.</param>
    /// <param name="facts">What the journal said of its ids.</param>
    /// <param name="now">The time.</param>
    public void Respond(DryRunRequest dryRun, IdFacts facts, LedgerTime now)
    {
        ImmutableArray<LegContext> told;
        var before = account.Rows.Changes;
        try
        {
            account.Options.Deciding?.Invoke();
            var branch = dryRun.Branch;
            var contextOf = account.Contexts.Of(branch, facts, null);
            told = [.. branch.Legs.Where(static leg => leg.Transfer is not null)
                .Select(leg => contextOf?.Invoke(leg.Index) ?? new LegContext(leg.Index))];
            if (branch.Legs.Any(static leg => leg.IsHold))
            {
                told = WithHeadroomForHolds(branch, told, now);
            }
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            account.Host.DecisionFailed(dryRun, e);
            RespondFailed(dryRun, now);
            return;
        }

        Send(dryRun, account.State.IsOpeningOrClosingInDoubt, told, now);
    }

    /// <summary>Says that each leg would fail; of openings alone, that they depend on something.</summary>
    /// <param name="dryRun">The question.</param>
    /// <param name="now">The time.</param>
    public void RespondFailed(DryRunRequest dryRun, LedgerTime now) => Send(
        dryRun, inDoubt: dryRun.Branch.Legs.All(static leg => leg.Transfer is null),
        [.. dryRun.Branch.Legs.Where(static leg => leg.Transfer is not null).Select(static leg =>
            new LegContext(leg.Index) { Known = TransferStatus.DecisionFailed })],
        now);

    // Whether there is room for each hold that is asked for, after what the legs before it make and end.
    private ImmutableArray<LegContext> WithHeadroomForHolds(
        TransactionBranch branch, ImmutableArray<LegContext> contexts, LedgerTime now)
    {
        var copy = AccountWorkingCopy.OfThread.Take(
            account.State, null, account.Clock.OldDoubtUpTo(now), dueBy: null, account.Options);
        var told = contexts.ToBuilder();

        // The holds that its legs name: each with what is left of it, null where only the coordinator can know.
        Dictionary<TransferId, (Transfer Hold, Amount? Left, bool IsEnded)> named = [];
        var place = -1;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            place++;
            if (leg.IsHold)
            {
                var problem = copy.CheckHolds(
                    leg,
                    transfer.DebitAccount == account.State.Address ? transfer.CreditAccount : transfer.DebitAccount);
                told[place] = problem == TransferStatus.None ? told[place]
                    : copy.MayHaveMoreHeadroom ? told[place] with { InDoubt = true }
                    : told[place] with { HoldProblem = problem };
                copy.CountHold(transfer, 1);
                named[transfer.Id] = (
                    transfer, transfer.IsBalancing || !transfer.Reverses.IsNil ? null : transfer.Amount,
                    IsEnded: false);
            }
            else if (transfer.ResolvesHold)
            {
                if (!named.TryGetValue(transfer.HoldId, out var one))
                {
                    if (told[place] is not { HoldProblem: TransferStatus.None, Pending: { } hold } context)
                    {
                        continue;
                    }

                    one = (hold, context.Remaining, IsEnded: false);
                }

                var left = LeftOf(transfer, one.Left);

                // Where it can't be known here, there is room: the vote, which sees the amounts, judges again.
                var ends = left is null or { IsZero: true };
                if (ends && !one.IsEnded)
                {
                    copy.CountHold(one.Hold, -1);
                }

                named[transfer.HoldId] = (one.Hold, left, ends);
            }
        }

        return told.MoveToImmutable();
    }

    // What a post or a void leaves of a hold; null where that can't be known.
    private static Amount? LeftOf(Transfer transfer, Amount? before) =>
        !transfer.KeepRest || transfer.Amount == Amount.MaxValue
            ? Amount.Zero
        : before is { } left ? left > transfer.Amount ? left - transfer.Amount : Amount.Zero
        : null;

    private void Send(DryRunRequest dryRun, bool inDoubt, ImmutableArray<LegContext> told, LedgerTime now)
    {
        var favour = account.State.FavourOf(account.Clock.OldDoubtUpTo(now), dueBy: null);
        var report = new AccountReport(
            account.State.Address, account.State.Spec, account.State.ClosedByChange, account.State.Freeze,
            account.State.Balances, account.State.Load, inDoubt, told)
        {
            OpenedWith = account.State.OpenedWith,
            ClosedByHold = account.State.ClosedByHold,
            DebitFavour = favour.Debit,
            CreditFavour = favour.Credit,
        };
        account.Rows.SendWhenDurable(
            dryRun.Branch.Coordinator, new DryRunResponse(dryRun.Branch.Id, dryRun.Round, report));
    }

    private sealed record Waiting(
        DryRunRequest DryRun, HashSet<long> Missing, Dictionary<TransferId, IdHistory?> Known);
}
