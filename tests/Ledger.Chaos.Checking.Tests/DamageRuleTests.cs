namespace Ledger.Chaos.Checking.Tests;

/// <summary>Goal: what an account that can't be read, an operator or a limit makes of calls is judged. Method: a clean
/// run, of which it is said afterwards that an account was damaged, a fault went wrong, or a call was answered
/// otherwise.</summary>
public sealed class DamageRuleTests(ScriptedRun run) : IClassFixture<ScriptedRun>
{
    // Behind all calls of the run itself.
    private const long Begin = 1_000_000;
    private const long End = 2_000_000;

    private static readonly CallError Refused = new()
    {
        Code = "UNAVAILABLE", Reason = "JOURNAL_UNAVAILABLE", Outcome = "unknown",
    };

    [Fact]
    public async Task Damage_that_is_named_and_mended_is_clean()
    {
        var report = await Damaged(Sound()).CheckAsync();
        report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
    }

    [Fact]
    public async Task Nobody_answers_for_what_can_t_be_read()
    {
        var history = Damaged(Sound());
        history.Add(history["a after"] with { Invoke = Begin + 100, Complete = Begin + 200, Process = 9 });
        await Fires(history, Rule.Unreadable);
    }

    [Fact]
    public async Task What_can_t_be_read_is_refused_by_name()
    {
        var history = run.History();
        history.Records.Insert(1, Sound());
        await Fires(history, Rule.Unreadable);
    }

    [Fact]
    public Task What_can_t_be_read_does_not_grow() =>
        Fires(Damaged(Sound() with { Accounts = [new DamagedAccount("a", 12, 13)] }), Rule.Unreadable);

    [Fact]
    public Task What_was_mended_is_read_again() => Fires(Damaged(Sound() with { ReadAgain = null }), Rule.Unreadable);

    [Fact]
    public Task Others_are_written_meanwhile() =>
        Fires(Damaged(Sound() with { OthersWritable = null }), Rule.Unreadable);

    [Fact]
    public async Task Others_are_read_meanwhile()
    {
        var history = Damaged(Sound());
        for (var i = 0; i < 10; i++)
        {
            history.Add(history["b after"] with
            {
                Invoke = Begin + 100 + i, Complete = Begin
                    + 200, Outcome = CallOutcome.Rejected, Error = Refused, Result = null,
            });
        }

        await Fires(history, Rule.Unreadable);
    }

    [Fact]
    public async Task Beside_another_fault_nobody_is_blamed_for_the_others()
    {
        var report = await Damaged(Sound() with { OthersWritable = null, IsAlone = false }).CheckAsync();
        report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
    }

    [Theory]
    [InlineData("database-behind", true)]
    [InlineData("epoch", false)]
    public async Task A_ledger_is_halted_only_where_rows_may_be_lost(string kind, bool isClean)
    {
        var history = run.History();
        history.Records.Insert(1, Fault(kind));
        history.Add(history["b after"] with
        {
            Invoke = Begin + 100, Complete = Begin + 200, Outcome = CallOutcome.Rejected, Result = null,
            Error = new CallError { Code = "UNAVAILABLE", Reason = "LEDGER_HALTED", Outcome = "not_applied" },
        });
        var report = await history.CheckAsync();
        report.Has(Rule.Operation).ShouldBe(!isClean, CleanRunTests.Text(report));
    }

    [Fact]
    public async Task What_a_fault_saw_to_be_wrong_is_a_finding()
    {
        var history = run.History();
        history.Records.Insert(1, Fault("epoch") with { Wrong = "a node ended, and nothing had been lost" });
        await Fires(history, Rule.Operation);
    }

    [Theory]
    [InlineData("TRANSACTION_TOO_LARGE", true)]
    [InlineData("INVALID_RANGE", false)]
    public async Task What_is_too_large_is_refused_by_its_name(string reason, bool isClean)
    {
        var history = run.History();
        history.Repeat("too much", call => call with
        {
            Kind = CallKind.Poison, Status = "", Result = null, Process = 9,
            Request =
                call.Request with { Poison = "transaction with too much metadata", Expected = "TRANSACTION_TOO_LARGE" },
            Error = new CallError { Code = "INVALID_ARGUMENT", Reason = reason, Outcome = "not_applied" },
        });
        var report = await history.CheckAsync();
        report.Has(Rule.ErrorsKnown).ShouldBe(!isClean, CleanRunTests.Text(report));
    }

    [Fact]
    public async Task What_is_committed_has_the_metadata_that_was_asked_for()
    {
        var history = run.History();
        history.Change("a to b again", static call => call with
        {
            Request = new CallRequest { Transfer = call.Request.Transfer! with { MetadataBytes = 4096 } },
        });
        await Fires(history, Rule.NoPhantom);
    }

    private static DamageRecord Sound() => new()
    {
        From = Begin, To = End, Accounts = [new DamagedAccount("a", 12, 12)], OthersWritable = Begin
            + 10, IsAlone = true,
        ReadAgain = End + 10,
    };

    private static FaultRecord Fault(string kind) => new()
    {
        Number = 0, Kind = kind, Target = "ledger", From = Begin, To = End, Recovered = End,
    };

    private static async Task Fires(ScriptedHistory history, string rule)
    {
        var report = await history.CheckAsync();
        report.Verdict.ShouldBe(Verdict.Violated, CleanRunTests.Text(report));
        report.Has(rule).ShouldBeTrue(CleanRunTests.Text(report));
    }

    // A run in which a reader was told that the account can't be read.
    private ScriptedHistory Damaged(DamageRecord damage)
    {
        var history = run.History();
        history.Records.Insert(1, damage);
        history.Add(history["a after"] with
        {
            Invoke = Begin + 20, Complete = Begin
                + 30, Process = 9, Outcome = CallOutcome.Rejected, Error = Refused, Result = null,
        });
        return history;
    }
}
