using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>R19: a row follows its predecessor, and a node its database. A ledger whose database loses rows that it had acknowledged
/// says so and answers nothing more.</summary>
[Collection(PostgresCollection.Name)]
public sealed class DatabaseTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly Asset s_money = Asset.Parse("USD/2");
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("local")]
    [InlineData("clustered")]
    public async Task A_ledger_whose_journal_lacks_the_row_before_ends_and_answers_nothing_more(string store)
    {
        using TestStorage storage = store == "sqlite" ? new SqliteTestStorage() : new PostgresTestStorage(store == "clustered");
        await using var host = await LedgerHost.StartAsync(storage);
        var ledger = host.Ledger;
        await ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
        (await ledger.PostTransferAsync(Pay())).IsCommitted.ShouldBeTrue();
        var rows = storage.Rows().Count;
        storage.Execute("DELETE FROM journal WHERE ordering = (SELECT max(ordering) FROM journal WHERE persistence_id LIKE '%-a')");

        (await Should.ThrowAsync<LedgerException>(ledger.PostTransferAsync(Pay()).WaitAsync(s_patience)))
            .OutcomeUnknown.ShouldBeTrue();
        await host.System.WhenTerminated.WaitAsync(s_patience);
        foreach (var call in (Func<Task>[])[() => ledger.PostTransferAsync(Pay()), () => ledger.GetAccountAsync(s_b)])
        {
            var halted = await Should.ThrowAsync<LedgerException>(call().WaitAsync(s_patience));
            halted.Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
            halted.Message.ShouldContain("lacks row");
        }

        storage.Rows().Count.ShouldBe(rows - 1);
    }

    private static Transfer Pay() =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), s_a, s_b, Amount.Of(1), 1) { Asset = s_money };
}
