namespace Ledger.Chaos.Checking.Tests;

/// <summary>Each rule fires on what a faulty ledger would tell its clients. The run itself is clean; one thing of its
/// history is changed, and the rule that speaks against it must.</summary>
public class HistoryRuleTests(ScriptedRun run) : IClassFixture<ScriptedRun>
{
    private static readonly CallError Lost =
        new() { Code = "UNAVAILABLE", Reason = "UNAVAILABLE", Outcome = "unknown" };

    [Fact]
    public async Task The_run_itself_is_clean()
    {
        var report = await run.History().CheckAsync();
        report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
        report.Notes.ShouldContain(static note => note.Contains("reads placed: 7", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_acknowledged_and_is_not_there_is_lost()
    {
        var history = run.History();
        history.Repeat("a to b", static call => call with
        {
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Id = Guid.CreateVersion7() } },
        });
        await Fires(history, Rule.NothingLost);
    }

    [Fact]
    public async Task What_was_acknowledged_with_another_amount_is_lost()
    {
        var history = run.History();
        history.Change("a to b", static call => call with { Result = call.Result! with { Amount = 31 } });
        await Fires(history, Rule.NothingLost);
    }

    [Fact]
    public async Task What_was_acknowledged_for_another_time_is_lost()
    {
        var history = run.History();
        history.Change(
            "a to b", static call =>
                call with { Result = call.Result! with { CreateTime = call.Result.CreateTime!.Value.AddSeconds(1) } });
        await Fires(history, Rule.NothingLost);
    }

    [Fact]
    public async Task An_account_that_was_told_to_be_open_is_there()
    {
        var history = run.History();
        history.Add(new CallRecord
        {
            Process = 1, Op = 0, Kind = CallKind.Open, Node = 0, Invoke = -1, Complete = -1, Outcome = CallOutcome.Ok,
            Request = new CallRequest { Accounts = [new AccountContent { Address = "d", Asset = "USD/2", Code = 1 }] },
            Result = new CallResult { Accounts = ["CREATED"] },
        });
        await Fires(history, Rule.NothingLost);
    }

    [Fact]
    public async Task An_id_is_not_acknowledged_for_two_contents()
    {
        var history = run.History();
        history.Repeat("a to b", static call => call with
        {
            Status = "EXISTS", Request = new CallRequest { Transfer = call.Request.Transfer! with { Amount = 31 } },
        });
        await Fires(history, Rule.NothingTwice);
    }

    [Fact]
    public async Task Nothing_is_created_twice()
    {
        var history = run.History();
        history.Repeat("a to b", static call => call);
        await Fires(history, Rule.NothingTwice);
    }

    [Fact]
    public async Task A_conflict_needs_what_it_conflicts_with()
    {
        var history = run.History();
        history.Repeat("a to b", static call => call with
        {
            Outcome = CallOutcome.Rejected, Status = "EXISTS_WITH_DIFFERENT_AMOUNT", Result = null,
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Id = Guid.CreateVersion7() } },
        });
        await Fires(history, Rule.NothingTwice);
    }

    [Fact]
    public async Task What_happened_was_asked_for()
    {
        var history = run.History();
        history.Remove("a to b again");
        await Fires(history, Rule.NoPhantom);
    }

    [Fact]
    public async Task What_happened_was_asked_for_with_that_content()
    {
        var history = run.History();
        history.Change("a to b again", static call => call with
        {
            Outcome = CallOutcome.Unknown, Status = "", Error = Lost, Result = null,
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Amount = 6 } },
        });
        await Fires(history, Rule.NoPhantom);
    }

    [Fact]
    public async Task What_was_rejected_did_not_happen()
    {
        var history = run.History();
        history.Change(
            "a to b again", static call =>
                call with { Outcome = CallOutcome.Rejected, Status = "EXCEEDS_CREDITS", Result = null });
        await Fires(history, Rule.NoPhantom);
    }

    [Fact]
    public async Task What_was_told_not_to_be_applied_did_not_happen()
    {
        var history = run.History();
        history.Change("a to b again", static call => call with
        {
            Outcome = CallOutcome.Rejected, Status = "", Result = null,
            Error = new CallError { Code = "RESOURCE_EXHAUSTED", Reason = "OVERLOADED", Outcome = "not_applied" },
        });
        await Fires(history, Rule.NoPhantom);
    }

    [Fact]
    public async Task A_look_up_in_the_final_phase_finds_what_happened()
    {
        var history = run.History();
        history.Change(
            "a to b again", static call =>
                call with { Outcome = CallOutcome.Unknown, Status = "", Error = Lost, Result = null });
        history.Repeat("expired", call => call with
        {
            Final = true, Status = "", Result = new CallResult { Found = false },
            Request = new CallRequest { Account = "a", Id = history["a to b again"].Request.Transfer!.Id },
        });
        await Fires(history, Rule.UnknownsSettle);
    }

    [Fact]
    public async Task A_look_up_finds_nothing_that_did_not_happen()
    {
        var history = run.History();
        history.Repeat(
            "expired", static call => call with { Request = call.Request with { Id = Guid.CreateVersion7() } });
        await Fires(history, Rule.UnknownsSettle);
    }

    [Fact]
    public async Task Nothing_happens_after_the_final_phase_has_looked()
    {
        var history = run.History();
        history.Change(
            "transaction", static call =>
                call with { Outcome = CallOutcome.Unknown, Status = "", Error = Lost, Result = null });
        history.Repeat("expired", call => call with
        {
            Kind = CallKind.LookupTransaction,
            Final = true, Status = "CREATED", Result = new CallResult { Found = true },
            Request = new CallRequest { Account = "a", Id = history["transaction"].Request.Id },
        });
        foreach (var (name, account) in new[] { ("a after", "a"), ("b after", "b") })
        {
            history.Records.RemoveAll(
                record =>
                    record is CallRecord { Final: true, Kind: CallKind.Read } read && read.Request.Account == account);
            history.Repeat(name, static call => call with { Final = true, Process = 77 });
        }

        await Fires(history, Rule.UnknownsSettle);
    }

    [Fact]
    public async Task A_read_shows_what_was_at_its_version()
    {
        var history = run.History();
        history.Change("b after", static call => WithReading(call, static reading => reading with
        {
            Balances = reading.Balances with { CreditsPosted = reading.Balances.CreditsPosted + 1 },
        }));
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task A_read_rests_on_a_row_that_there_is()
    {
        var history = run.History();
        history.Change("b after", static call => WithReading(call, static reading => reading with { Version = 1000 }));
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task A_read_shows_what_was_told_before_it()
    {
        var history = run.History();
        var told = history["a to b again"].Complete;
        history.Change("b before", call => call with { Invoke = told + 100, Complete = told + 200 });
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task A_session_reads_what_it_wrote()
    {
        var history = run.History();
        var told = history["a to b again"].Complete;
        history.Change("b before", call => call with { Process = 2, Invoke = told + 100, Complete = told + 200 });
        await Fires(history, Rule.Monotonic);
    }

    [Fact]
    public async Task A_session_never_goes_back()
    {
        var history = run.History();
        history.Repeat("b before", static call => call with { Process = 4 });
        await Fires(history, Rule.Monotonic);
    }

    [Fact]
    public async Task A_read_shows_nothing_that_was_not_asked_for_yet()
    {
        var history = run.History();
        var asked = history["a to b again"].Invoke;
        history.Change("b after", call => call with { Invoke = asked - 200, Complete = asked - 100 });
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task Writes_stand_in_the_order_of_time()
    {
        var history = run.History();
        var (first, second) = (history["a to b"], history["a to b again"]);
        history.Change("a to b", call => call with { Invoke = second.Invoke, Complete = second.Complete });
        history.Change("a to b again", call => call with { Invoke = first.Invoke, Complete = first.Complete });
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task Who_has_seen_one_side_sees_the_other()
    {
        // The transfer is seen on the one account, and then not on the other, long before anybody is told of it.
        var history = run.History();
        var asked = history["a to b again"].Invoke;
        history.Change("a to b again", static call => call with { Complete = call.Complete + 1_000_000_000 });
        history.Change("a after", call => call with { Invoke = asked + 10, Complete = asked + 20 });
        history.Change("b before", call => call with { Invoke = asked + 30, Complete = asked + 40 });
        await Fires(history, Rule.Atomic);
    }

    [Fact]
    public async Task A_statement_shows_what_was_told_before_it()
    {
        var history = run.History();
        history.Change("newest", static call => call with
        {
            Result = call.Result! with { Entries = [.. call.Result.Entries!.Skip(1)] },
        });
        await Fires(history, Rule.Monotonic);
    }

    [Fact]
    public async Task A_statement_is_the_journals()
    {
        var history = run.History();
        history.Change("statement", static call => call with
        {
            Result =
                call.Result! with
                {
                    Entries = [call.Result.Entries![0] with { Amount = 99 }, .. call.Result.Entries.Skip(1)]
                },
        });
        await Fires(history, Rule.Monotonic);
    }

    [Fact]
    public async Task A_statement_has_no_hole()
    {
        var history = run.History();
        history.Change("statement", static call => call with
        {
            Result = call.Result! with { Entries = [call.Result.Entries![0], .. call.Result.Entries.Skip(2)] },
        });
        await Fires(history, Rule.Monotonic);
    }

    [Fact]
    public async Task A_rejection_is_on_record()
    {
        var history = run.History();
        history.Repeat("too much", static call => call with
        {
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Id = Guid.CreateVersion7() } },
        });
        await Fires(history, Rule.Linearizable);
    }

    [Fact]
    public async Task A_rejection_may_be_told_to_a_later_attempt()
    {
        // Asked for, decided, not told; much happens; then the same again, which is told what was decided then.
        var history = run.History();
        var late =
            history["too much"] with
            {
                Attempt = 2, Result = history["too much"].Result! with { Replayed = true }, Invoke = -1
            };
        history.Change(
            "too much", static call =>
                call with { Outcome = CallOutcome.Unknown, Status = "", Error = Lost, Result = null });
        history.Add(late);
        var report = await history.CheckAsync();
        report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
    }

    [Fact]
    public async Task A_rejection_is_told_as_it_is_on_record()
    {
        var history = run.History();
        history.Change("too much", static call => call with { Status = "DEBIT_ACCOUNT_FROZEN" });
        await Fires(history, Rule.NothingTwice);
    }

    [Fact]
    public async Task A_hold_that_was_acknowledged_is_found()
    {
        var history = run.History();
        history.Repeat("post", static call => call with
        {
            Outcome = CallOutcome.Rejected, Status = "PENDING_TRANSFER_NOT_FOUND", Result = null,
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Id = Guid.CreateVersion7() } },
        });
        await Fires(history, Rule.Linearizable);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_post_that_was_refused_before_its_hold_was_made_is_not_done_later_where_it_names_the_account(
        bool isNamed, bool isAllThatAsked)
    {
        var history = run.History();
        var post = history["post"];
        var hold = history["posted hold"];
        history.Add(post with
        {
            Process = 1_000, Outcome = CallOutcome.Rejected, Status = "PENDING_TRANSFER_NOT_FOUND", Result = null,
            Request = new CallRequest
            {
                Transfer = post.Request.Transfer! with { Debit = isNamed ? hold.Request.Transfer!.Debit : "" },
            },
            Invoke = hold.Invoke - 200, Complete = hold.Invoke - 100,
        });
        if (isAllThatAsked)
        {
            // Then it was a late copy of this very call that did it.
            history.Remove("post");
        }

        if (isNamed)
        {
            await Fires(history, Rule.NoPhantom);
        }
        else
        {
            var report = await history.CheckAsync();
            report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task What_an_account_has_refused_or_where_the_hold_was_known_is_refused_for_ever(
        bool isSeen, bool isKnown)
    {
        var history = run.History();
        var post = history["post"];
        var hold = history["posted hold"];
        var at = isKnown ? post.Invoke : hold.Invoke;
        history.Add(post with
        {
            Process = 1_000, Outcome = CallOutcome.Rejected, Status = "PENDING_TRANSFER_NOT_FOUND",
            Result = isSeen
            ? new CallResult { BalanceSeen = history["too much"].Result!.BalanceSeen.ShouldNotBeNull() }
            : null,
            Invoke = at - 200, Complete = at - 100,
        });
        await Fires(history, Rule.NoPhantom);
    }

    [Fact]
    public async Task A_hold_is_shown_as_it_ended()
    {
        var history = run.History();
        history.Change("expired", static call => call with { Result = call.Result! with { HoldState = "POSTED" } });
        await Fires(history, Rule.Holds);
    }

    [Theory]
    [InlineData("UNAVAILABLE", "BANANA", "")]
    [InlineData("INTERNAL", "INTERNAL", "unknown")]
    [InlineData("UNCLASSIFIED", "", "")]
    [InlineData("UNAVAILABLE", "OVERLOADED", "not_applied")]
    [InlineData("INVALID_ARGUMENT", "MALFORMED_ID", "not_applied")]
    public async Task An_error_is_a_known_one(string code, string reason, string outcome)
    {
        var history = run.History();
        history.Change("b after", call => call with
        {
            Outcome = CallOutcome.Rejected,
            Result = null,
            Error = new CallError { Code = code, Reason = reason, Outcome = outcome },
        });
        await Fires(history, Rule.ErrorsKnown);
    }

    [Fact]
    public async Task A_write_that_is_open_is_not_told_to_be_refused()
    {
        var history = run.History();
        history.Repeat("a to b", static call => call with
        {
            Outcome = CallOutcome.Rejected, Status = "", Result = null, Error = Lost,
            Request = new CallRequest { Transfer = call.Request.Transfer! with { Id = Guid.CreateVersion7() } },
        });
        await Fires(history, Rule.ErrorsKnown);
    }

    [Fact]
    public async Task A_status_is_a_known_one()
    {
        var history = run.History();
        history.Change("too much", static call => call with { Status = "BANANA" });
        await Fires(history, Rule.ErrorsKnown);
    }

    [Fact]
    public async Task What_is_malformed_is_refused()
    {
        var history = run.History();
        history.Repeat(
            "a to b", static call =>
                call with { Kind = CallKind.Poison, Request = new CallRequest { Poison = "no amount" } });
        await Fires(history, Rule.ErrorsKnown);
    }

    [Fact]
    public async Task A_run_without_its_end_proves_nothing()
    {
        var history = run.History();
        history.Records.RemoveAt(history.Records.Count - 1);
        (await history.CheckAsync()).Verdict.ShouldBe(Verdict.Unknown);
        history.Records.Add(
            new FinalRecord { From = 0, To = 1, Finished = false, Accounts = 0, Unknowns = 0, Reason = "a test" });
        (await history.CheckAsync()).Verdict.ShouldBe(Verdict.Unknown);
    }

    [Fact]
    public async Task A_torn_history_proves_nothing()
    {
        var path = run.Run.Write(run.History().Records);
        await File.AppendAllTextAsync(path, "{\"type\":\"ca");
        (await ChaosChecker.CheckAsync(path, null, CancellationToken.None)).Verdict.ShouldBe(Verdict.Unknown);
    }

    [Fact]
    public async Task An_unknown_that_nobody_looked_up_proves_nothing()
    {
        var history = run.History();
        history.Change(
            "a to b again", static call =>
                call with { Outcome = CallOutcome.Unknown, Status = "", Error = Lost, Result = null });
        (await history.CheckAsync()).Verdict.ShouldBe(Verdict.Unknown);
    }

    private static CallRecord WithReading(CallRecord call, Func<AccountReading, AccountReading> change) =>
        call with { Result = call.Result! with { Reading = change(call.Result.Reading!) } };

    private static async Task Fires(ScriptedHistory history, string rule)
    {
        var report = await history.CheckAsync();
        report.Verdict.ShouldBe(Verdict.Violated, CleanRunTests.Text(report));
        report.Has(rule).ShouldBeTrue(CleanRunTests.Text(report));
    }
}
