namespace Ledger.Core.Tests.Requests;

/// <summary>An id that another account has on record is answered from that record.</summary>
public sealed class IdReuseTests
{
    private static readonly Transfer Known = Asked.Transfer(2, Asked.A, Asked.B);
    private static readonly TransferRecord Record =
        new(Known, TransferStatus.Created, new LedgerTime(5), null) { Amount = Known.Amount };

    [Fact]
    public void The_same_transfer_again_exists_with_its_time_and_amount() =>
        IdReuse.ResultOf(Record, Known).ShouldBe(
            new TransferResult(Known.Id, TransferStatus.Exists, new LedgerTime(5), true, null)
            {
                Amount = Known.Amount,
            });

    [Fact]
    public void Another_transfer_is_told_the_difference_and_nothing_of_the_first() =>
        IdReuse.ResultOf(Record, Known with { DebitAccount = Asked.C, CreditAccount = Asked.D }).ShouldBe(
            new TransferResult(Known.Id, TransferStatus.ExistsWithDifferentDebitAccountId, default, false, null));

    [Theory]
    [InlineData(TransferStatus.ExceedsCredits)]
    [InlineData(TransferStatus.DebitAccountNotFound)]
    [InlineData(TransferStatus.PendingTransferNotFound)]
    [InlineData(TransferStatus.LinkedEventFailed)]
    public void One_that_was_rejected_is_free_again_unless_that_used_the_id_up(TransferStatus status) =>
        IdReuse.ResultOf(Record with { Status = status }, Known).ShouldBe(IdempotencyDetails.ConsumesId(status)
            ? new TransferResult(Known.Id, TransferStatus.IdAlreadyFailed, default, false, null)
            : null);

    [Fact]
    public void Some_rejections_use_an_id_up_and_some_do_not()
    {
        var statuses = Enum.GetValues<TransferStatus>()
            .Where(static status => status != TransferStatus.Created).ToArray();

        statuses.Select(static status => IdReuse.ResultOf(Record with { Status = status }, Known) is null)
            .Distinct().Count().ShouldBe(2);
    }
}
