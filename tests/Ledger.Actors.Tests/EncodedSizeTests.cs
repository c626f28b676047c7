using System.Collections.Immutable;
using Akka.Actor;
using FsCheck.Xunit;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>Goal: the core knows how many bytes what it decides will have, without encoding it: never fewer than it
/// has, and not many more. Method: transactions of any kind are encoded as rows and as messages, and
/// measured.</summary>
public sealed class EncodedSizeTests : IDisposable
{
    private readonly ActorSystem system = ActorSystem.Create("sizes");

    public void Dispose() => system.Dispose();

    [Property(MaxTest = 500)]
    public void OfEvent_is_at_least_what_a_row_has_for_it_and_not_much_more(int seed)
    {
        var any = new AnyTransaction(seed);
        var part = any.Part();
        var at = new LedgerTime(1_790_000_000_123_456);
        var seen = any.Balances();
        AccountEvent[] events =
        [
            new TransactionPrepared(part, at), new LastAgentCommitted(part, at),
            new TransactionRejected(part, part.Legs.Length - 1, TransferStatus.ExceedsReversedTransferAmount, seen, at),
            new LastAgentRefused(part, part.Legs.Length - 1, TransferStatus.ExceedsReversedTransferAmount, seen, at),
            new LastAgentRefused(part, part.Legs.Length - 1, TransferStatus.AbortedByOperator, seen, at)
            {
                Verdict = new OperatorVerdict(
                    new string('b', Principals.BytesMax), new string('r', OperatorVerdict.ReasonBytesMax)),
            },
            new TransactionCommitted(part.Key, long.MaxValue, at, at) { EndedHolds = [
                .. part.Legs.Select(static leg => new TransferId((UInt128)leg.Index + (UInt128.MaxValue >> 1)))] },
            new TransactionAborted(part.Key, part.Legs.Length, TransferStatus.ExceedsReversedTransferAmount, seen, at),
            new AbortRecorded(part.Key, UInt128.MaxValue, at),
            new AccountOpened(any.Spec(), at), new HoldExtended(part.Id, at, at),
            new AccountChanged(new FreezeAccount(new AccountFreeze(true, true, any.Text(256), at)), at),
            new AccountChanged(new UnfreezeAccount(any.Text(256)), at),
            new AccountChanged(new CloseAccount(any.Text(256)), at),
            new AccountChanged(new ReopenAccount(any.Text(256)), at),
            new AccountChanged(new SetAccountLimits(Amount.MaxValue, Amount.MaxValue), at),
        ];
        foreach (var happened in events)
        {
            var row =
                new EventBatch(long.MaxValue, ulong.MaxValue, seen)
                {
                    Events = { new AccountOpened(any.Spec(), new LedgerTime(0)) },
                };
            var without = JournalCodec.Encode(row, new byte[32], default).Length;
            row.Events.Add(happened);
            var with = JournalCodec.Encode(row, new byte[32], default).Length;
            (with - without).ShouldBeLessThanOrEqualTo(EncodedSize.OfEvent(happened), happened.GetType().Name);
            var first = EncodedSize.OfEvent(row.Events[0]);
            without.ShouldBeLessThanOrEqualTo(EncodedSize.Row + first, "the first event of a row");
        }

        // Close enough to be no waste: a few bytes for each leg.
        var size = JournalCodec.Encode(
            new EventBatch(1, 0, default) { Events = { events[0] } }, new byte[32], default).Length;
        EncodedSize.OfEvent(events[0]).ShouldBeLessThan(size + 200 + (part.Legs.Length * 40));
    }

    [Property(MaxTest = 500)]
    public void OfTransaction_is_at_least_what_messages_have_and_what_is_resolved(int seed)
    {
        var any = new AnyTransaction(seed);
        var part = any.Part();
        var transaction = new Transaction(part.Id, [.. part.Legs.Select(static leg => leg.Transfer is { } transfer
            ? TransactionLeg.Of(
                transfer.ResolvesHold
                ? transfer with { DebitAccount = default, CreditAccount = default, Asset = default, Code = 0 }
                : transfer)
            : TransactionLeg.Open(leg.Opening!, leg.IfMissing))]);
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        var caller = new ReplyTarget(system.DeadLetters, long.MaxValue);
        const int around = 512;

        foreach (var message in new AccountMessage[]
        {
            new PrepareRequest(part), new CommitRequest(part), new DryRunRequest(part, 1),
            new OutcomeRequest(part, part.Coordinator),
        })
        {
            serializer.ToBinary(new AccountEnvelope(part.Coordinator, message)).Length
                .ShouldBeLessThanOrEqualTo(EncodedSize.OfTransaction(part) + around);
        }

        serializer.ToBinary(
            new AccountEnvelope(
                part.Coordinator, new PostTransactionRequest(transaction, caller, new LedgerTime(long.MaxValue))))
                    .Length
            .ShouldBeLessThanOrEqualTo(EncodedSize.OfTransaction(transaction) + around);

        // So nothing that has been let in is refused by its coordinator, or turns out to be larger.
        var asked =
            part with { Legs = [
                .. transaction.Legs.Select(static (leg, i) => new ResolvedLeg(i, leg.Transfer, leg.Opening))] };
        EncodedSize.OfAsked(asked).ShouldBeLessThanOrEqualTo(EncodedSize.OfTransaction(transaction));
        EncodedSize.OfTransaction(part).ShouldBeLessThanOrEqualTo(EncodedSize.OfAsked(asked));
    }

    [Fact]
    public void A_transfer_with_everything_at_its_longest_is_below_the_limit_of_one()
    {
        var longest = AccountAddress.Parse(new string('a', AccountAddress.LengthMax));
        var transfer = new Transfer(
            new TransferId(UInt128.MaxValue - 1), longest, longest, Amount.MaxValue, uint.MaxValue)
        {
            Asset = Asset.Parse("ABCDEFGHIJKLMNOP/38"),
            Reference = new string('\u20AC', LedgerLimits.ReferenceLengthMax),
            Reason = new string('\u20AC', LedgerLimits.ReasonLengthMax),
            Flags = TransferFlags.PostPending | TransferFlags.KeepRest,
            HoldId = new TransferId(UInt128.MaxValue - 2),
            Reverses = new TransferId(UInt128.MaxValue - 3),
            Timeout = TimeSpan.MaxValue,
            Metadata = Metadata.Of(Enumerable.Range(0, 16).Select(static i =>
                new KeyValuePair<string, string>($"{i:00}", new string('x', 254)))),
        };
        LedgerLimits.Check(transfer.Metadata).ShouldBeNull();

        EncodedSize.OfTransfer(transfer).ShouldBeInRange(LedgerSizes.MetadataMax, LedgerSizes.TransferMax);
    }

    [Fact]
    public void The_largest_answers_to_the_largest_requests_fit()
    {
        var seen = (6 * 45) + 4;
        var result = 38 + 4 + 20 + 2 + seen + 43 + 8;

        (LedgerLimits.BatchMax * result)
            .ShouldBeLessThan(LedgerSizes.AnswerMax, "a batch that is refused, with balances");
        (LedgerSizes.TransactionMax + EncodedSize.OfResult + (LedgerLimits.BatchMax * EncodedSize.OfLegResult))
            .ShouldBeLessThan(LedgerSizes.AnswerMax, "a transaction with its results");
    }

    // Anything that a client may send, and what accounts may make of it.
    private sealed class AnyTransaction(int seed)
    {
        private readonly Random random = new(seed);

        public TransactionBranch Part()
        {
            var legs = ImmutableArray.CreateBuilder<ResolvedLeg>();
            var count = random.Next(1, 12);
            for (var i = 0; i < count; i++)
            {
                if (random.Next(6) == 0)
                {
                    legs.Add(new ResolvedLeg(i, null, Spec()) { IfMissing = random.Next(2) == 0 });
                    continue;
                }

                var transfer = Transfer();
                legs.Add(new ResolvedLeg(random.Next(2) == 0 ? i : 8189, transfer, null)
                {
                    Amount = transfer.ResolvesHold || transfer.IsBalancing || !transfer.Reverses.IsNil
                        ? AnyAmount()
                        : transfer.Amount,
                    HoldRemaining = transfer.ResolvesHold ? AnyAmount() : Amount.Zero,
                    HoldRow = transfer.ResolvesHold && random.Next(2) == 0 ? random.NextInt64() : 0,
                    Deadline = transfer.Timeout > TimeSpan.Zero ? new LedgerTime(random.NextInt64()) : default,
                    Bound = transfer.IsBalancing ? (AmountBound)random.Next(4) : AmountBound.None,
                });
            }

            return new TransactionBranch
            {
                Id = Id(), Attempt = random.Next(2) == 0
                    ? 0
                    : random.NextInt64(), Coordinator = Account(), LegCount = 8190,
                CoordinatorAsset = Asset.Parse("USD/2"), Asked = Id().Value, DigestOfWhole = Id().Value,
                Legs = legs.ToImmutable(),
            };
        }

        public AccountSpec Spec() => new(Account(), Asset.Parse("ABCDEFGHIJKLMNOP/38"), (uint)random.Next())
        {
            Reference = Text(128),
            Metadata = Pairs(),
            DebitsMustNotExceedCredits = random.Next(2) == 0 ? AnyAmount() : null,
            CreditsMustNotExceedDebits = random.Next(2) == 0 ? AnyAmount() : null,
            IsClosed = random.Next(2) == 0,
        };

        public Balances Balances() => new(AnyAmount(), AnyAmount(), AnyAmount(), AnyAmount(), AnyAmount(), AnyAmount());

        public string Text(int max) => string.Concat(
            Enumerable.Repeat(
                random.Next(3) switch { 0 => "x", 1 => "\u00E9", _ => "\u20AC" },
                random.Next(2) == 0 ? 0 : random.Next(max + 1)));

        private Transfer Transfer()
        {
            var kind = random.Next(5);
            return new Transfer(Id(), Account(), Account(), AnyAmount(), random.Next(3) == 0 ? uint.MaxValue : 7)
            {
                Asset = random.Next(2) == 0 ? default : Asset.Parse("EUR/2"),
                Reference = Text(128),
                Metadata = Pairs(),
                Flags = kind switch
                {
                    0 => TransferFlags.PostPending | TransferFlags.KeepRest,
                    1 => TransferFlags.VoidPending,
                    2 => TransferFlags.BalancingDebit | TransferFlags.BalancingCredit | TransferFlags.OpenAccounts,
                    3 => TransferFlags.Pending | TransferFlags.ClosingDebit | TransferFlags.ClosingCredit,
                    _ => TransferFlags.None,
                },
                HoldId = kind < 2 ? Id() : default,
                Timeout = kind == 3 && random.Next(2) == 0
                ? TimeSpan.FromTicks(random.NextInt64() / 10 * 10)
                : TimeSpan.Zero,
                Reverses = kind == 4 && random.Next(2) == 0 ? Id() : default,
                Reason = kind == 4 ? Text(256) : "",
            };
        }

        private Metadata Pairs() =>
            random.Next(2) == 0 ? Metadata.Empty : Metadata.Of(Enumerable.Range(0, random.Next(1, 16))
            .Select(i => new KeyValuePair<string, string>($"k{i}", Text(256))));

        private AccountAddress Account() =>
            AccountAddress.Parse(new string('a', random.Next(1, AccountAddress.LengthMax + 1)));

        private Amount AnyAmount() => new(
            new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) >> random.Next(0, 128));

        private TransferId Id() => new(new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()));
    }
}
