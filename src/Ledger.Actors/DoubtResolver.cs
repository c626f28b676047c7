using Akka.Actor;
using Akka.Event;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary>Ends transactions in doubt for operators (R20): asks, reads, writes and tells, as
/// <see cref="OperatorAbort"/> says.</summary>
internal sealed class DoubtResolver(
    ActorSystem system, RequestDispatcher dispatcher, AccountReader accounts, AccountActorContext context,
    IIndexedStreams? streams)
{
    // How long the last agent is waited for, which is asked again meanwhile: longer than an account takes to move.
    private static readonly TimeSpan s_askFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_askEvery = TimeSpan.FromMilliseconds(100);

    // How long a commit that has just become known may take until all have booked it, and how long one is asked why
    // not.
    private static readonly TimeSpan s_bookFor = TimeSpan.FromSeconds(1);

    private readonly ILoggingAdapter log = Logging.GetLogger(system, typeof(DoubtResolver));

    /// <summary>See <see cref="ILedgerAdmin.ResolveInDoubtAsync"/>.</summary>
    public async Task<InDoubtResolution> ResolveAsync(
        InDoubtVerdict request, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var verdict = new OperatorVerdict(request.By, request.Reason);
        var history = context.Database?.History;
        var (answer, coordinator) = await FindAsync(request, verdict, deadline, cancellationToken);
        if (answer.Branch is { } part)
        {
            answer = await AskLastAgentAsync(coordinator, part, verdict, answer, deadline, cancellationToken);
        }

        if (answer.State != InDoubtState.Undecided)
        {
            var ended = new InDoubtResolution(
                answer.State == InDoubtState.Committed, InDoubtDecision.LastAgent, coordinator, answer.LastAgent,
                default,
                IsBooked: true);
            return await BookedAsync(ended, request, verdict, answer, deadline, cancellationToken);
        }

        return await WriteAsync(answer, coordinator, request, verdict, history, deadline, cancellationToken);
    }

    // A coordinator books a commit when all others have. One that can't be read keeps it waiting, and whoever asked
    // must know which one that is: nothing else ends it.
    private async Task<InDoubtResolution> BookedAsync(
        InDoubtResolution ended, InDoubtVerdict request, OperatorVerdict verdict, ResolveInDoubtResponse answer,
        DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var now = context.Time.GetUtcNow();
        var until = Earlier(now + s_bookFor, now + ((deadline - now) / 2));
        while (answer.WaitsFor is not null && context.Time.GetUtcNow() < until)
        {
            await Task.Delay(s_askEvery, context.Time, cancellationToken);
            try
            {
                // Without the digest: once it is booked, the coordinator has nothing in doubt of that name.
                answer = await AskAsync(
                    ended.Coordinator, request.Id, verdict, default, null, deadline, cancellationToken);
            }
            catch (LedgerException)
            {
                break;
            }
        }

        return answer.WaitsFor is { } unbooked
            ? ended with
            {
                IsBooked = false,
                Unbooked = await Task.WhenAll(unbooked.Select(one => WhyAsync(one, cancellationToken))),
            }
            : ended;
    }

    private async Task<UnbookedAccount> WhyAsync(AccountAddress account, CancellationToken cancellationToken)
    {
        try
        {
            using var call = dispatcher.Begin(1, s_bookFor, cancellationToken);
            await accounts.GetAsync(new AccountQuery(account) { AllowInDoubt = true }, call.End);
            return new UnbookedAccount(account, "It can be read again. It is told within ten seconds.");
        }
        catch (LedgerException e)
        {
            return new UnbookedAccount(account, $"It can't be read: {e.Message}");
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    // R19: which row is which, and what was read of it, is true of the database of before.
    private void RequireSameHistory(DatabaseHistory? history)
    {
        if (history is not null && context.Database!.Generation != history.Generation)
        {
            throw new LedgerException(
                LedgerErrorReason.JournalUnavailable,
                "The database failed over, or a new epoch began, while the verdict was under way. The same call may "
                + "be made again.");
        }
    }

    // Any of its accounts may have been named; the coordinator is asked.
    private async Task<(ResolveInDoubtResponse Answer, AccountAddress Coordinator)> FindAsync(
        InDoubtVerdict request, OperatorVerdict verdict, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var account = request.Account;
        for (var hops = 0; ; hops++)
        {
            var answer = await AskAsync(account, request.Id, verdict, default, null, deadline, cancellationToken);
            if (answer.State == InDoubtState.NotInDoubt || hops > 2)
            {
                throw new LedgerException(
                    LedgerErrorReason.NotInDoubt,
                    $"Account {account} has no transaction {request.Id} in doubt. What became of it is told by the"
                    + " transaction itself.");
            }

            if (answer.Coordinator == account)
            {
                return (answer, account);
            }

            account = answer.Coordinator;
        }
    }

    private async Task<ResolveInDoubtResponse> AskLastAgentAsync(
        AccountAddress coordinator, TransactionBranch part, OperatorVerdict verdict, ResolveInDoubtResponse answer,
        DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var now = context.Time.GetUtcNow();
        var until = Earlier(now + s_askFor, now + ((deadline - now) / 2));
        while (answer.State == InDoubtState.Undecided && context.Time.GetUtcNow() < until)
        {
            await Task.Delay(s_askEvery, context.Time, cancellationToken);
            var again = await AskAsync(coordinator, part.Key, verdict, part.Digest, null, deadline, cancellationToken);

            // What has left memory meanwhile is over, and its journal tells how it ended.
            answer = again.State == InDoubtState.NotInDoubt ? answer with { Branch = part } : again;
        }

        return answer;
    }

    private async Task<InDoubtResolution> WriteAsync(
        ResolveInDoubtResponse answer, AccountAddress coordinator, InDoubtVerdict request, OperatorVerdict verdict,
        DatabaseHistory? history, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (streams is null || answer.Branch is not { } part)
        {
            throw new LedgerException(
                LedgerErrorReason.VerdictRefused,
                $"The journal of {answer.LastAgent} can't be read in its place with this storage.");
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = deadline - context.Time.GetUtcNow();
        timer.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1));
        var reader = new LastAgentReader(streams);
        var abort = new OperatorAbort(answer.LastAgent, part, verdict);
        var hash = Array.Empty<byte>();
        try
        {
            while (true)
            {
                switch (abort.Step)
                {
                    case OperatorAbortStep.Read:
                        var rows = await reader.ReadAsync(
                            answer.LastAgent, coordinator, answer.PreparedRow, abort.IsDecidedBy, timer.Token);
                        RequireSameHistory(history);
                        hash = rows.Hash;
                        abort.TakeRows(
                            rows.Deciding, rows.Newest, rows.Last, LedgerTime.From(context.Time.GetUtcNow()));
                        break;
                    case OperatorAbortStep.Append:
                        await AppendAsync(answer.LastAgent, abort, hash, history?.Generation, timer.Token);
                        break;
                    case OperatorAbortStep.Tell:
                        var told = await TellAsync(
                            coordinator, part, verdict, abort.Answer!, history?.Mark, deadline, cancellationToken);
                        var ended = new InDoubtResolution(
                            abort.Answer!.Committed,
                            abort.WasDecided ? InDoubtDecision.Journal : InDoubtDecision.Operator, coordinator,
                            answer.LastAgent, new RowPosition(answer.LastAgent, abort.DecidedRow),
                            IsBooked: told is { State: not InDoubtState.Undecided });
                        return told is null
                            ? ended
                            : await BookedAsync(ended, request, verdict, told, deadline, cancellationToken);
                    default:
                        throw new LedgerException(
                            LedgerErrorReason.VerdictRefused,
                            $"Account {answer.LastAgent} goes on writing, so it is alive. Nothing was written in its "
                            + "place: it will answer.");
                }
            }
        }
        catch (JournalCorruptException e)
        {
            throw new LedgerException(
                LedgerErrorReason.VerdictRefused,
                $"Whether {answer.LastAgent} has decided can't be told: {e.Message} Nothing was written. Fix that row"
                + " first.");
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException or TimeoutException)
        {
            throw new LedgerException(
                LedgerErrorReason.JournalUnavailable,
                "The journal could not be read or could not confirm the verdict. The same call may be made again.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LedgerException(
                LedgerErrorReason.DeadlineExceeded,
                "No answer came within the deadline. The same call may be made again.");
        }
    }

    private async Task AppendAsync(
        AccountAddress lastAgent, OperatorAbort abort, byte[] hash, int? generation,
        CancellationToken cancellationToken)
    {
        var row = abort.Row!;
        var bytes = JournalCodec.Encode(row, hash, lastAgent);
        var written = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        system.ActorOf(Props.Create(() => new VerdictWriterActor(
            context.JournalPluginId, AccountActor.PersistenceIdOf(lastAgent),
            new JournalRow(bytes, HoldFacts.AreIn(row, lastAgent), IdEntries.Of(row)) { Generation = generation },
            row.SequenceNr, written)));
        var refused = (LastAgentRefused)row.Events[0];
        if (await written.Task.WaitAsync(cancellationToken) is { } cause)
        {
            log.Warning(
                cause,
                "The verdict about {Id} could not be written as row {SequenceNr} of {Account}; the stream is read "
                    + "again",
                refused.Branch.Id, row.SequenceNr, lastAgent);
            abort.NotAppended();
            return;
        }

        log.Warning(
            "{By} had transaction {Id} of {Coordinator} aborted, which was in doubt: {Reason}. That is row "
            + "{SequenceNr} of its last agent {Account}, which did not answer",
            refused.Verdict!.By, refused.Branch.Id, refused.Branch.Coordinator, refused.Verdict.Reason, row.SequenceNr,
            lastAgent);
        abort.Appended();
    }

    // What is durable at the last agent holds whether or not the coordinator hears of it now.
    private async Task<ResolveInDoubtResponse?> TellAsync(
        AccountAddress coordinator, TransactionBranch part, OperatorVerdict verdict, CommitResponse found,
        DatabaseMark? mark, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(
                coordinator, part.Key, verdict, part.Digest, found, deadline, cancellationToken, mark);
        }
        catch (LedgerException)
        {
            return null;
        }
    }

    private async Task<ResolveInDoubtResponse> AskAsync(
        AccountAddress account, TransferId id, OperatorVerdict verdict, UInt128 digest, CommitResponse? found,
        DateTimeOffset deadline, CancellationToken cancellationToken, DatabaseMark? mark = null)
    {
        var answer = await dispatcher.AskAsync(
            account,
            (caller, until) => new ResolveInDoubtRequest(id, verdict, caller, until) { Digest = digest, Found = found },
            new CallEnd(deadline, cancellationToken), retryOverload: true, mark);
        return answer switch
        {
            ResolveInDoubtResponse resolved => resolved,
            TimedOut => throw new LedgerException(
                LedgerErrorReason.DeadlineExceeded,
                $"Account {account} gave no answer within the deadline. A transaction is resolved by way of its"
                + " coordinator: when that is another account, name it; when it is this one, it must be readable "
                + "first."),
            _ => throw CallFailures.Of(answer),
        };
    }
}
