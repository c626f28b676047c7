using System.Globalization;
using Ledger.Documentation.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Ledger.Documentation.Tests;

/// <summary>Goal: what docs/concepts says that things cost is what they cost. Method: the journal's rows are counted
/// right after each answer, on a ledger that keeps lazy rows back for longer than the test takes.</summary>
public sealed class CostTests : IAsyncLifetime
{
    private Node node = null!;

    private ILedger Ledger => node.Ledger;

    public async Task InitializeAsync() =>
        node = await Node.StartAsync(static options => options.CommitRecordDelay = TimeSpan.FromSeconds(10));

    public async Task DisposeAsync() => await node.DisposeAsync();

    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(4, 6)]
    [InlineData(6, 10)]
    public async Task Transaction_of_n_accounts_costs_two_rows_less_than_twice_n_before_the_answer(
        int accounts, int rows)
    {
        await Ledger.OpenAccountsAsync(
            [.. Enumerable.Range(0, accounts).Select(static i => new AccountSpec(At(i), Asset.Parse("USD/2"), 1))]);
        var before = CountRows();
        var posted = await Ledger.PostTransactionAsync(Transaction.Of(
            NewId(), Enumerable.Range(1, accounts - 1).Select(static i => Move(0, i))));

        posted.Status.ShouldBe(TransferStatus.Created);
        (CountRows() - before).ShouldBe(rows);
    }

    [Fact]
    public async Task Transfer_costs_two_rows_and_its_retry_none()
    {
        await OpenTwoAsync();
        var transfer = Move(0, 1);
        var before = CountRows();
        await Ledger.PostTransferAsync(transfer);
        var once = CountRows();
        var again = await Ledger.PostTransferAsync(transfer);

        again.Status.ShouldBe(TransferStatus.Exists);
        (once - before).ShouldBe(2);
        CountRows().ShouldBe(once);
    }

    [Fact]
    public async Task Rejection_costs_one_row_of_the_coordinator_or_three_where_the_last_agent_refuses()
    {
        await OpenTwoAsync();
        var before = CountRows();
        var byCoordinator = await Ledger.PostTransferAsync(Move(1, 0));
        var between = CountRows();
        var byLastAgent = await Ledger.PostTransferAsync(Move(0, 7));

        byCoordinator.Status.ShouldBe(TransferStatus.ExceedsCredits);
        byLastAgent.Status.ShouldBe(TransferStatus.CreditAccountNotFound);
        (between - before).ShouldBe(1);
        (CountRows() - between).ShouldBe(3);
    }

    private async Task OpenTwoAsync() => await Ledger.OpenAccountsAsync(
    [
        new AccountSpec(At(0), Asset.Parse("USD/2"), 1),
        new AccountSpec(At(1), Asset.Parse("USD/2"), 1) { DebitsMustNotExceedCredits = Amount.Zero },
    ]);

    private static AccountAddress At(int i) => AccountAddress.Parse($"account:{i}");

    private static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());

    private static Transfer Move(int debit, int credit) =>
        new(NewId(), At(debit), At(credit), Amount.Of(1), 1) { Asset = Asset.Parse("USD/2") };

    private long CountRows()
    {
        using var connection = new SqliteConnection($"Data Source={node.File};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM journal";
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }
}
