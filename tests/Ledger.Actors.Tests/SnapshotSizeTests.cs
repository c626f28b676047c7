using System.ComponentModel.DataAnnotations;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Sqlite;

namespace Ledger.Actors.Tests;

/// <summary>Goal: whatever strangers put on an account, its snapshot stays small (S9, R17). Method: an account on which
/// a stranger makes holds with everything at its longest, and the snapshot of it as it is stored.</summary>
public sealed class SnapshotSizeTests : IAccountHost
{
    private const int Holds = 1_000;
    private const int HoldBytesMax = 256;

    private static readonly AccountAddress Victim = AccountAddress.Parse("victim:" + new string('v', 121));
    private static readonly AccountAddress Stranger = AccountAddress.Parse("stranger:" + new string('s', 119));

    private readonly List<EventBatch> rows = [];
    private AccountMachine runtime = null!;
    private EventBatch? writing;

    [Fact]
    public void A_hold_takes_256_bytes_of_a_snapshot_at_most_and_comes_back_as_it_was()
    {
        Start();
        var before = Encode(out _).Length;
        for (var i = 0; i < Holds; i++)
        {
            Make(new Transfer(Id(i), Stranger, Victim, Amount.Of(1_000_000 + (ulong)i), 7)
            {
                Asset = Asset.Parse("USD/2"),
                Flags = TransferFlags.Pending,
                Reference = new string('r', LedgerLimits.ReferenceLengthMax),
                Metadata = Metadata.Of(Enumerable.Range(0, 15).Select(static n =>
                    new KeyValuePair<string, string>($"k{n:00}", new string('x', 250)))),
                Timeout = TimeSpan.FromDays(7),
            });
        }

        var bytes = Encode(out var snapshot);
        snapshot.Holds.Count.ShouldBe(Holds);
        snapshot.Holds.ShouldAllBe(
            hold => hold.HasReference && hold.HasMetadata && hold.TextRow > 1 && hold.Transfer.Reference == "");

        // Of each id that is remembered it holds some 40 bytes besides.
        ((bytes.Length - before) / Holds).ShouldBeLessThanOrEqualTo(HoldBytesMax + 40);
        var read = JournalCodec.DecodeSnapshot(JournalCodec.ReadSnapshot(bytes, isPacked: true), Victim, out _);
        read.Holds.ShouldBe(snapshot.Holds);

        HoldBytesMax.ShouldBe(LedgerSizes.HoldInSnapshot);
    }

    [Theory]
    [InlineData(100_000, 4_096, true)]
    [InlineData(113_000, 4_096, true)]
    [InlineData(125_000, 4_096, false)]
    [InlineData(10_000_000, 4_096, false)]
    [InlineData(1_000, 400_000, true)]
    [InlineData(1_000, 1_000_000, false)]
    public void Settings_that_allow_more_than_a_snapshot_may_have_are_refused(int holds, int ids, bool isAllowed)
    {
        var options = new LedgerOptions
        {
            Storage = new SqliteStorage(Path.Combine(Path.GetTempPath(), "never-opened.db")),
            AccountHoldsMax = holds, IdempotencyWindowMax = ids,
        };
        if (isAllowed)
        {
            options.Validate();
            LedgerSizes.SnapshotOf(holds, ids).ShouldBeLessThanOrEqualTo(LedgerSizes.SnapshotMax);
        }
        else
        {
            Should.Throw<ValidationException>(options.Validate).Message.ShouldContain("AccountHoldsMax");
        }
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer)
    {
    }

    void IAccountHost.Send(AccountAddress account, AccountMessage message)
    {
    }

    void IAccountHost.Write(EventBatch batch) => writing = batch;

    void IAccountHost.Lookup(IdLookup lookup) => runtime.LookupCompleted(lookup, null, Now);

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    private static LedgerTime Now => new(1_790_000_000_000_000);

    private static TransferId Id(int number) =>
        new(((UInt128)(ulong)(Now.UnixMicroseconds / 1_000) << 80) | ((UInt128)7 << 76) | ((UInt128)2 << 62)
            | (uint)number);

    private void Start()
    {
        runtime = new AccountMachine(Victim, new AccountMachineOptions(), this);
        runtime.RecoveryCompleted(Now);
        runtime.Handle(
            new OpenAccountRequest(
                new AccountSpec(Victim, Asset.Parse("USD/2"), 1), new ReplyTarget(null, 0),
                Now.Add(TimeSpan.FromSeconds(9))), Now);
        Write();
    }

    private void Make(Transfer hold)
    {
        runtime.Handle(
            new CommitRequest(
                new TransactionBranch
                {
                    Id = hold.Id,
                    Coordinator = Stranger, CoordinatorAsset = hold.Asset, LegCount = 1,
                    Asked = TransferContent.DigestOf(hold),
                    Legs = [new ResolvedLeg(0, hold, null) { Amount = hold.Amount, Deadline = Now.Add(hold.Timeout) }],
                },
                Cancel: false),
            Now);
        Write();
    }

    private byte[] Encode(out AccountSnapshot snapshot)
    {
        snapshot = AccountSnapshot.Of(runtime.State, rows[^1].SequenceNr);
        return JournalCodec.Encode(snapshot, JournalCodec.GenesisHash(AccountActor.PersistenceIdOf(Victim)));
    }

    private void Write()
    {
        while (writing is { } row)
        {
            writing = null;
            rows.Add(row);
            runtime.WriteSucceeded(Now);
        }
    }
}
