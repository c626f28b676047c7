using Ledger.Client;
using Ledger.Fuzz.Judging;

namespace Ledger.Fuzz.Tests;

/// <summary>Whether books that do not agree are found.</summary>
public sealed class BooksTests
{
    [Fact]
    public void Each_asset_is_added_up_by_itself()
    {
        Books.Differences(
            [Of("USD/2", debits: 5), Of("USD/2", credits: 5), Of("EUR/2", debits: 1), Of("EUR/2", credits: 1)])
                .ShouldBeEmpty();
        Books.Differences([Of("USD/2", debits: 5), Of("EUR/2", credits: 5)]).Count.ShouldBe(2);
        Books.Differences([Of("USD/2", debits: 5), Of("USD/2", credits: 4)]).ShouldHaveSingleItem()
            .ShouldContain("1 more");
    }

    [Fact]
    public void Money_on_hold_is_added_up_too() =>
        Books.Differences([Of("USD/2", onHold: 3), Of("USD/2")]).ShouldHaveSingleItem().ShouldContain("3 on hold");

    private static Client.Account Of(
        string asset, UInt128 debits = default, UInt128 credits = default, UInt128 onHold = default) => new()
    {
        Spec = new Client.AccountSpec { Address = "a", Asset = asset, Code = 1 },
        CreateTime = DateTimeOffset.UnixEpoch,
        Balances = new Client.Balances { DebitsPosted = debits, CreditsPosted = credits, DebitsPending = onHold },
        Balance = (System.Numerics.BigInteger)debits - (System.Numerics.BigInteger)credits,
        EntryCount = 0,
        Version = 0,
        IsClosed = false,
    };
}
