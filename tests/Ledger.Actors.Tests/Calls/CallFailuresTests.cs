using Ledger.Actors.Calls;
using Ledger.Core;

namespace Ledger.Actors.Tests.Calls;

/// <summary>Goal: every failure inside has one exception outside. Method: all of them.</summary>
public sealed class CallFailuresTests
{
    [Fact]
    public void Every_failure_of_an_account_has_a_reason_and_says_alike_whether_nothing_was_done()
    {
        foreach (var failure in Enum.GetValues<RequestFailure>())
        {
            var exception = CallFailures.Of(new RequestFailed(failure) { Size = 9, Limit = 8 });

            CallFailures.IsRefused(exception.Reason).ShouldBe(CallFailures.IsRefused(failure), failure.ToString());
            exception.Message.ShouldEndWith(".");
            if (exception.Size is not null)
            {
                (exception.Size, exception.Limit).ShouldBe((9, 8), failure.ToString());
            }
        }
    }

    [Fact]
    public void Every_problem_of_a_request_has_a_reason_that_says_that_nothing_was_done()
    {
        foreach (var kind in Enum.GetValues<RequestProblemKind>())
        {
            var problem =
                new RequestProblem(kind, "The x is y", "items[3].x") { Allowed = "at most z are allowed", Max = 4 };

            var exception = Should.Throw<LedgerException>(() => CallFailures.ThrowIf(problem));

            exception.Reason.ToString().ShouldBe(
                kind == RequestProblemKind.ReasonTooLong ? nameof(LedgerErrorReason.InvalidArgument) : kind.ToString());
            exception.OutcomeUnknown.ShouldBeFalse();
            exception.Message.ShouldBe("The x is y; at most z are allowed.");
            exception.Field.ShouldBe("items[3].x");
            exception.Limit.ShouldBeNull();
        }

        CallFailures.ThrowIf(null);
    }

    [Fact]
    public void Bytes_are_told_as_numbers()
    {
        var exception = CallFailures.Of(RequestRules.TransactionTooLarge(9, 8, "items[0]"));

        (exception.Size, exception.Limit, exception.Field).ShouldBe((9, 8, "items[0]"));
        exception.Message.ShouldBe(CallFailures.Of(
            new RequestFailed(RequestFailure.TransactionTooLarge) { Size = 9, Limit = 8 }).Message);
    }

    [Fact]
    public void A_read_leaves_no_outcome_unknown()
    {
        CallFailures.Of(TimedOut.Instance).Message.ShouldContain("the outcome is unknown");
        CallFailures.Of(TimedOut.Instance, isRead: true).Message.ShouldNotContain("outcome");
    }
}
