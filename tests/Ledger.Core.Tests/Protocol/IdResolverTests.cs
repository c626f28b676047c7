namespace Ledger.Core.Tests.Protocol;

/// <summary>R4, R7, R22: what memory knows of ids, and what the journal is asked.</summary>
public sealed class IdResolverTests
{
    private static readonly AccountAddress s_a = OneAccount.A;
    private static readonly AccountAddress s_b = OneAccount.B;

    private readonly AccountState state = new(s_a, rememberedIdsMax: 3, TimeSpan.FromDays(1));
    private readonly IdResolver resolver;
    private long row;

    public IdResolverTests()
    {
        resolver = new IdResolver(state);
        Given(new AccountOpened(new AccountSpec(s_a, OneAccount.Usd, 1), At(0)));
    }

    [Fact]
    public void Given_a_memory_that_has_forgotten_nothing_when_an_id_is_new_then_nothing_is_asked() =>
        resolver.QuestionsAbout(Asked(Plain(1, 5))).ShouldBeNull();

    [Fact]
    public void Given_a_memory_that_has_forgotten_when_an_id_may_be_old_then_all_that_the_journal_has_is_asked_for()
    {
        Overflow();
        var operation = Asked(Plain(50, 5));

        resolver.QuestionsAbout(operation).ShouldNotBeNull().ShouldHaveSingleItem().SequenceNr.ShouldBe(0);
        resolver.HasForgotten(operation).ShouldBeTrue();
        resolver.MayBeJournaled(OneAccount.Id(50)).ShouldBeTrue();

        operation.Facts = new IdFacts(new Dictionary<TransferId, IdHistory?> { [OneAccount.Id(50)] = null });
        resolver.HasForgotten(operation).ShouldBeFalse("it has been asked");
    }

    [Fact]
    public void Given_a_committed_transfer_when_the_very_same_is_asked_for_then_memory_answers()
    {
        Commit(Plain(1, 5));

        resolver.QuestionsAbout(Asked(Plain(1, 5))).ShouldBeNull();
        resolver.MayBeJournaled(OneAccount.Id(1)).ShouldBeFalse();
    }

    [Fact]
    public void Given_a_committed_transfer_when_another_content_is_asked_for_then_its_row_is()
    {
        var at = Commit(Plain(1, 5));

        resolver.QuestionsAbout(Asked(Plain(1, 6))).ShouldNotBeNull().ShouldHaveSingleItem().SequenceNr.ShouldBe(at);
    }

    [Fact]
    public void Given_a_live_hold_when_it_is_read_or_extended_then_memory_answers()
    {
        Commit(Plain(1, 5) with { Flags = TransferFlags.Pending });

        resolver.QuestionsAbout(
            Claimed(new GetTransferRequest(OneAccount.Id(1), default, At(9)), null, OneAccount.Id(1)))
            .ShouldBeNull();
        resolver.QuestionsAbout(
            Claimed(new ExtendHoldRequest(OneAccount.Id(1), At(99), default, At(9)), null, OneAccount.Id(1)))
                .ShouldBeNull();
    }

    [Fact]
    public void Given_a_posted_transfer_when_it_is_read_then_its_content_is_asked_for()
    {
        var at = Commit(Plain(1, 5));

        resolver.QuestionsAbout(
            Claimed(new GetTransferRequest(OneAccount.Id(1), default, At(9)), null, OneAccount.Id(1)))
            .ShouldNotBeNull().ShouldHaveSingleItem().SequenceNr.ShouldBe(at);
    }

    [Fact]
    public void Given_a_transfer_that_is_taken_back_when_it_is_decided_then_later_rows_are_asked_too()
    {
        Commit(Plain(1, 5));
        var reversal = new Transfer(OneAccount.Id(2), s_a, s_b, Amount.Of(5), 1)
        {
            Asset = OneAccount.Usd, Reverses = OneAccount.Id(1),
        };

        var question = resolver.QuestionsAbout(Asked(reversal)).ShouldNotBeNull().ShouldHaveSingleItem();

        question.Id.ShouldBe(OneAccount.Id(1));
        question.WithLater.ShouldBeTrue();
    }

    [Fact]
    public void Given_questions_when_they_leave_then_each_has_a_number_and_says_up_to_where()
    {
        var first = resolver.Ask(resolver.QuestionAboutAll(OneAccount.Id(1)), newestRow: 7).Lookup.ShouldNotBeNull();
        var second = resolver.Ask(resolver.QuestionAboutAll(OneAccount.Id(2)), newestRow: 8).Lookup.ShouldNotBeNull();

        (first.Number, first.UpTo).ShouldBe((1, 7));
        (second.Number, second.UpTo).ShouldBe((2, 8));
        resolver.QuestionCount.ShouldBe(2);
    }

    [Fact]
    public void Given_a_decision_when_it_is_looked_for_then_by_its_digest_in_memory_or_in_the_journal()
    {
        Commit(Plain(1, 5));
        var branch = TransactionBranch.Of(Plain(1, 5), s_a, OneAccount.Usd, "");

        resolver.FindRecord(branch.Key, branch.Digest, default).ShouldNotBeNull().Status
            .ShouldBe(TransferStatus.Created);
        resolver.FindRecord(branch.Key, branch.Digest + 1, default).ShouldBeNull();
        var other = TransactionBranch.Of(Plain(9, 5), s_a, OneAccount.Usd, "");
        var facts = new IdFacts(new Dictionary<TransferId, IdHistory?>
        {
            [other.Key] = new IdHistory(
                [new IdHistoryEntry(other, null, TransferStatus.Created, 0, At(3), null, 44)], HoldState.None,
                Amount.Zero),
        });
        resolver.FindRecord(other.Key, other.Digest, facts).ShouldNotBeNull().SequenceNr.ShouldBe(44);
        resolver.IsKnown(other.Key, facts).ShouldBeTrue();
        resolver.IsKnown(other.Key, default).ShouldBeFalse();
    }

    [Fact]
    public void Given_an_id_that_is_used_up_when_another_attempt_comes_then_it_says_by_what()
    {
        Commit(Plain(1, 5));
        var other = TransactionBranch.Of(Plain(1, 6), s_b, OneAccount.Usd, "");

        resolver.ConsumedId(other, default).ShouldBe(TransferStatus.ExistsWithDifferentTransfers);
        resolver.ConsumedId(TransactionBranch.Of(Plain(2, 6), s_b, OneAccount.Usd, ""), default)
            .ShouldBe(TransferStatus.None);
        resolver.ConsumedId(TransactionBranch.Of(Plain(2, 6), s_b, OneAccount.Usd, "") with { Attempt = 2 }, default)
            .ShouldBe(TransferStatus.None);
    }

    [Fact]
    public void Given_a_rejection_when_the_same_request_is_looked_for_then_it_counts_only_until_the_id_is_used_up()
    {
        var rejected = TransactionBranch.Of(Plain(1, 5), s_a, OneAccount.Usd, "");
        Given(new TransactionRejected(rejected, 0, TransferStatus.DebitAccountFrozen, state.Balances, At(1)));
        var remembered = state.Idempotency.Find(OneAccount.Id(1));

        IdResolver.FindAsked(remembered, rejected.Asked).ShouldNotBeNull().Status
            .ShouldBe(TransferStatus.DebitAccountFrozen);
        IdResolver.FindAsked(remembered, rejected.Asked + 1).ShouldBeNull();
        IdResolver.FindAsked(null, rejected.Asked).ShouldBeNull();
    }

    private static LedgerTime At(int second) => new(second * 1_000_000L);

    private static Transfer Plain(int id, int amount) => OneAccount.Plain(id, s_a, s_b, Amount.Of((ulong)amount));

    private static Operation Asked(Transfer transfer) => Claimed(
        new PostTransferRequest(transfer, default, At(60)), TransactionBranch.Of(transfer, s_a, OneAccount.Usd, ""));

    private static Operation Claimed(AccountRequest call, TransactionBranch? asked, params TransferId[] ids) =>
        new(call, asked) { Ids = asked is null ? ids : OperationIds.Of(asked, s_a) };

    private void Given(AccountEvent happened) => state.Evolve(happened, ++row);

    private long Commit(Transfer transfer)
    {
        var leg = new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount, Deadline = LedgerTime.MaxValue };
        var branch = TransactionBranch.Of(transfer, s_a, OneAccount.Usd, "") with { Legs = [leg] };
        Given(new TransactionPrepared(branch, At(1)));
        var prepared = row;
        Given(new TransactionCommitted(transfer.Id, prepared, At(1), At(1)));
        return state.Idempotency.Find(transfer.Id)!.SequenceNr;
    }

    // More ids than memory has room for, all of no time.
    private void Overflow()
    {
        for (var id = 1; id < 10; id++)
        {
            Commit(Plain(id, 1));
        }
    }
}
