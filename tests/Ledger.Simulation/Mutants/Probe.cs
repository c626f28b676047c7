using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>The simulator's eyes: what an account is doing.</summary>
internal sealed partial class AccountMachine
{
    internal IEnumerable<string> Phases() => account.Operations.All.Select(NameOf);

    internal IEnumerable<string> PhasesOf(TransferId id) =>
        account.Operations.TryFind(id, out var operation) ? [NameOf(operation)] : [];

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
            GetAccountRequest or ChangeAccountRequest or OpenAccountRequest or Activate =>
                ImmutableArray<TransferId>.Empty,
            _ => [.. OperationIds.Of(message, Address)],
        };
        if (ids.IsEmpty)
        {
            return Phases();
        }

        var found = new List<Operation>();
        foreach (var id in ids)
        {
            if (account.Operations.TryFind(id, out var operation) && !found.Contains(operation))
            {
                found.Add(operation);
            }
        }

        return found.Select(NameOf);
    }

    internal string DescribeOperations() => string.Join(" | ", account.Operations.All.Select(operation =>
        $"{NameOf(operation)} {operation.Input?.GetType().Name} "
        + $"{string.Join(',', operation.Ids.Select(static id => id.ToString()[^6..]))} "
        + $"waiters {operation.Waiters.Count} part {(operation.Phase is PreparedPhase ? "some" : "none")} "
        + $"at {operation.ResendAt.UnixMicroseconds}")) + $" calls {account.Requests.Count}";

    private static string NameOf(Operation operation) =>
        operation.Phase is Committing { Cancel: true } ? "Cancelling" : operation.Phase.GetType().Name;
}
