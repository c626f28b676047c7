namespace Ledger.Core.Tests;

/// <summary>
/// Goal: clocks that are apart, that jump and that were wrong for a moment change no order of money, and end no hold at
/// another time (R21, I11 a). Method: accounts on nodes with clocks of their own.
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
        world.Answers[answer].ShouldBeOfType<PostTransactionResponse>().Result.IsCommitted.ShouldBeTrue();

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
        world.Answers[answer].ShouldBeOfType<PostTransactionResponse>().Result.IsCommitted.ShouldBeTrue();
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
        payer.Skew = shop.Skew = TimeSpan.Parse(ahead, System.Globalization.CultureInfo.InvariantCulture);
        Transfer(payer, 1, shop, 1);
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Skew = shop.Skew = default;
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
            Events =
                { new AccountChanged(
                    new SetAccountLimits(Amount.Of(99), null), payer.Time.Add(TimeSpan.FromDays(365))) },
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
        ahead.Ask(
            (caller, deadline) =>
                new ChangeAccountRequest(new SetAccountLimits(Amount.Of(99), null), caller, deadline));
        ahead.Skew = default;
        ahead.Wake();
        foreach (var operation in new[]
        {
            () => ahead.Post(1, others[0], 1),
            () => others[0].Post(2, ahead, 1),
            () => others[0].Post(30, (others[0], ahead, 1), (ahead, others[1], 1)),
            () => ahead.Post(40, (ahead, others[0], 1), (ahead, others[1], 1)),
        })
        {
            var answer = operation();
            world.Pass(TimeSpan.FromSeconds(3));
            (world.Answers[answer] switch
            {
                PostTransferResponse(var result) => result.Status,
                PostTransactionResponse(var result) => result.Status,
                var other => throw new InvalidOperationException(other.ToString()),
            }).ShouldBe(TransferStatus.Created);
        }

        // The others' time has not been dragged along.
        var soon = others[0].Time.Add(TimeSpan.FromSeconds(2));
        others.ShouldAllBe(other => other.Runtime.State.LastTime < soon);
        ahead.Runtime.State.InDoubtCount.ShouldBe(0);
    }

    [Fact]
    public void A_request_from_too_far_ahead_is_kept_until_its_time_comes_and_then_done()
    {
        var payer = world.Add("payer");
        var shop = world.Add("shop");
        payer.Skew = TimeSpan.FromSeconds(2.5);
        var answer = payer.Post(1, shop, 5);
        world.Run();
        world.Answers.ContainsKey(answer).ShouldBeFalse();
        shop.Runtime.State.LastTime.ShouldBeLessThan(shop.Time.Add(AccountTime.AheadMax));

        world.Pass(TimeSpan.FromSeconds(1.6));
        payer.Result(answer).Status.ShouldBe(TransferStatus.Created);
        shop.Runtime.DroppedAhead.ShouldBe(0);
    }

    [Fact]
    public void A_request_that_stays_too_far_ahead_is_dropped_unanswered_and_counted()
    {
        var payer = world.Add("payer");
        var middle = world.Add("middle");
        var shop = world.Add("shop");
        payer.Skew = TimeSpan.FromSeconds(30);
        var transfer = payer.Post(1, shop, 5);
        var transaction = payer.Post(20, (payer, middle, 1), (payer, shop, 1));
        var rows = shop.Rows.Count + middle.Rows.Count;
        world.Pass(TimeSpan.FromSeconds(9));

        world.Answers.ContainsKey(transfer).ShouldBeFalse();
        world.Answers.ContainsKey(transaction).ShouldBeFalse();
        world.Sent.Count(static one => one.Message is Vote or CommitResponse).ShouldBe(0);
        (shop.Rows.Count + middle.Rows.Count).ShouldBe(rows);
        shop.Runtime.DroppedAhead.ShouldBeGreaterThan(0);
        middle.Runtime.DroppedAhead.ShouldBeGreaterThan(0);

        // Nothing is lost: when the clocks agree again, it is done.
        payer.Skew = default;
        world.Pass(TimeSpan.FromSeconds(30));
        payer.Runtime.State.InDoubtCount.ShouldBe(0);
        payer.Runtime.State.Balances.DebitsPosted.ShouldBe(Amount.Of(7));
    }

    [Fact]
    public void What_is_decided_is_answered_whatever_the_time_of_the_question()
    {
        // The third account does not answer, so the second stays prepared.
        var payer = world.Add("payer");
        var middle = world.Add("middle");
        var shop = world.Add("shop");
        var silent = world.Add("silent", isThere: false);
        payer.Post(1, shop, 5);
        payer.Post(20, (payer, middle, 1), (payer, silent, 1));
        world.Run();
        var far = shop.Time.Add(TimeSpan.FromDays(1));
        var prepare = world.Sent.Select(static one => one.Message).OfType<PrepareRequest>().Single();
        var close = world.Sent.First(one => one.To == shop.Address).Message.ShouldBeOfType<CommitRequest>();
        world.Sent.Clear();
        middle.Runtime.Handle(prepare with { Time = far }, middle.Time);
        world.Sent.ShouldHaveSingleItem().Message.ShouldBeOfType<Vote>().Kind.ShouldBe(VoteKind.Yes);
        world.Sent.Clear();
        shop.Runtime.Handle(close with { Time = far }, shop.Time);
        world.Sent.ShouldHaveSingleItem().Message.ShouldBeOfType<CommitResponse>().Committed.ShouldBeTrue();

        middle.Runtime.DroppedAhead.ShouldBe(0);
        shop.Runtime.DroppedAhead.ShouldBe(0);
    }

    [Fact]
    public void A_vote_from_too_far_ahead_is_asked_for_again_and_does_not_stay_in_the_close()
    {
        var payer = world.Add("payer");
        var middle = world.Add("middle");
        var shop = world.Add("shop");
        var answer = payer.Post(20, (payer, middle, 1), (payer, shop, 1));
        middle.Skew = TimeSpan.FromDays(1);
        world.Pass(TimeSpan.FromSeconds(1));
        world.Answers.ContainsKey(answer).ShouldBeFalse();
        payer.Runtime.DroppedAhead.ShouldBeGreaterThan(0);

        middle.Skew = default;
        world.Pass(TimeSpan.FromSeconds(3));
        world.Answers[answer].ShouldBeOfType<PostTransactionResponse>().Result.IsCommitted.ShouldBeTrue();
        shop.Runtime.DroppedAhead.ShouldBe(0);
    }

    [Fact]
    public void An_outcome_is_never_refused_for_its_time()
    {
        var payer = world.Add("payer");
        var shop = world.Add("shop");
        payer.Post(1, shop, 5);
        var branch = world.Sent.Select(static one => one.Message).OfType<CommitRequest>().ShouldHaveSingleItem().Branch;
        var far = payer.Time.Add(TimeSpan.FromHours(1));
        payer.Runtime.Handle(new CommitResponse(branch.Key, branch.Digest, Committed: true, far, null), payer.Time);

        payer.Runtime.State.InDoubtCount.ShouldBe(0);
        payer.Runtime.State.LastTime.ShouldBe(far);
        payer.Runtime.AheadBy(payer.Time).ShouldBeGreaterThan(TimeSpan.FromMinutes(59));
    }

    [Fact]
    public void A_snapshot_and_the_rows_restore_the_same_time()
    {
        var payer = world.Add("payer", Apart);
        var shop = world.Add("shop");
        payer.Post(1, shop, 5);
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Post(2, shop, 5);
        var state = payer.Runtime.State;
        var snapshot = AccountSnapshot.Of(state, payer.Rows.Count);
        var (time, prepared) = (state.LastTime, state.InDoubtInOrder().ShouldHaveSingleItem().PreparedTime);
        prepared.ShouldBe(time);

        payer.Skew = -Apart;
        foreach (var from in new[] { null, snapshot })
        {
            payer.Wake(from);
            payer.Runtime.State.LastTime.ShouldBe(time);
            payer.Runtime.State.InDoubtInOrder().ShouldHaveSingleItem().PreparedTime.ShouldBe(prepared);

            // What it asks again is not from earlier than what it has prepared.
            world.Sent.Select(static one => one.Message).OfType<CommitRequest>().Last().Time.ShouldBe(time);
        }
    }

    [Fact]
    public void A_row_says_since_when_something_is_undecided()
    {
        var payer = world.Add("payer");
        var shop = world.Add("shop");
        payer.Post(1, shop, 5);
        var first = payer.Rows[^1];
        first.OldestPrepared.ShouldBeNull();
        world.Pass(TimeSpan.FromMilliseconds(1));
        payer.Post(2, shop, 5);

        payer.Rows[^1].OldestPrepared.ShouldBe(first.Events.OfType<TransactionPrepared>().Single().At);
        world.Pass(TimeSpan.FromSeconds(1));
        payer.Ask(
            (caller, deadline) =>
                new ChangeAccountRequest(new SetAccountLimits(Amount.Of(99), null), caller, deadline));
        payer.Rows[^1].OldestPrepared.ShouldBeNull();
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
