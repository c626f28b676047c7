namespace Ledger.Core.Tests;

/// <summary>
/// Goal: clocks that are apart, that jump and that were wrong for a moment change no order of money, and end no hold at another
/// time (R21, I11 a). Method: accounts on nodes with clocks of their own.
/// </summary>
public sealed class TimeTests
{
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(300);

    private readonly ClockedWorld world = new();

    [Fact]
    public void A_cut_that_shows_a_spending_shows_its_income()
    {
        var bank = world.Add("bank");
        var buyer = world.Add("buyer", Apart, allowance: 0);
        var shop = world.Add("shop");
        Transfer(bank, 1, buyer, 10);
        Transfer(buyer, 2, shop, 10);

        CheckCuts([2], [1], bank, buyer, shop);
    }

    [Fact]
    public void A_cut_that_shows_a_spending_of_a_participant_shows_its_income()
    {
        // The participant's time reaches the last agent by its vote alone.
        var bank = world.Add("bank");
        var buyer = world.Add("buyer", Apart, allowance: 0);
        var shop = world.Add("shop");
        Transfer(bank, 1, buyer, 10);
        var answer = bank.Post(20, (bank, buyer, 1), (buyer, shop, 11));
        world.Run();
        world.Answers[answer].ShouldBeOfType<TransactionAnswer>().Result.IsCommitted.ShouldBeTrue();

        CheckCuts([20], [1], bank, buyer, shop);
    }

    [Fact]
    public void A_cut_that_shows_a_spending_shows_its_income_where_the_spender_coordinated_both()
    {
        var buyer = world.Add("buyer", allowance: 0);
        var employer = world.Add("employer", Apart);
        var shop = world.Add("shop");
        var answer = buyer.Post(20, (buyer, employer, 0), (employer, buyer, 10));
        world.Run();
        world.Answers[answer].ShouldBeOfType<TransactionAnswer>().Result.IsCommitted.ShouldBeTrue();
        Transfer(buyer, 2, shop, 10);

        CheckCuts([2], [20], buyer, employer, shop);
    }

    [Fact]
    public void A_cut_that_shows_a_spending_shows_its_income_where_the_spender_was_a_participant()
    {
        var bank = world.Add("bank");
        var buyer = world.Add("buyer", allowance: 0);
        var last = world.Add("last", Apart);
        var shop = world.Add("shop");
        bank.Post(20, (bank, buyer, 10), (bank, last, 1));
        world.Run();
        Transfer(buyer, 2, shop, 10);

        CheckCuts([2], [20], bank, buyer, last, shop);
    }

    [Theory]
    [InlineData("1.00:00:00")]
    [InlineData("365.00:00:00")]
    public void A_hold_ends_in_time_although_the_clock_was_ahead_for_one_transfer(string ahead)
    {
        var payer = world.Add("payer", allowance: 100);
        var shop = world.Add("shop");
        payer.Skew = TimeSpan.Parse(ahead, System.Globalization.CultureInfo.InvariantCulture);
        Transfer(payer, 1, shop, 1);
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Skew = default;
        CheckHolds(payer, shop);
    }

    [Fact]
    public void A_hold_ends_in_time_although_the_clock_is_an_hour_behind_what_it_was()
    {
        var payer = world.Add("payer", allowance: 100);
        var shop = world.Add("shop");
        Transfer(payer, 1, shop, 1);
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Skew = shop.Skew = -TimeSpan.FromHours(1);
        CheckHolds(payer, shop);
    }

    [Fact]
    public void A_long_hold_outlives_a_row_of_the_far_future()
    {
        var payer = world.Add("payer", allowance: 100);
        var shop = world.Add("shop");
        payer.Post(1, shop, 5, hold: TimeSpan.FromDays(7));
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Runtime.State.HoldCount.ShouldBe(1);

        // As a node with a clock a year ahead has left the journal.
        var state = payer.Runtime.State;
        payer.Rows.Add(new EventBatch(payer.Rows.Count + 1, state.EntryCount, state.Balances)
        {
            Events = { new AccountChanged(new SetAccountLimits(Amount.Of(99), null), payer.Time.Add(TimeSpan.FromDays(365))) },
        });
        payer.Wake();
        world.Pass(TimeSpan.FromSeconds(5));

        payer.Runtime.State.HoldCount.ShouldBe(1);
        shop.Runtime.State.HoldCount.ShouldBe(1);
    }

    [Fact]
    public void An_account_whose_last_row_is_a_day_ahead_pays_and_is_paid()
    {
        var ahead = world.Add("ahead");
        var others = new[] { world.Add("one"), world.Add("two") };
        ahead.Skew = TimeSpan.FromDays(1);
        ahead.Ask((caller, deadline) => new ChangeAccountCall(new SetAccountLimits(Amount.Of(99), null), caller, deadline));
        ahead.Skew = default;
        ahead.Wake();
        foreach (var work in new[]
        {
            () => ahead.Post(1, others[0], 1),
            () => others[0].Post(2, ahead, 1),
            () => others[0].Post(30, (others[0], ahead, 1), (ahead, others[1], 1)),
            () => ahead.Post(40, (ahead, others[0], 1), (ahead, others[1], 1)),
        })
        {
            var answer = work();
            world.Pass(TimeSpan.FromSeconds(3));
            (world.Answers[answer] switch
            {
                TransferAnswer(var result) => result.Status,
                TransactionAnswer(var result) => result.Status,
                var other => throw new InvalidOperationException(other.ToString()),
            }).ShouldBe(TransferStatus.Created);
        }

        // The others' time has not been dragged along.
        var soon = others[0].Time.Add(TimeSpan.FromSeconds(2));
        others.ShouldAllBe(other => other.Runtime.State.LastTime < soon);
        ahead.Runtime.State.InDoubtCount.ShouldBe(0);
    }

    private void Transfer(ClockedWorld.Node from, ulong id, ClockedWorld.Node to, ulong amount)
    {
        var answer = from.Post(id, to, amount);
        world.Run();
        from.Result(answer).Status.ShouldBe(TransferStatus.Created);
    }

    // A hold of three seconds ends after three, and not before two.
    private void CheckHolds(ClockedWorld.Node payer, ClockedWorld.Node shop)
    {
        var hold = payer.Post(7, shop, 5, hold: TimeSpan.FromSeconds(3));
        world.Pass(TimeSpan.FromSeconds(1.9));
        payer.Result(hold).Status.ShouldBe(TransferStatus.Created);
        payer.Runtime.State.HoldCount.ShouldBe(1);
        world.Pass(TimeSpan.FromSeconds(3));
        payer.Runtime.State.HoldCount.ShouldBe(0);
        shop.Runtime.State.HoldCount.ShouldBe(0);
        payer.Runtime.State.Balances.DebitsPending.ShouldBe(Amount.Zero);
    }

    // I11 (a): whatever the cut, all accounts agree, and what is spent has come.
    private void CheckCuts(ulong[] spent, ulong[] income, params ClockedWorld.Node[] accounts)
    {
        world.Pass(TimeSpan.FromSeconds(1));
        var from = world.Now - 3_000_000;
        for (var cut = from; cut < world.Now + 1_000_000; cut += 1_000)
        {
            var found = new HashSet<TransferId>();
            foreach (var account in accounts)
            {
                found.UnionWith(account.UpTo(new LedgerTime(cut)));
            }

            if (spent.Any(id => found.Contains(new TransferId(id))))
            {
                income.ShouldAllBe(id => found.Contains(new TransferId(id)));
            }
        }

        accounts.SelectMany(account => account.UpTo(LedgerTime.MaxValue)).ShouldContain(new TransferId(spent[0]));
    }
}
