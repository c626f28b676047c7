using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Ledger.Core;
using Ledger.Tests.World;

namespace Ledger.Core.Tests;

/// <summary>
/// The protocol under random commands, crashes, duplicates, reorderings, second incarnations and forgetful accounts. The
/// oracle checks I1 to I6, I8 and R1 as things happen and when everything has come to rest. FsCheck prints the seed of a
/// failure; <c>Replay</c> takes it.
/// </summary>
public class ProtocolProperties
{
    private static readonly AccountAddress[] Accounts =
        [.. Enumerable.Range(0, 4).Select(static i => AccountAddress.Parse($"a:{i}"))];

    /// <summary>A step of a client.</summary>
    public sealed record Command(int Kind, int Debit, int Credit, int Known, bool TimeOrdered);

    public sealed record Script(int Seed, int Memory, int Faults, IReadOnlyList<Command> Commands)
    {
        public override string ToString() =>
            $"Seed {Seed} Memory {Memory} Faults {Faults}: {string.Join("; ", Commands)}";
    }

    public static class Arbitraries
    {
        public static Arbitrary<Script> Scripts() => Arb.From(
            from seed in Gen.Choose(0, int.MaxValue - 1)
            from memory in Gen.Choose(1, 8)
            from faults in Gen.Choose(0, 511)
            from commands in Gen.ListOf(
                from kind in Gen.Choose(0, 99)
                from debit in Gen.Choose(0, Accounts.Length - 1)
                from credit in Gen.Choose(0, Accounts.Length - 1)
                from known in Gen.Choose(0, 1000)
                from ordered in Gen.Elements(true, false)
                select new Command(kind, debit, credit, known, ordered))
            select new Script(seed, memory, faults, commands.ToArray()),
            Shrink);

        private static IEnumerable<Script> Shrink(Script script)
        {
            for (var i = 0; i < script.Commands.Count; i++)
            {
                yield return script with
                {
                    Commands = [.. script.Commands.Take(i), .. script.Commands.Skip(i + 1)],
                };
            }
        }
    }

    [Property(Arbitrary = [typeof(Arbitraries)], MaxTest = 20000, EndSize = 120)]
    public void Money_is_neither_lost_nor_doubled_nor_invented(Script script) => Run(script);

    [Property(Arbitrary = [typeof(Arbitraries)], MaxTest = 300, EndSize = 60)]
    public void Every_command_repeated_has_no_effect_and_the_same_answer(Script script)
    {
        var (world, transfers) = Run(script);
        var rows = world.RowCount;
        var first = new Dictionary<TransferId, TransferStatus>();
        for (var round = 0; round < 2; round++)
        {
            foreach (var transfer in transfers)
            {
                var call = world.Post(transfer);
                world.Heal();
                var status = call.Status.ShouldNotBeNull();
                if (round == 0)
                {
                    // What never reached an account is decided now, and once.
                    first[transfer.Id] = status == TransferStatus.Created ? TransferStatus.Exists : status;
                    continue;
                }

                status.ShouldBe(first[transfer.Id]);
            }

            if (round == 0)
            {
                rows = world.RowCount;
            }
        }

        world.RowCount.ShouldBe(rows);
        world.Oracle.CheckAtRest();
    }

    private static (World World, IReadOnlyList<Transfer> Transfers) Run(Script script)
    {
        var all = Faults.All;
        var bits = script.Faults;
        var faults = new Faults(
            Pick(0, all.Drop), Pick(1, all.Duplicate), Pick(2, all.Crash), Pick(3, all.Zombie), Pick(4, all.WriteFails),
            Pick(5, all.AckLost), Pick(6, all.LookupFails), Pick(7, all.Sleep), Pick(8, all.ClockBack));
        int Pick(int bit, int permille) => ((bits >> bit) & 1) == 1 ? permille : 0;

        var world = new World(script.Seed, faults, new AccountRuntimeOptions
        {
            RememberedIdsMax = script.Memory,
            BatchEventsMax = 4,
            SnapshotEvery = 3,
        });
        var random = new Random(script.Seed);
        foreach (var i in Enumerable.Range(0, Accounts.Length - 1))
        {
            // The last account is never opened; one has a limit on its debits, one on its credits.
            world.Open(new AccountSpec(Accounts[i], Asset.Parse("USD/2"), 1)
            {
                DebitsMustNotExceedCredits = i == 1 ? new Amount(UInt128.One << 20) : null,
                CreditsMustNotExceedDebits = i == 2 ? new Amount(UInt128.One << 40) : null,
            });
        }

        var transfers = new List<Transfer>();
        foreach (var command in script.Commands)
        {
            Issue(world, command, transfers);
            for (var steps = random.Next(0, 12); steps > 0; steps--)
            {
                world.Step();
            }

            world.Oracle.CheckBooks();
        }

        world.Heal();
        world.Oracle.CheckAtRest();
        return (world, transfers);
    }

    private static void Issue(World world, Command command, List<Transfer> transfers)
    {
        var debit = Accounts[command.Debit];
        var credit = Accounts[command.Credit];
        switch (command.Kind)
        {
            case < 55 when transfers.Count < 110 && debit != credit:
                var number = transfers.Count;
                transfers.Add(new Transfer(
                    Id(number, command.TimeOrdered), debit, credit, new Amount(UInt128.One << number), 1));
                world.Post(transfers[^1]);
                break;
            case < 75 when transfers.Count > 0:
                world.Post(transfers[command.Known % transfers.Count]);
                break;
            case < 85 when transfers.Count > 0 && debit != credit:
                // The same id with other content, or other accounts: never a second effect.
                var known = transfers[command.Known % transfers.Count];
                world.Post(known with { DebitAccount = debit, CreditAccount = credit });
                break;
            case < 95:
                world.Read(debit);
                break;
            case >= 95 when transfers.Count > 0:
                world.Look(debit, transfers[command.Known % transfers.Count].Id);
                break;
            default:
                break;
        }
    }

    private static TransferId Id(int number, bool timeOrdered)
    {
        // Some are ahead of the clock, some behind it.
        var bits = ((UInt128)(ulong)(1000 + (number * 37 % 1009)) << 80) | (ulong)(0x1234 + number);
        return timeOrdered
            ? new TransferId(bits | ((UInt128)7 << 76) | ((UInt128)2 << 62))
            : new TransferId(bits | ((UInt128)4 << 76) | ((UInt128)2 << 62));
    }
}
