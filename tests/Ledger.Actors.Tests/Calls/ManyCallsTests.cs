using Ledger.Actors.Calls;
using Ledger.Core;

namespace Ledger.Actors.Tests.Calls;

/// <summary>
/// Goal: a call of many parts says that nothing was applied only when that is true of every part, and is answered when
/// none of them is under way any more.
/// Method: parts that are completed by hand.
/// </summary>
public sealed class ManyCallsTests
{
    private static readonly LedgerErrorReason[] Refusals =
    [
        LedgerErrorReason.Overloaded, LedgerErrorReason.DeadlineExpired, LedgerErrorReason.AccountInDoubt,
        LedgerErrorReason.CounterpartyUnavailable, LedgerErrorReason.DecisionFailed,
    ];

    [Fact]
    public async Task Results_come_in_the_order_of_the_parts()
    {
        var late = new TaskCompletionSource<int>();
        var all = ManyCalls.AllAsync([late.Task, Task.FromResult(2)]);
        all.IsCompleted.ShouldBeFalse();
        late.SetResult(1);
        (await all).ShouldBe([1, 2]);
    }

    [Fact]
    public async Task A_refusal_of_one_part_among_others_is_unknown_for_the_whole()
    {
        foreach (var reason in Refusals)
        {
            (await ThrownAsync(ManyCalls.AllAsync([Task.FromResult(1), Failed(reason)])))
                .Reason.ShouldBe(LedgerErrorReason.Unavailable, reason.ToString());
            (await ThrownAsync(ManyCalls.AllAsync([Failed(reason)]))).Reason.ShouldBe(reason);
        }
    }

    [Fact]
    public async Task A_deadline_that_had_passed_for_every_part_had_passed_for_the_whole()
    {
        var expired = Failed(LedgerErrorReason.DeadlineExpired);

        (await ThrownAsync(ManyCalls.AllAsync([expired, expired]))).Reason.ShouldBe(LedgerErrorReason.DeadlineExpired);
        (await ThrownAsync(ManyCalls.AllAsync([expired, Failed(LedgerErrorReason.Overloaded)])))
            .Reason.ShouldBe(LedgerErrorReason.Unavailable);
    }

    [Fact]
    public async Task The_first_failure_is_told_once_the_last_part_has_ended()
    {
        var late = new TaskCompletionSource<int>();
        var all = ManyCalls.AllAsync(
            [Failed(LedgerErrorReason.JournalUnavailable), Failed(LedgerErrorReason.Unavailable), late.Task]);
        all.IsCompleted.ShouldBeFalse();
        late.SetException(new InvalidOperationException("a defect"));

        (await Should.ThrowAsync<InvalidOperationException>(all)).Message.ShouldBe("a defect");
        (await ThrownAsync(ManyCalls.AllAsync(
                [Failed(LedgerErrorReason.JournalUnavailable), Failed(LedgerErrorReason.Unavailable)])))
            .Reason.ShouldBe(LedgerErrorReason.JournalUnavailable);
    }

    [Fact]
    public async Task Answers_are_taken_with_their_places_and_what_needs_none_is_passed_over()
    {
        var taken = new List<int>();

        await ManyCalls.CollectAsync([Answer(Good), null, Answer(Good)], (place, _) => taken.Add(place));

        taken.ShouldBe([0, 2]);
    }

    [Theory]
    [InlineData(nameof(RequestFailure.Overloaded), LedgerErrorReason.Overloaded)]
    [InlineData(nameof(RequestFailure.JournalUnavailable), LedgerErrorReason.JournalUnavailable)]
    [InlineData(nameof(RequestFailure.DeadlineExpired), LedgerErrorReason.DeadlineExpired)]
    public async Task What_needs_no_answer_is_no_part_that_was_done(string name, LedgerErrorReason reason)
    {
        var failure = Enum.Parse<RequestFailure>(name);
        var failed = Answer(new RequestFailed(failure));
        var isExpired = failure == RequestFailure.DeadlineExpired;

        (await ThrownAsync(ManyCalls.CollectAsync([failed, null], static (_, _) => { }))).Reason.ShouldBe(
            isExpired || !CallFailures.IsRefused(failure) ? reason : LedgerErrorReason.Unavailable);
        (await ThrownAsync(ManyCalls.CollectAsync([failed, Answer(Good)], static (_, _) => { }))).Reason.ShouldBe(
            CallFailures.IsRefused(failure) ? LedgerErrorReason.Unavailable : reason);
    }

    private static GetAccountResponse Good { get; } = new(null);

    private static Task<AccountResponse> Answer(AccountResponse answer) => Task.FromResult(answer);

    private static Task<int> Failed(LedgerErrorReason reason) =>
        Task.FromException<int>(new LedgerException(reason, "for a test"));

    private static async Task<LedgerException> ThrownAsync(Task call) => await Should.ThrowAsync<LedgerException>(call);
}
