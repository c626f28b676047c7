using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>The simulator's eyes: what an account is doing.</summary>
public sealed partial class AccountRuntime
{
    internal IEnumerable<string> Phases() => Works().Select(NameOf);

    internal IEnumerable<string> PhasesOf(TransferId id) =>
        claims is not null && claims.TryGetValue(id, out var work) ? [NameOf(work)] : [];

    internal IEnumerable<string> PhasesFor(AccountMessage message)
    {
        var ids = message switch
        {
            Vote vote => [vote.Key],
            CloseAnswer answer => [answer.Key],
            TrialAnswer answer => [answer.Id],
            Outcome outcome => [outcome.Key],
            OutcomeAck ack => [ack.Key],
            ResolveInDoubtCall resolve => [resolve.Id],
            GetAccountCall or ChangeAccountCall or OpenAccountCall or Poke => ImmutableArray<TransferId>.Empty,
            _ => [.. IdsOf(message)],
        };
        if (ids.IsEmpty)
        {
            return Phases();
        }

        var works = new List<Work>();
        foreach (var id in ids)
        {
            if (claims is not null && claims.TryGetValue(id, out var work) && !works.Contains(work))
            {
                works.Add(work);
            }
        }

        return works.Select(NameOf);
    }

    internal string DescribeWorks() => string.Join(" | ", Works().Select(work =>
        $"{NameOf(work)} {work.Input?.GetType().Name} {string.Join(',', work.Ids.Select(static id => id.ToString()[^6..]))} "
        + $"waiters {work.Waiters.Count} part {(work.Part is null ? "none" : "some")} at {work.ResendAt.UnixMicroseconds}"))
        + (claims is null ? "" : " claims " + string.Join(' ', claims.Select(static one =>
            $"{one.Key.ToString()[^6..]}:{NameOf(one.Value)}{(one.Value.Ids.Length == 0 ? "(DEAD)" : "")}"))) + $" calls {calls}";

    private static string NameOf(Work work) => work.Phase == Phase.Closing && work.Cancel ? "Cancelling" : work.Phase.ToString();
}
