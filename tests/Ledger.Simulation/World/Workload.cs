using System.Collections.Immutable;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>What a client asks once, and asks again until it is answered.</summary>
/// <param name="Number">Its number.</param>
/// <param name="At">When it is asked first, in microseconds.</param>
/// <param name="To">The account that it is sent to.</param>
/// <param name="Call">The call, without caller and deadline.</param>
/// <param name="Attempts">How often it is sent at most.</param>
internal sealed record Command(int Number, long At, AccountAddress To, AccountRequest Call, int Attempts);

/// <summary>All that the clients of one history ask for. It does not depend on what becomes of it, so any of it can be
/// left out when a failing history is made smaller.</summary>
internal sealed class Workload
{
    public const long Start = 1_000_000_000_000;

    /// <summary>With payloads: a row takes no further event once it has as many bytes.</summary>
    public const int RowFull = 1_500;

    /// <summary>With payloads: what a transaction may have.</summary>
    public const int TransactionMax = 3_000;

    // More than half of a transaction: two of these are too many, and one is not.
    private const int TextMax = 1_600;

    // Of its own, so that a script is the same but for its texts.
    private readonly Prng? texts;

    private readonly Prng random;
    private readonly bool isSequential;
    private readonly List<AccountAddress> accounts = [];
    private readonly List<Asset> assets = [];
    private readonly List<Command> commands = [];
    private readonly List<Transfer> holds = [];
    private readonly List<Transfer> posted = [];
    private readonly List<(TransferId Id, AccountAddress Coordinator)> asked = [];
    private readonly int[] weights;
    private readonly Prng sizes;
    private readonly int largePermille;
    private readonly int timeOrdered;
    private UInt128 lastLarge;
    private readonly int ahead;
    private Transfer? reversed;
    private int ids;
    private long at = Start;

    private Workload(ulong seed, bool isSequential, bool hasPayload)
    {
        random = new Prng(seed, "script");
        texts = hasPayload ? new Prng(seed, "texts") : null;
        this.isSequential = isSequential;

        // Most histories deal in small amounts; in some, the largest that there are come between, or are all there is.
        sizes = new Prng(seed, "sizes");
        largePermille = sizes.Of(0, 0, 0, 300, 900);
        HoldsMax = sizes.Of(100_000, 100_000, 1, 3);
        HoldsPerCounterpartyMax = sizes.Of(1000, 1000, 1, 2);
        timeOrdered = random.Of(0, 500, 1000, 1000);

        // Milliseconds before and behind their time. What is refused for its time is none of the simple ledger's
        // business.
        ahead = random.Of(0, 0, 100, 3000, 5000, 60_000, 3_000_000, isSequential ? 3_000_000 : 7_500_000);
        weights = new int[14];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = random.Of(0, 1, 3, 8);
        }

        weights[0] += 1;
        weights[8] = weights[8] > 1 ? weights[8] / 2 : weights[8];
    }

    public IReadOnlyList<AccountAddress> Accounts => accounts;

    /// <summary>How many holds an account may have.</summary>
    public int HoldsMax { get; }

    /// <summary>How many of them may be with one other account.</summary>
    public int HoldsPerCounterpartyMax { get; }

    public IReadOnlyList<Command> Commands => commands;

    public static Workload Make(ulong seed, bool isSequential, bool hasPayload)
    {
        var script = new Workload(seed, isSequential, hasPayload);
        script.MakeAll();
        return script;
    }

    private void MakeAll()
    {
        var assetCount = random.Of(1, 1, 1, 2, 3);
        var accountCount = Math.Max(assetCount * 2, random.Of(2, 2, 3, 3, 4, 4, 5, 6, 8, 12, 20));
        for (var i = 0; i < assetCount; i++)
        {
            assets.Add(Asset.Parse(i == 0 ? "USD/2" : i == 1 ? "EUR/2" : "JPY/0"));
        }

        for (var i = 0; i < accountCount; i++)
        {
            accounts.Add(AccountAddress.Parse($"a:{i}"));
        }

        // The first accounts, one of each asset, are where money comes from: they have no limits.
        for (var i = 0; i < accountCount; i++)
        {
            if (i < assetCount || !random.Chance(100))
            {
                Add(accounts[i], new OpenAccountRequest(SpecOf(i), default, default));
            }
        }

        for (var i = assetCount; i < accountCount; i++)
        {
            if (random.Chance(800))
            {
                Add(Plain(accounts[i % assetCount], accounts[i], OrLarge(Amount.Of((ulong)random.Between(20, 300)))));
            }
        }

        var count = random.Of(4, 8, 16, 30, 50);
        for (var i = 0; i < count; i++)
        {
            at += random.Chance(60) ? random.Spread(19, 22) : random.Chance(300) ? 0 : random.Spread(6, 17);
            One();
        }

        // Last, so that all before it is as it is without.
        for (var mended = sizes.Of(0, 0, 0, 1, 3); mended > 0; mended--)
        {
            AddMended();
        }

        for (var crossed = sizes.Of(0, 0, 1, 2, 5); crossed > 0; crossed--)
        {
            AddCrossed();
        }
    }

    private AccountSpec SpecOf(int index)
    {
        // A function of the index, so that two who open an account do it alike; sometimes they don't.
        var spec = new AccountSpec(accounts[index], AssetOf(index), 1);
        if (index < assets.Count)
        {
            return spec;
        }

        return (index * 7 % 10) switch
        {
            < 6 when largePermille > 0 && index % 3 == 0 => spec with
            {
                DebitsMustNotExceedCredits = new Amount(UInt128.MaxValue - (UInt128)(uint)(index * 5 % 4 * 20)),
            },
            < 6 => spec with { DebitsMustNotExceedCredits = Amount.Of((ulong)(index * 5 % 4 * 20)) },
            6 when largePermille > 0 => spec with { CreditsMustNotExceedDebits = new Amount(UInt128.MaxValue / 2) },
            6 => spec with { CreditsMustNotExceedDebits = Amount.Of(200) },
            _ => spec,
        };
    }

    private Asset AssetOf(int index) => assets[index % assets.Count];

    private AccountAddress Another(AccountAddress account)
    {
        // Mostly of the same asset.
        for (var i = 0; ; i++)
        {
            var other = random.Next(accounts.Count);
            if (accounts[other] != account && (i > 20 || random.Chance(30)
                || AssetOf(other) == AssetOf(accounts.IndexOf(account))))
            {
                return accounts[other];
            }
        }
    }

    private AccountAddress Any() => accounts[random.Next(accounts.Count)];

    private Amount Some() => OrLarge(Amount.Of((ulong)(random.Next(12) switch
    {
        0 => 0,
        1 => random.Between(200, 2000),
        < 6 => random.Between(1, 10),
        _ => random.Between(1, 100),
    })));

    // What the counters can hardly hold, or hold just so together with what came before.
    private Amount OrLarge(Amount small)
    {
        if (!sizes.Chance(largePermille))
        {
            return small;
        }

        UInt128 near = (ulong)sizes.Next(3);
        var large = sizes.Next(8) switch
        {
            0 or 1 => UInt128.MaxValue - near,
            2 => (UInt128.MaxValue / 2) + near,
            3 => (UInt128.MaxValue / 2) - near,
            4 => UInt128.MaxValue / (ulong)sizes.Between(3, 7),
            5 => UInt128.MaxValue - lastLarge,
            6 => lastLarge,
            _ => new UInt128(sizes.NextBits(), sizes.NextBits()) >> sizes.Next(127),
        };
        lastLarge = large;
        return new Amount(large);
    }

    private TransferId NextId()
    {
        ids++;
        var milliseconds = (at / 1000) + (ahead == 0 ? 0 : random.Between(-ahead, ahead));
        var bits = ((UInt128)(ulong)milliseconds << 80) | ((UInt128)2 << 62) | (ulong)(0x1000 + ids);
        return new TransferId(random.Chance(timeOrdered) ? bits | ((UInt128)7 << 76) : bits | ((UInt128)4 << 76));
    }

    private Transfer Plain(AccountAddress debit, AccountAddress credit, Amount amount) =>
        new(NextId(), debit, credit, amount, (uint)random.Between(1, 2))
        {
            // In a transaction the asset must be named, alone it may be.
            Asset = AssetOf(accounts.IndexOf(debit)),
            Reference = Text(),
            EffectiveTime = WhenItCounts(),
        };

    private string Text() => texts is null ? "" : texts.Of(0, 0, 1, 2, 3) switch
    {
        0 => "",
        1 => new string('t', texts.Between(1, 100)),
        2 => new string('t', texts.Between(100, 700)),
        _ => new string('t', texts.Between(700, TextMax)),
    };

    // Before, after, at the epoch and at the edges: to the protocol it is content like any other.
    private LedgerTime? WhenItCounts() => random.Chance(800) ? null : random.Next(4) switch
    {
        0 => new LedgerTime(0),
        1 => LedgerLimits.EffectiveTimeMin,
        2 => LedgerLimits.EffectiveTimeMax,
        _ => new LedgerTime(at - random.Spread(10, 40)),
    };

    private Transfer Movement(int kind)
    {
        var debit = Any();
        var transfer = Plain(debit, Another(debit), Some());
        if (random.Chance(20))
        {
            transfer = transfer with { Asset = assets[random.Next(assets.Count)] };
        }

        switch (kind)
        {
            case 1:
                transfer = transfer with
                {
                    Flags = TransferFlags.Pending,
                    Timeout = random.Chance(400) ? TimeSpan.Zero
                        : TimeSpan.FromMicroseconds(
                            random.Chance(500) ? random.Spread(15, 22) : 3_600_000_000L * random.Between(1, 9)),
                };
                if (random.Chance(weights[6] * 30))
                {
                    transfer = transfer with
                    {
                        Flags = transfer.Flags | random.Of(TransferFlags.ClosingDebit, TransferFlags.ClosingCredit),
                        Amount = random.Chance(700) ? Amount.Zero : transfer.Amount,
                    };
                }

                if (random.Chance(100))
                {
                    transfer =
                        transfer with
                        {
                            Flags = transfer.Flags | random.Of(
                                TransferFlags.BalancingDebit, TransferFlags.BalancingCredit)
                        };
                }

                break;
            case 5:
                transfer = transfer with
                {
                    Flags = random.Of(
                        TransferFlags.BalancingDebit, TransferFlags.BalancingCredit,
                        TransferFlags.BalancingDebit | TransferFlags.BalancingCredit),
                    Amount = random.Chance(300) ? Amount.MaxValue : OrLarge(Amount.Of((ulong)random.Between(1, 400))),
                };
                break;
            default:
                break;
        }

        return transfer;
    }

    private Transfer Resolution(Transfer hold, bool mustNameAll)
    {
        var part = Amount.Of((ulong)random.Between(1, 40));
        if (sizes.Chance(largePermille))
        {
            part = hold.Amount.IsZero || sizes.Chance(100) ? OrLarge(part)
                : new Amount(sizes.Chance(500) ? hold.Amount.Value - 1 : (hold.Amount.Value / 2) + 1);
        }

        var (flags, amount) = random.Next(8) switch
        {
            0 => (TransferFlags.PostPending, Amount.MaxValue),
            1 => (TransferFlags.PostPending, hold.Amount),
            2 => (TransferFlags.PostPending, part),
            3 or 4 => (TransferFlags.PostPending | TransferFlags.KeepRest, part),
            5 => (TransferFlags.VoidPending, hold.Amount),
            _ => (TransferFlags.VoidPending, Amount.Zero),
        };
        var resolution = new Transfer(NextId(), hold.DebitAccount, hold.CreditAccount, amount, hold.Code)
        {
            Asset = hold.Asset, Flags = flags, HoldId = hold.Id, EffectiveTime = WhenItCounts(),
            Reference = texts is not null && texts.Chance(100) ? Text() : "",
        };
        if (!mustNameAll && random.Chance(300))
        {
            resolution = resolution with { DebitAccount = default, CreditAccount = default, Asset = default, Code = 0 };
        }
        else if (random.Chance(30))
        {
            resolution = resolution with { CreditAccount = Another(hold.DebitAccount) };
        }

        return resolution;
    }

    private Transfer Reversal(Transfer original) =>
        new(NextId(), original.CreditAccount, original.DebitAccount,
            random.Chance(450) ? original.Amount
                : random.Chance(700) && original.Amount != Amount.MaxValue ? PartOf(original.Amount)
                : Amount.Of((ulong)random.Between(1, 60)), original.Code)
        {
            Asset = original.Asset, Reverses = original.Id, Reason = "mistake", EffectiveTime = WhenItCounts(),
        };

    private static Amount PartOf(Amount whole) => new((whole.Value / 100 * 45) + (whole.Value % 100 * 45 / 100));

    private void One()
    {
        var total = 0;
        foreach (var weight in weights)
        {
            total += weight;
        }

        var roll = random.Next(total);
        var kind = 0;
        while (roll >= weights[kind])
        {
            roll -= weights[kind++];
        }

        switch (kind)
        {
            case 1 or 5:
                Add(Movement(kind));
                break;
            case 2 when holds.Count > 0:
                var hold = OfLast(holds);
                Add(hold.DebitAccount, new PostTransferRequest(Resolution(hold, false), default, default));
                break;
            case 3 or 4:
                AddTransaction();
                break;
            case 6:
                var changed = random.Next(accounts.Count);
                Add(accounts[changed], new ChangeAccountRequest(ChangeOf(changed), default, default));
                break;
            case 7 when posted.Count > 0:
                reversed = reversed is null || random.Chance(500) ? OfLast(posted) : reversed;
                Add(Reversal(reversed));
                break;
            case 8 when holds.Count > 0:
                var extended = OfLast(holds);
                Add(extended.DebitAccount, new ExtendHoldRequest(
                    extended.Id, new LedgerTime(at + random.Spread(16, 24)), default, default));
                break;
            case 9:
                Add(Any(), new GetAccountRequest(default, default));
                break;
            case 10 when asked.Count > 0:
                Look();
                break;
            case 11 when commands.Count > 0:
                Again();
                break;
            case 12:
                var opened = random.Next(accounts.Count);
                var spec = SpecOf(opened);
                Add(accounts[opened],
                    new OpenAccountRequest(random.Chance(100) ? spec with { Code = 2 } : spec, default, default));
                break;
            default:
                Add(Movement(0));
                break;
        }
    }

    private T OfLast<T>(List<T> list) =>
        list[Math.Max(0, list.Count - 1 - random.Next(random.Chance(700) ? 3 : list.Count))];

    private AccountChange ChangeOf(int account) => random.Next(8) switch
    {
        0 => new FreezeAccount(new AccountFreeze(true, random.Chance(500), "court", null)),
        1 => new FreezeAccount(new AccountFreeze(
            random.Chance(500), true, "check", isSequential ? null : new LedgerTime(at + random.Spread(16, 22)))),
        2 or 3 => new UnfreezeAccount("done"),
        4 => new CloseAccount("gone"),
        5 => new ReopenAccount("back"),
        _ when account < assets.Count => new UnfreezeAccount("done"),
        6 => new SetAccountLimits(Amount.Of((ulong)random.Between(0, 100)), null),
        _ => new SetAccountLimits(null, null),
    };

    private void Look()
    {
        var (id, coordinator) = OfLast(asked);
        switch (random.Next(3))
        {
            case 0:
                Add(coordinator, new GetTransactionRequest(id, default, default));
                break;
            case 1:
                Add(coordinator, new GetTransferRequest(id, default, default));
                break;
            default:
                var transfer = holds.Count > 0 && random.Chance(500)
                    ? OfLast(holds)
                    : posted.Count > 0 ? OfLast(posted) : null;
                if (transfer is not null)
                {
                    Add(random.Chance(500)
                        ? transfer.DebitAccount
                        : transfer.CreditAccount, new GetTransferRequest(transfer.Id, default, default));
                }

                break;
        }
    }

    // The same again; or, under the same id, something else.
    private void Again()
    {
        if (sizes.Chance(250) && AddLegAlone())
        {
            return;
        }

        var before = commands[Math.Max(0, commands.Count - 1 - random.Next(Math.Min(commands.Count, 12)))];
        var call = before.Call;
        var to = before.To;
        if (random.Chance(400))
        {
            switch (call)
            {
                case PostTransferRequest post when random.Chance(500) || isSequential || post.Transfer.ResolvesHold:
                    call = post with
                    {
                        Transfer = random.Next(4) switch
                        {
                            0 => post.Transfer with { Amount = Some() },
                            3 => post.Transfer with { EffectiveTime = new LedgerTime(3) },
                            1 => post.Transfer with { Reference = "else" },
                            _ => post.Transfer with { Code = 3 },
                        },
                    };
                    break;
                case PostTransferRequest post:
                    var debit = Any();
                    var moved = post.Transfer with { DebitAccount = debit, CreditAccount = Another(debit) };
                    call = post with { Transfer = moved };
                    to = debit;
                    break;
                case PostTransactionRequest post when post.Transaction.Legs.Length > 1 && !isSequential
                    && random.Chance(400):
                    // Backwards, and so with another coordinator.
                    ImmutableArray<TransactionLeg> backwards = [.. post.Transaction.Legs.Reverse()];
                    to = CoordinatorOf(backwards);
                    call = post with { Transaction = post.Transaction with { Legs = backwards } };
                    break;
                case PostTransactionRequest post when post.Transaction.Legs.Length > 1:
                    var legs = post.Transaction.Legs.RemoveAt(random.Next(post.Transaction.Legs.Length));
                    if (CoordinatorOf(legs) == to)
                    {
                        call = post with { Transaction = post.Transaction with { Legs = legs } };
                    }

                    break;
                default:
                    break;
            }
        }

        Add(to, call);
    }

    // What is refused for a fault of its own leaves its id free: it is fixed, done, and asked for once more.
    private void AddMended()
    {
        var transfer = Movement(0);
        var to = transfer.DebitAccount;
        Remember([transfer]);
        transfer = transfer with { Asset = default };
        asked.Add((transfer.Id, to));
        Add(to, new PostTransferRequest(transfer with { Asset = Asset.Parse("XXX/3") }, default, default));
        for (var tries = sizes.Between(1, 2); tries >= 0; tries--)
        {
            at += sizes.Spread(10, 21);
            Add(to, new PostTransferRequest(transfer, default, default));
            for (var others = sizes.Between(0, 3); others > 0; others--)
            {
                at += sizes.Spread(8, 18);
                Add(Plain(to, Another(to), Some()));
            }
        }
    }

    // Transactions, and their legs by themselves at nearly the same time.
    private void AddCrossed()
    {
        AddTransaction();
        AddTransaction();
        for (var alone = sizes.Between(1, 4); alone > 0; alone--)
        {
            at += sizes.Chance(500) ? 0 : sizes.Spread(6, 14);
            AddLegAlone();
        }
    }

    // One leg of a transaction, committed or not, is sent by itself: alone, or as another transaction.
    private bool AddLegAlone()
    {
        var wholes = commands.Select(static one => one.Call).OfType<PostTransactionRequest>()
            .Where(static one => one.Transaction.Legs.Length > 1).ToArray();
        if (wholes.Length == 0)
        {
            return false;
        }

        var legs = wholes[^(1 + sizes.Next(Math.Min(wholes.Length, 3)))].Transaction.Legs;
        if (legs[sizes.Next(legs.Length)].Transfer is not { } leg)
        {
            return false;
        }

        if (sizes.Chance(600))
        {
            Add(leg.DebitAccount, new PostTransferRequest(leg, default, default));
        }
        else
        {
            Add(leg.DebitAccount,
                new PostTransactionRequest(Transaction.Of(Transaction.LegId(leg.Id, 77), leg), default, default));
        }

        return true;
    }

    private void AddTransaction()
    {
        if (random.Chance(weights[12] * 30))
        {
            AddWithOpenings();
            return;
        }

        if (random.Chance(80) && accounts.Count > assets.Count)
        {
            AddIncome();
            return;
        }

        var count = random.Of(1, 2, 2, 2, 3, 3, 4, 5, 8);
        var legs = ImmutableArray.CreateBuilder<TransactionLeg>();
        var mine = new List<Transfer>();
        var involved = new List<AccountAddress>();
        var id = NextId();
        var opens = random.Chance(weights[12] * 30);
        var chain = random.Chance(400);
        AccountAddress last = default;
        for (var i = 0; legs.Count < count && i < 30; i++)
        {
            if (opens && random.Chance(300))
            {
                var opened = random.Next(accounts.Count);
                legs.Add(TransactionLeg.Open(SpecOf(opened), ifMissing: random.Chance(700)));
                continue;
            }

            Transfer leg;
            var local = mine.Where(static one => one.Kind == TransferKind.Hold).ToArray();
            switch (random.Next(10))
            {
                case 0 when local.Length > 0:
                    leg = Resolution(local[random.Next(local.Length)], true);
                    break;
                case < 3 when holds.Count > 0:
                    leg = Resolution(OfLast(holds), true);
                    break;
                case 3:
                    leg = Movement(1);
                    break;
                case 4 when weights[5] > 0:
                    leg = Movement(5);
                    break;
                case 5 when posted.Count > 0:
                    leg = Reversal(OfLast(posted));
                    break;
                default:
                    leg = Movement(0);
                    if (chain && !last.IsNone)
                    {
                        leg = Plain(last, Another(last), leg.Amount);
                    }

                    break;
            }

            // At most six accounts.
            var more = new[] { leg.DebitAccount, leg.CreditAccount }.Where(account => !involved.Contains(account))
                .ToArray();
            if (leg.DebitAccount == leg.CreditAccount || involved.Count + more.Length > 6)
            {
                continue;
            }

            involved.AddRange(more);
            leg = leg with { Id = random.Chance(600) ? Transaction.LegId(id, legs.Count) : leg.Id };
            mine.Add(leg);
            last = leg.CreditAccount;
            legs.Add(TransactionLeg.Of(leg));
        }

        if (legs.Count > 0)
        {
            FillUp(legs, id);
            Remember(mine);
            asked.Add((id, CoordinatorOf(legs.ToImmutable())));
            Add(CoordinatorOf(legs.ToImmutable()),
                new PostTransactionRequest(new Transaction(id, legs.ToImmutable()), default, default)
            {
                IsDryRun = random.Chance(20),
            });
        }
    }

    // Some are so near to what a transaction may have that it depends on what their legs come to.
    private void FillUp(ImmutableArray<TransactionLeg>.Builder legs, TransferId id)
    {
        if (texts is null || !texts.Chance(150))
        {
            return;
        }

        var place = texts.Next(legs.Count);
        var size = EncodedSize.OfTransaction(new Transaction(id, legs.ToImmutable()));
        var room = TransactionMax + texts.Between(-20, 250) - size;
        if (room > 0 && legs[place].Transfer is { } transfer)
        {
            legs[place] = TransactionLeg
                .Of(transfer with { Reference = transfer.Reference + new string('f', (int)room) });
        }
    }

    // Money that comes to the coordinator itself, and is spent as soon as its client may know of it.
    private void AddIncome()
    {
        var poor = random.Between(assets.Count, accounts.Count - 1);
        var rich = accounts[poor % assets.Count];
        var id = NextId();
        Add(accounts[poor], new PostTransactionRequest(new Transaction(id,
        [
            TransactionLeg.Of(Plain(accounts[poor], rich, Amount.Of((ulong)random.Next(2)))),
            TransactionLeg.Of(Plain(rich, accounts[poor], OrLarge(Amount.Of((ulong)random.Between(100, 500))))),
        ]), default, default));
        for (var spends = random.Between(1, 3); spends > 0; spends--)
        {
            at += random.Spread(10, 21);
            Add(Plain(accounts[poor], rich, OrLarge(Amount.Of((ulong)random.Between(50, 400)))));
        }
    }

    // A transfer that opens its accounts: the transaction has the transfer's id.
    private void AddWithOpenings()
    {
        var transfer = Movement(random.Of(0, 1, 1));
        Remember([transfer]);
        asked.Add((transfer.Id, transfer.DebitAccount));
        Add(transfer.DebitAccount, new PostTransactionRequest(
            new Transaction(transfer.Id,
            [
                TransactionLeg.Open(SpecOf(accounts.IndexOf(transfer.DebitAccount)), ifMissing: true),
                TransactionLeg.Open(SpecOf(accounts.IndexOf(transfer.CreditAccount)), ifMissing: true),
                TransactionLeg.Of(transfer),
            ]), default, default));
    }

    private static AccountAddress CoordinatorOf(ImmutableArray<TransactionLeg> legs)
    {
        foreach (var leg in legs)
        {
            if (leg.Transfer is { } transfer)
            {
                return transfer.DebitAccount;
            }
        }

        return legs[0].Opening!.Address;
    }

    private void Remember(List<Transfer> made)
    {
        foreach (var transfer in made)
        {
            if (transfer.Kind == TransferKind.Hold)
            {
                holds.Add(transfer);
            }
            else if (random.Chance(800) || !transfer.ResolvesHold)
            {
                posted.Add(transfer);
            }
        }
    }

    private void Add(Transfer transfer)
    {
        Remember([transfer]);
        asked.Add((transfer.Id, transfer.DebitAccount));

        // Alone, a transfer need not name its asset.
        Add(transfer.DebitAccount, new PostTransferRequest(
            random.Chance(500) ? transfer with { Asset = default } : transfer, default, default));
    }

    // Who asks again is mostly somebody else: that makes it no other request.
    private void Add(AccountAddress to, AccountRequest call)
    {
        call = call switch
        {
            PostTransferRequest post => post with { ReturnBalances = random.Chance(300) },
            PostTransactionRequest post => post with { ReturnBalances = random.Chance(300) },
            _ => call,
        };
        if (call is PostTransferRequest or PostTransactionRequest or OpenAccountRequest or ChangeAccountRequest
            or ExtendHoldRequest)
        {
            call = call with { Principal = random.Of("", "alice", "bob", "service:payments") };
        }

        commands.Add(new Command(commands.Count, at, to, call, random.Of(1, 3, 10, 30)));
    }
}
