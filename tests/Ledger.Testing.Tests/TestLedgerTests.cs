using Ledger.Actors.Journal;
using Microsoft.Data.Sqlite;

namespace Ledger.Testing.Tests;

/// <summary>What an application's own tests rely on.</summary>
public sealed class TestLedgerTests
{
    [Fact]
    public async Task A_ledger_stands_alone_and_leaves_nothing()
    {
        string path;
        await using (var one = await TestLedger.StartAsync())
        {
            path = one.Path;
            await using var other = await TestLedger.StartAsync();
            await one.OpenAsync("a", "USD/2");
            (await other.Ledger.GetAccountAsync(AccountAddress.Parse("a"))).ShouldBeNull();
            File.Exists(path).ShouldBeTrue();
        }

        Directory.Exists(Path.GetDirectoryName(path)).ShouldBeFalse();
    }

    [Fact]
    public async Task Balances_are_asserted_and_the_text_says_what_was_found()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        await test.Ledger.PostTransferAsync(Payment(a, b, 700));
        await test.ShouldHaveBalanceAsync("a", 700);
        await test.ShouldHaveBalanceAsync("b", -700);
        await test.ShouldBalanceAsync();

        (await Should.ThrowAsync<LedgerAssertionException>(test.ShouldHaveBalanceAsync("a", 701))).Message
            .ShouldBe(
                "The balance of a is 700 and not 701: debits 700 posted and 0 held, credits 0 posted and 0 held.");
        (await Should.ThrowAsync<LedgerAssertionException>(test.ShouldHaveBalanceAsync("nobody", 0))).Message
            .ShouldBe("There is no account nobody.");
        (await Should.ThrowAsync<LedgerAssertionException>(test.ShouldHaveHeldAsync("a", 1))).Message
            .ShouldContain("On a are held 0");
    }

    [Fact]
    public async Task The_test_moves_time_on_and_then_holds_have_expired()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        var hold = Payment(a, b, 50) with { Kind = TransferKind.Hold, Timeout = TimeSpan.FromHours(1) };
        (await test.Ledger.PostTransferAsync(hold)).IsCommitted.ShouldBeTrue();
        await test.ShouldHaveHeldAsync("a", debits: 50);

        await test.AdvanceAsync(TimeSpan.FromMinutes(50));
        await test.ShouldHaveHeldAsync("a", debits: 50);
        await test.AdvanceAsync(TimeSpan.FromMinutes(10));
        test.Clock.Ahead.ShouldBe(TimeSpan.FromHours(1));
        await test.ShouldHaveHeldAsync("a", debits: 0);
        await test.ShouldHaveHeldAsync("b", debits: 0);
        await test.ShouldBalanceAsync();
        Should.Throw<ArgumentOutOfRangeException>(() => test.Clock.Advance(TimeSpan.FromTicks(-1)));
        Should.Throw<ArgumentOutOfRangeException>(() => test.Clock.Advance(TimeSpan.FromDays(366 * 400)));
    }

    [Theory]
    [InlineData(CallFault.Refused, LedgerErrorReason.Overloaded, false, false)]
    [InlineData(CallFault.RequestLost, LedgerErrorReason.Unavailable, true, false)]
    [InlineData(CallFault.AnswerLost, LedgerErrorReason.DeadlineExceeded, true, true)]
    public async Task A_call_fails_as_the_test_says_and_the_same_again_has_one_outcome(
        CallFault fault, LedgerErrorReason reason, bool isUnknown, bool wasApplied)
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        test.FailCalls(fault, 2);
        test.FaultsLeft.ShouldBe(2);
        var payment = Payment(a, b, 10);
        for (var i = 0; i < 2; i++)
        {
            var failed = await Should.ThrowAsync<LedgerException>(
                test.Ledger.WithCaller("tester").PostTransferAsync(payment));
            (failed.Reason, failed.OutcomeUnknown).ShouldBe((reason, isUnknown));
        }

        test.FaultsLeft.ShouldBe(0);
        await test.ShouldHaveBalanceAsync("a", wasApplied ? 10 : 0);
        (await test.Ledger.PostTransferAsync(payment)).Replayed.ShouldBe(wasApplied);
        await test.ShouldHaveBalanceAsync("a", 10);
        await test.ShouldBalanceAsync();
        Should.Throw<ArgumentOutOfRangeException>(() => test.FailCalls(fault, 0));
    }

    [Fact]
    public async Task A_journal_that_refuses_writes_leaves_the_outcome_unknown_and_nothing_done()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        var payment = Payment(a, b, 10);
        using (test.RefuseWrites())
        {
            (await Should.ThrowAsync<LedgerException>(test.Ledger.PostTransferAsync(payment))).OutcomeUnknown
                .ShouldBeTrue();
        }

        // The accounts start again, and are asked until they answer.
        TransferResult? result = null;
        for (var tries = 0; result is null && tries < 100; tries++)
        {
            try
            {
                result = await test.Ledger.PostTransferAsync(payment);
            }
            catch (LedgerException failed) when (failed.OutcomeUnknown)
            {
                await Task.Delay(100);
            }
        }

        result.ShouldNotBeNull().IsCommitted.ShouldBeTrue();
        await test.ShouldHaveBalanceAsync("a", 10);
        await test.ShouldBalanceAsync();
    }

    [Fact]
    public async Task After_a_crash_and_a_restart_the_same_ledger_goes_on()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        var ledger = test.Ledger;
        var payments = Enumerable.Range(0, 50).Select(_ => Payment(a, b, 1)).ToArray();
        var posting = payments.Select(payment => ledger.PostTransferAsync(payment)).ToArray();
        await posting[0];
        await test.CrashAsync();
        foreach (var (payment, call) in payments.Zip(posting))
        {
            var answered = await OutcomeAsync(call);
            var again = await ledger.PostTransferAsync(payment);
            again.IsCommitted.ShouldBeTrue();
            if (answered is { IsCommitted: true })
            {
                again.Replayed.ShouldBeTrue("what was answered is not lost");
            }
        }

        await test.RestartAsync();
        await test.ShouldHaveBalanceAsync("a", 50);
        await test.ShouldBalanceAsync();

        static async Task<TransferResult?> OutcomeAsync(Task<TransferResult> call)
        {
            try
            {
                return await call;
            }
            catch (LedgerException failed) when (failed.OutcomeUnknown)
            {
                return null;
            }
        }
    }

    [Fact]
    public async Task Books_that_do_not_balance_are_found()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        await test.Ledger.PostTransferAsync(Payment(a, b, 700));
        await test.ShouldBalanceAsync();

        // Somebody takes the row of the credit out of the file.
        Execute(test, "DELETE FROM journal WHERE persistence_id = 'ledger-account-b' AND sequence_number > 1");
        await test.CrashAsync();
        (await Should.ThrowAsync<LedgerAssertionException>(test.ShouldBalanceAsync())).Message.ShouldBe(
            "The books of USD/2 do not balance: debits 700 posted and 0 held, credits 0 posted and 0 held.");
    }

    [Fact]
    public async Task A_row_that_is_gone_behind_an_awake_account_is_found_by_its_statement()
    {
        await using var test = await TestLedger.StartAsync();
        var (a, b) = await OpenTwoAsync(test);
        await test.Ledger.PostTransferAsync(Payment(a, b, 700));
        await test.ShouldBalanceAsync();

        // The account has its counters in memory; its row is gone.
        Execute(test, "DELETE FROM journal WHERE persistence_id = 'ledger-account-b' AND sequence_number > 1");
        (await Should.ThrowAsync<JournalCorruptException>(test.ShouldBalanceAsync())).Message.ShouldContain("b");
    }

    private static void Execute(TestLedger test, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={test.Path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery().ShouldBePositive();
    }

    private static async Task<(AccountAddress A, AccountAddress B)> OpenTwoAsync(TestLedger test) =>
        (await test.OpenAsync("a", "USD/2"), await test.OpenAsync("b", "USD/2"));

    private static Transfer Payment(AccountAddress from, AccountAddress to, ulong amount) =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), from, to, Amount.Of(amount), 1);
}
