using Google.Protobuf;
using Ledger.Core;
using Ledger.Grpc;
using Ledger.Grpc.Services;

namespace Ledger.Node.Tests;

/// <summary>Goal: the core knows how large an answer will be, without making it (R17). Method: transfers, entries,
/// accounts and transactions of many kinds are written as answers and measured.</summary>
public sealed class PublicSizeTests
{
    private static readonly LedgerTime Time = new(1_790_000_000_123_456);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Sizes_of_answers_are_at_least_what_they_have_and_not_much_more(int seed)
    {
        var random = new Random(seed);
        Transfer[] transfers = [.. Enumerable.Range(0, 1 + random.Next(20)).Select(_ => AnyTransfer(random))];
        foreach (var transfer in transfers)
        {
            var shown = Mapping.Write(new TransferRecord(transfer, TransferStatus.Created, Time, null)).Transfer;
            shown.CalculateSize().ShouldBeLessThanOrEqualTo(EncodedSize.OfTransfer(transfer));
            var entry = new StatementEntry(
                ulong.MaxValue, Time, transfer, Time, EntryDirection.Debit, Amount.MaxValue, Amount.MaxValue)
                {
                    TransactionId = transfer.Id, Asset = Asset.Parse("ABCDEFGHIJKLMNOP/18"),
                };
            ShouldBound(
                EncodedSize.OfEntry(entry),
                new V1.ListStatementResponse { Entries = { Mapping.Write(entry) } }.CalculateSize(), 160);
        }

        var spec = new AccountSpec(AnyAccount(random), Asset.Parse("USD/2"), uint.MaxValue)
        {
            Reference = AnyText(random, 128), Metadata = AnyPairs(random), DebitsMustNotExceedCredits = Amount
                .MaxValue, IsClosed = true,
        };
        var most = new Balances(
            Amount.MaxValue, Amount.MaxValue, Amount.MaxValue, Amount.MaxValue, Amount.MaxValue, Amount.MaxValue);
        var view = new Account(spec, Time, default, ulong.MaxValue, long.MaxValue, true)
        {
            Freeze = new AccountFreeze(true, true, AnyText(random, 256), Time),
            ClosedReason = AnyText(random, 256),
            HoldCount = int.MaxValue,
        };
        ShouldBound(
            EncodedSize.OfAccount(view),
            new V1.ListAccountsResponse { Accounts = { Mapping.Write(view) } }.CalculateSize(), 450);

        var transaction = new Transaction(
            transfers[0].Id,
            [TransactionLeg.Open(spec, ifMissing: true),
                .. transfers.Select(static transfer => TransactionLeg.Of(transfer))]);
        var record = new TransactionRecord(transaction, new TransactionResult(
            transaction.Id, TransferStatus.ExceedsReversedTransferAmount, 1, Time, true, most,
            [.. transaction.Legs.Select(static leg => new LegResult(
                leg.Transfer is null ? TransferStatus.None : TransferStatus.ExceedsReversedTransferAmount,
                leg.Transfer is null ? AccountStatus.LinkedEventFailed : AccountStatus.None, Amount.MaxValue))]))
        {
            IsAbridged = true,
        };
        var answer = new V1.GetTransactionResponse { Record = Mapping.Write(record) };
        ShouldBound(EncodedSize.OfRecord(record), answer.CalculateSize(), 200 + (transaction.Legs.Length * 120));
        var asked = new V1.PostTransactionRequest { Transaction = answer.Record.Transaction };
        asked.CalculateSize().ShouldBeLessThanOrEqualTo(EncodedSize.OfTransaction(transaction));
    }

    [Fact]
    public void The_largest_answer_to_a_batch_leaves_out_positions_from_its_end_and_fits()
    {
        var most = new string('9', 39);
        V1.Balances Seen() => new()
        {
            DebitsPending = most,
            DebitsPosted = most, CreditsPending = most, CreditsPosted = most, DebitsInDoubt = most,
            CreditsInDoubt = most,
        };
        var response = new V1.SubmitBatchResponse();
        for (var i = 0; i < LedgerLimits.BatchMax; i++)
        {
            response.Results.Add(new V1.BatchItemResult
            {
                Transfer = new V1.TransferResult
                {
                    Id = Guid.NewGuid().ToString(), Status = V1.TransferStatus
                        .ExceedsReversedTransferAmount, Replayed = true, Amount = most,
                    BalanceSeen = Seen(), Position = new string('p', 256),
                    CreateTime =
                        new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 253_402_300_799, Nanos = 999_999_000 },
                },
            });
        }

        BatchLimits.Fit(response, response.Results, static result => result.Transfer.Position = "");

        response.CalculateSize().ShouldBeInRange(LedgerSizes.AnswerMax - 300, LedgerSizes.AnswerMax);
        response.Results[0].Transfer.Position.ShouldNotBeEmpty();
        response.Results[^1].Transfer.Position.ShouldBeEmpty();
        response.Results.ShouldAllBe(static result => result.Transfer.BalanceSeen != null);
    }

    private static void ShouldBound(int bound, int actual, int slack) => bound.ShouldBeInRange(actual, actual + slack);

    private static Transfer AnyTransfer(Random random)
    {
        var kind = random.Next(5);
        return new Transfer(
            AnyId(random), AnyAccount(random), AnyAccount(random), AnyAmount(random), (uint)random.Next())
        {
            Asset = random.Next(2) == 0 ? default : Asset.Parse("ABCDEFGHIJKLMNOP/38"),
            Reference = AnyText(random, 128),
            Metadata = AnyPairs(random),
            Flags = kind switch
            {
                0 => TransferFlags.PostPending | TransferFlags.KeepRest,
                1 => TransferFlags.VoidPending,
                2 => TransferFlags.BalancingDebit | TransferFlags.BalancingCredit | TransferFlags.OpenAccounts,
                3 => TransferFlags.Pending | TransferFlags.ClosingDebit | TransferFlags.ClosingCredit,
                _ => TransferFlags.None,
            },
            HoldId = kind < 2 ? AnyId(random) : default,
            Timeout = kind == 3
            ? TimeSpan.FromTicks(random.NextInt64(TimeSpan.TicksPerDay * 10_000) / 10 * 10)
            : TimeSpan.Zero,
            Reverses = kind == 4 ? AnyId(random) : default,
            Reason = kind == 4 ? AnyText(random, 256) : "",
        };
    }

    private static Metadata AnyPairs(Random random) => random.Next(2) == 0
        ? Metadata.Empty
        : Metadata.Of(Enumerable.Range(0, random.Next(1, 16)).Select(
            i => new KeyValuePair<string, string>($"k{i}", AnyText(random, 256))));

    private static string AnyText(Random random, int max) => string.Concat(Enumerable.Repeat(
        random.Next(3) switch { 0 => "x", 1 => "\u00E9", _ => "\u20AC" },
        random.Next(2) == 0 ? 0 : random.Next(max + 1)));

    private static AccountAddress AnyAccount(Random random) =>
        AccountAddress.Parse(new string('a', random.Next(1, AccountAddress.LengthMax + 1)));

    private static Amount AnyAmount(Random random) =>
        new(new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) >> random.Next(0, 128));

    private static TransferId AnyId(Random random) =>
        new(new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()));
}
