using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>The simulator's eyes: what an account is doing.</summary>
internal sealed partial class AccountMachine
{
    internal IEnumerable<string> Phases() => OperationsOf().Select(NameOf);

    internal IEnumerable<string> PhasesOf(TransferId id) =>
        claims is not null && claims.TryGetValue(id, out var operation) ? [NameOf(operation)] : [];

    internal IEnumerable<string> PhasesFor(AccountMessage message)
    {
        var ids = message switch
        {
            Vote vote => [vote.Key],
            CommitResponse answer => [answer.Key],
            DryRunResponse answer => [answer.Id],
            Outcome outcome => [outcome.Key],
            OutcomeAck ack => [ack.Key],
            ResolveInDoubtRequest resolve => [resolve.Id],
            GetAccountRequest or ChangeAccountRequest or OpenAccountRequest or Activate => ImmutableArray<TransferId>.Empty,
            _ => [.. IdsOf(message)],
        };
        if (ids.IsEmpty)
        {
            return Phases();
        }

        var works = new List<Operation>();
        foreach (var id in ids)
        {
            if (claims is not null && claims.TryGetValue(id, out var operation) && !works.Contains(operation))
            {
                works.Add(operation);
            }
        }

        return works.Select(NameOf);
    }

    internal string DescribeOperations() => string.Join(" | ", OperationsOf().Select(operation =>
        $"{NameOf(operation)} {operation.Input?.GetType().Name} {string.Join(',', operation.Ids.Select(static id => id.ToString()[^6..]))} "
        + $"waiters {operation.Waiters.Count} part {(operation.Branch is null ? "none" : "some")} at {operation.ResendAt.UnixMicroseconds}"))
        + (claims is null ? "" : " claims " + string.Join(' ', claims.Select(static one =>
            $"{one.Key.ToString()[^6..]}:{NameOf(one.Value)}{(one.Value.Ids.Length == 0 ? "(DEAD)" : "")}"))) + $" calls {requests.Count}";

    private static string NameOf(Operation operation) => operation.Phase == Phase.Committing && operation.Cancel ? "Cancelling" : operation.Phase.ToString();
}
