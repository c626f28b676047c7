using Ledger.Core;

namespace Ledger.Simulation;

/// <content>Operators, who have transactions aborted that are in doubt (R20).</content>
internal sealed partial class SimulatedCluster
{
    // Callers with negative numbers.
    private readonly List<Action<ResolveInDoubtResponse, int>> operators = [];

    // Of any age, and so also while its last agent is about to decide; any of its accounts may be the one that is
    // asked.
    private void AbortSomething()
    {
        var doubts = order.SelectMany(static place => place.Book.Doubts.Values, static (place, doubt) => (place, doubt))
            .ToArray();
        if (doubts.Length == 0)
        {
            return;
        }

        Count("operator aborts");
        var (asked, one) = doubts[verdicts.Next(doubts.Length)];
        var number = operators.Count;
        var call = new ResolveInDoubtRequest(
            verdicts.Chance(500) ? one.Part.Id : one.Part.Key,
            new OperatorVerdict($"operator-{number}", $"history {number}"),
            default, default);
        Ask(asked, call, (answer, mark) =>
        {
            if (answer.Coordinator != asked.Address)
            {
                var coordinator = places[answer.Coordinator];
                Ask(coordinator, call, (again, later) => GoOn(coordinator, call, again, later));
                return;
            }

            GoOn(asked, call, answer, mark);
        });
    }

    private void GoOn(SimulatedAccount coordinator, ResolveInDoubtRequest call, ResolveInDoubtResponse answer, int mark)
    {
        if (answer is { State: InDoubtState.Undecided, Branch: { } part } && answer.Coordinator == coordinator.Address)
        {
            var abort = new OperatorAbort(answer.LastAgent, part, call.Verdict);
            var told = call with { Id = part.Key, Digest = part.Digest };
            At(now + verdicts.Spread(8, 22), () => Advance(coordinator, told, answer, abort, mark));
        }
    }

    // Each step takes its time, in which the last agent may wake, decide, write, or go.
    private void Advance(
        SimulatedAccount coordinator, ResolveInDoubtRequest call, ResolveInDoubtResponse answer, OperatorAbort abort,
        int mark)
    {
        if (healed)
        {
            return;
        }

        if (mark != history || coordinator.Orders.Count < answer.PreparedRow)
        {
            // What was answered and read is of another history: where the rows are, and what they hold.
            Count("operator gives up, the database has changed");
            return;
        }

        if (isUncertain && abort.Step == OperatorAbortStep.Append)
        {
            // It is written by way of a node's journal, which waits until all have looked; at a loss it never comes to
            // it.
            At(now + 50_000, () => Advance(coordinator, call, answer, abort, mark));
            return;
        }

        var lastAgent = places[answer.LastAgent];
        switch (abort.Step)
        {
            case OperatorAbortStep.Read:
                var preparedAt = coordinator.Orders[(int)answer.PreparedRow - 1];
                var since = lastAgent.Rows.Where((_, place) => lastAgent.Orders[place] > preparedAt).ToArray();

                // Of an older row nothing need be known but that it is there.
                var isLastRead = since.Length > 0 || verdicts.Chance(700);
                abort.TakeRows(
                    since, lastAgent.Rows.Count, isLastRead ? lastAgent.Rows.LastOrDefault() : null,
                    ClockOf(verdicts.Next(NodeCount)));
                Count(abort.WasDecided ? "operator finds a decision" : "operator finds none");
                break;
            case OperatorAbortStep.Append:
                var row = abort.Row!;
                if (verdicts.Chance(100))
                {
                    Count("verdict given up, landed late");
                    AppendLate(lastAgent, row);
                    abort.NotAppended();
                }
                else if (Append(lastAgent, row))
                {
                    Count(lastAgent.Newest is null ? "verdict on one that sleeps" : "verdict on one that is awake");
                    abort.Appended();
                }
                else
                {
                    Count("verdict came too late");
                    abort.NotAppended();
                }

                break;
            case OperatorAbortStep.Tell:
                // It may be lost, as any message; or the operator is.
                if (verdicts.Chance(900))
                {
                    Ask(coordinator, call with { Found = abort.Answer }, static (_, _) => { }, mark);
                }

                return;
            default:
                Count("operator gives up");
                return;
        }

        At(now + verdicts.Spread(8, 20), () => Advance(coordinator, call, answer, abort, mark));
    }

    private void Ask(
        SimulatedAccount place, ResolveInDoubtRequest call, Action<ResolveInDoubtResponse, int> then,
        int mark = AnyHistory)
    {
        operators.Add(then);
        var message =
            call with
            {
                ReplyTo = new ReplyTarget(null, -operators.Count), Deadline = new LedgerTime(now + 30_000_000)
            };
        Trace($"operator asks {place.Address}: {Tracer.Text(message)}");
        Transmit(-1, place, message, mark);
    }

    private void AnswerOperator(Incarnation from, long number, AccountResponse answer)
    {
        Trace($"operator is answered {Tracer.Text(answer)}");
        if (answer is ResolveInDoubtResponse resolved)
        {
            if (!from.IsOfLostHistory)
            {
                Oracle.OperatorAnswered(resolved);
            }

            At(now + Delay(), () => operators[(int)-number - 1](resolved, from.Mark));
        }
    }
}
