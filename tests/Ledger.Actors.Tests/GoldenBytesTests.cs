using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>
/// Every form that was ever stored, byte for byte, in Golden/*.hex. A file that is here is never changed: what it holds
/// lies in somebody's journal. A new form gets a new file: run with LEDGER_WRITE_GOLDEN=1 to write those that are missing.
/// </summary>
public class GoldenBytesTests
{
    private static readonly AccountAddress Own = AccountAddress.Parse("users:42:wallet");
    private static readonly AccountAddress Other = AccountAddress.Parse("shop:7");
    private static readonly Balances Seen = new(
        Amount.Of(1), Amount.Of(2), Amount.Of(3), new Amount(UInt128.MaxValue), Amount.Of(5), Amount.Of(6));

    private static readonly Dictionary<string, AccountEvent> Events = new(StringComparer.Ordinal)
    {
        ["account-opened"] = new AccountOpened(
            new AccountSpec(Own, Asset.Parse("USD/2"), 7)
            {
                Reference = "customer 42",
                Metadata = Metadata.Of([new("tier", "gold"), new("branch", "12")]),
                DebitsMustNotExceedCredits = Amount.Of(100_00),
            },
            At(1)),
        ["account-opened-plain"] = new AccountOpened(new AccountSpec(Own, Asset.Parse("BTC/8"), 1), At(1)),
        ["account-opened-mirror"] = new AccountOpened(
            new AccountSpec(Own, Asset.Parse("EUR/0"), 1) { CreditsMustNotExceedDebits = Amount.Zero }, At(1)),
        ["transfer-prepared"] = new TransferPrepared(Full(Own, Other), At(2)),
        ["transfer-prepared-plain"] = new TransferPrepared(Plain(Own, Other), At(2)),
        ["anchor-committed"] = new AnchorCommitted(Id(9), 41, At(2), At(3)),
        ["transfer-aborted"] = new TransferAborted(Id(9), TransferStatus.CreditAccountNotFound, null, At(4)),
        ["transfer-aborted-seen"] = new TransferAborted(Id(9), TransferStatus.ExceedsDebits, Seen, At(4)),
        ["transfer-rejected"] = new TransferRejected(Full(Own, Other), TransferStatus.ExceedsCredits, Seen, At(5)),
        ["closer-committed"] = new CloserCommitted(Full(Other, Own), At(6)),
        ["closer-refused"] = new CloserRefused(Plain(Other, Own), TransferStatus.CreditAccountNotFound, null, At(7)),
    };

    public static TheoryData<string> Names => [.. Events.Keys];

    [Fact]
    public void Every_event_has_golden_bytes() => typeof(AccountEvent).Assembly.GetTypes()
        .Where(static type => type.IsSubclassOf(typeof(AccountEvent)))
        .Except(Events.Values.Select(static happened => happened.GetType())).ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_with_one_event_is_stored_and_read_as_ever(string name)
    {
        var batch = new EventBatch(42, 17, Seen) { Events = { Events[name] } };
        var golden = Golden(name, () => JournalCodec.Encode(batch, JournalCodec.GenesisHash("account-users:42:wallet")));

        Convert.ToHexString(JournalCodec.Encode(batch, JournalCodec.GenesisHash("account-users:42:wallet")))
            .ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.Decode(golden, Own, 42, out var previousHash);
        previousHash.ToArray().ShouldBe(JournalCodec.GenesisHash("account-users:42:wallet"));
        read.EntriesBefore.ShouldBe(17ul);
        read.Before.ShouldBe(Seen);
        read.Events.ShouldHaveSingleItem().ShouldBe(Events[name]);
    }

    [Fact]
    public void A_row_with_several_events_keeps_their_order_and_times()
    {
        var batch = new EventBatch(3, 0, default);
        var times = 0;
        foreach (var happened in Events.Values)
        {
            batch.Events.Add(happened with { });
            times++;
        }

        var golden = Golden("row-of-all", () => JournalCodec.Encode(batch, new byte[32]));
        Convert.ToHexString(JournalCodec.Encode(batch, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        JournalCodec.Decode(golden, Own, 3, out _).Events.ShouldBe(batch.Events);
        times.ShouldBe(Events.Count);
    }

    [Fact]
    public void A_snapshot_is_stored_and_read_as_ever()
    {
        var snapshot = new AccountSnapshot(
            99, ((AccountOpened)Events["account-opened"]).Spec, At(1), Seen, 12, At(8), 5, Id(3), true,
            [
                (Id(9), At(5), new RememberedId(77, TransferStatus.Created, At(4), 40, null)),
                (Id(10), At(6), new RememberedId(UInt128.MaxValue, TransferStatus.ExceedsCredits, At(5), 41, Seen)),
            ],
            [new InDoubtTransfer(Full(Own, Other), TransferContent.DigestOf(Full(Own, Other)), 98, 5)],
            1_500, 86_400_000_000);
        var golden = Golden("snapshot", () => JournalCodec.Encode(snapshot, new byte[32]));

        Convert.ToHexString(JournalCodec.Encode(snapshot, new byte[32])).ShouldBe(Convert.ToHexString(golden));
        var read = JournalCodec.DecodeSnapshot(golden, Own, out var hash);
        hash.ShouldBe(new byte[32]);
        Convert.ToHexString(JournalCodec.Encode(read, hash)).ShouldBe(Convert.ToHexString(golden));
        read.InDoubt.ShouldBe(snapshot.InDoubt);
        read.Spec.ShouldBe(snapshot.Spec);
    }

    [Fact]
    public void The_digest_of_a_transfer_is_stored_and_never_changes()
    {
        TransferContent.DigestOf(Full(Own, Other)).ToString("x32", null)
            .ShouldBe(Convert.ToHexStringLower(Golden("digest", () =>
            {
                var bytes = new byte[16];
                System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, TransferContent.DigestOf(Full(Own, Other)));
                return bytes;
            })));
    }

    private static LedgerTime At(long seconds) => new(1_790_000_000_000_000 + (seconds * 1_000_001));

    private static TransferId Id(int number) => new(((UInt128)0x0199_0000_0000_7000 << 64) | (0x8000_0000_0000_0000 + (ulong)number));

    private static Transfer Plain(AccountAddress debit, AccountAddress credit) => new(Id(9), debit, credit, Amount.Of(1250), 1);

    private static Transfer Full(AccountAddress debit, AccountAddress credit) =>
        new(Id(9), debit, credit, new Amount(UInt128.MaxValue), uint.MaxValue)
        {
            Asset = Asset.Parse("USD/2"),
            Reference = "invoice 2026-11",
            Metadata = Metadata.Of([new("b", "2"), new("a", "")]),
        };

    private static byte[] Golden(string name, Func<byte[]> make)
    {
        if (string.Equals(Environment.GetEnvironmentVariable("LEDGER_WRITE_GOLDEN"), "1", StringComparison.Ordinal)
            && Environment.GetEnvironmentVariable("LEDGER_GOLDEN_DIRECTORY") is { } directory)
        {
            var target = Path.Combine(directory, name + ".hex");
            if (!File.Exists(target))
            {
                File.WriteAllText(target, Convert.ToHexStringLower(make()) + "\n");
            }

            return Convert.FromHexString(File.ReadAllText(target).Trim());
        }

        return Convert.FromHexString(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".hex")).Trim());
    }
}
