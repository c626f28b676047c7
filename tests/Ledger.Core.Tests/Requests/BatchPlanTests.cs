using System.Numerics;
using FsCheck;
using FsCheck.Xunit;

namespace Ledger.Core.Tests.Requests;

/// <summary>
/// Goal: the items of a batch do what they would do one after the other, and those that have nothing to do with each
/// other do it at the same time. Method: small batches by hand; then batches of FsCheck's choice, whose order is
/// compared with the definition.
/// </summary>
public sealed class BatchPlanTests
{
    [Fact]
    public void A_chain_is_a_group_and_each_other_item_is_one_alone()
    {
        var plan = Of((Asked.Leg(1, Asked.A, Asked.B), false), (Asked.Leg(2, Asked.A, Asked.B), true),
            (Asked.Opening(Asked.C), true), (Asked.Leg(3, Asked.A, Asked.B), false), (Asked.Opening(Asked.D), false));

        plan.Groups.Select(static group => (group.First, group.Legs.Length, group.IsChain, group.IsOpen)).ShouldBe(
            [(0, 1, false, false), (1, 3, true, false), (4, 1, false, false)]);
    }

    [Fact]
    public void A_chain_that_the_batch_ends_is_open_even_of_one_item()
    {
        Of((Asked.Leg(1, Asked.A, Asked.B), true), (Asked.Leg(2, Asked.A, Asked.B), true)).Groups.ShouldHaveSingleItem()
            .ShouldSatisfyAllConditions(
                group => group.IsOpen.ShouldBeTrue(), group => group.IsChain.ShouldBeTrue(),
                group => group.Legs.Length.ShouldBe(2));
        Of((Asked.Leg(1, Asked.A, Asked.B), true)).Groups.ShouldHaveSingleItem().IsChain.ShouldBeTrue();
    }

    [Fact]
    public void Items_of_other_accounts_wait_for_nothing() =>
        Order(Asked.Leg(1, Asked.A, Asked.B), Asked.Leg(2, Asked.C, Asked.D)).ShouldBe("-; -");

    [Fact]
    public void Items_wait_for_the_last_before_them_that_shares_an_account_an_id_or_a_hold() => Order(
        Asked.Leg(1, Asked.A, Asked.B, TransferFlags.Pending), Asked.Leg(2, Asked.C, Asked.A),
        Asked.Leg(2, Asked.D, Asked.B), Asked.Opening(Asked.C),
        TransactionLeg.Of(Asked.Resolution(9, hold: 1) with { DebitAccount = P(1), CreditAccount = P(2) })).ShouldBe(
        "-; 0; 0,1; 1; 0");

    [Fact]
    public void One_whose_accounts_are_not_known_waits_for_all_before_it_and_all_after_it_for_that_one() => Order(
        Asked.Leg(1, Asked.A, Asked.B), Asked.Leg(2, Asked.C, Asked.D), TransactionLeg.Of(Asked.Resolution(3, hold: 1)),
        Asked.Leg(4, Asked.A, Asked.B), TransactionLeg.Of(Asked.Resolution(5, hold: 4)), Asked.Leg(6, Asked.C, Asked.D))
        .ShouldBe("-; -; 0,1; 2; 2,3; 4");

    [Property(MaxTest = 1000)]
    public void Two_groups_are_ordered_exactly_where_they_share_something(
        NonEmptyArray<(byte Debit, byte Credit, byte Kind)> batch)
    {
        var plan = BatchPlan.Of(
            [.. batch.Get.Select(static (one, i) => new BatchStep(LegOf(one, i), one.Kind % 3 == 0))]);
        var order = plan.Order();

        plan.Groups.Sum(static group => group.Legs.Length).ShouldBe(batch.Get.Length);
        var keys = plan.Groups.Select(static group => group.FindKeys()?.ToHashSet()).ToArray();

        // Those before each group, direct or not: a bit for each.
        var before = new BigInteger[order.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i].All(other => other < i).ShouldBeTrue();
            foreach (var other in order[i])
            {
                before[i] |= before[other] | (BigInteger.One << other);
            }
        }

        // By the definition: whoever shares something, and whoever waits for such a one.
        for (var i = 0; i < order.Length; i++)
        {
            var wanted = BigInteger.Zero;
            for (var other = 0; other < i; other++)
            {
                if (Shares(keys[other], keys[i]))
                {
                    wanted |= before[other] | (BigInteger.One << other);
                }
            }

            before[i].ShouldBe(wanted, $"group {i}");
        }
    }

    [Fact]
    public void Chains_are_measured_before_any_is_done_and_the_one_that_is_too_large_is_named()
    {
        var large = TransactionLeg.Of(
            Asked.Transfer(2, Asked.A, Asked.B) with { Reference = new string('x', LedgerSizes.TransactionMax) });
        var plan = new BatchPlan(
        [
            new BatchGroup(0, [large], false),
            new BatchGroup(1, [.. Enumerable.Repeat(Asked.Leg(1, Asked.A, Asked.B), 2)], false),
            new BatchGroup(3, [Asked.Leg(1, Asked.A, Asked.B), large], false),
        ]);

        plan.CheckSizes()!.ShouldSatisfyAllConditions(
            problem => problem.Kind.ShouldBe(RequestProblemKind.TransactionTooLarge),
            problem => problem.Field.ShouldBe("items[3]"));
        (plan with { Groups = plan.Groups[..2] }).CheckSizes().ShouldBeNull();
    }

    private static bool Shares(HashSet<object>? one, HashSet<object>? other) =>
        one is null || other is null || one.Overlaps(other);

    private static TransactionLeg LegOf((byte Debit, byte Credit, byte Kind) one, int place) => (one.Kind % 7) switch
    {
        0 => Asked.Opening(P(one.Debit)),
        1 when one.Credit % 4 == 0 => TransactionLeg.Of(Asked.Resolution(place + 1, hold: one.Credit + 1)),
        _ => Asked.Leg(place + 1, P(one.Debit), P(one.Credit)),
    };

    private static AccountAddress P(int number) => AccountAddress.Parse($"p:{number % 12}");

    private static BatchPlan Of(params (TransactionLeg Leg, bool IsLinked)[] items) =>
        BatchPlan.Of([.. items.Select(static item => new BatchStep(item.Leg, item.IsLinked))]);

    private static string Order(params TransactionLeg[] legs) => string.Join(
        "; ", Of([.. legs.Select(static leg => (leg, false))]).Order()
            .Select(static before => before.IsEmpty ? "-" : string.Join(',', before)));
}
