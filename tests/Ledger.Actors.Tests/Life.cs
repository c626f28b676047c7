namespace Ledger.Actors.Tests;

/// <summary>A ledger's life in small: transfers of every kind, alone and in transactions, on accounts that are opened,
/// changed and limited.</summary>
internal sealed class Life(ILedger ledger, Random random)
{
    private static readonly Asset s_usd = Asset.Parse("USD/2");

    private readonly List<Transfer> holds = [];
    private readonly List<Transfer> posted = [];

    public IReadOnlyList<AccountAddress> Accounts { get; init; } =
        [.. Enumerable.Range(0, 7).Select(static i => AccountAddress.Parse($"idx:{i}"))];

    /// <summary>Whether holds expire while it goes on; else they are long.</summary>
    public bool Expires { get; init; }

    /// <summary>What was answered as created.</summary>
    public List<TransferId> Created { get; } = [];

    /// <summary>What was answered as rejected, and journaled under its id.</summary>
    public List<TransferId> Rejected { get; } = [];

    /// <summary>The newest row that was told of.</summary>
    public RowPosition Last { get; private set; }

    public static Metadata Colour(string colour) => Metadata.Of([new("colour", colour)]);

    public async Task OpenAsync() => await ledger.OpenAccountsAsync(
    [
        .. Accounts.Select((account, i) => new AccountSpec(account, s_usd, (uint)(i + 1))
        {
            DebitsMustNotExceedCredits = i == 5 ? Amount.Of(60) : null,
            Metadata = i % 2 == 0 ? Colour("blue") : Metadata.Empty,
        }),
    ]);

    public Transfer Transfer(AccountAddress debit, AccountAddress credit, ulong amount) =>
        new(NewId(), debit, credit, Amount.Of(amount), (uint)random.Next(1, 6))
        {
            Asset = random.Next(2) == 0 ? s_usd : default,
            Reference = random.Next(3) == 0 ? $"ref {random.Next(4)}" : "",
            Metadata = random.Next(3) == 0
                ? Metadata.Of([new("colour", random.Next(2) == 0 ? "red" : "green"), new("size", $"{random.Next(3)}")])
                : Metadata.Empty,
        };

    public async Task LiveAsync(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            await StepAsync(random.Next(3) == 0 ? ledger.WithCaller(random.Next(2) == 0 ? "ada" : "bob") : ledger);
        }
    }

    private async Task StepAsync(ILedger caller)
    {
        var (debit, credit) = Pick();
        var transfer = Transfer(debit, credit, (ulong)random.Next(1, 60));
        switch (random.Next(12))
        {
            case 0 or 1:
                var hold = transfer with
                {
                    Flags = TransferFlags.Pending, Timeout = random.Next(3) == 0
                        ? Expires ? TimeSpan.FromMilliseconds(random.Next(1, 300)) : TimeSpan.FromHours(1)
                        : TimeSpan.Zero,
                };
                if (await PostAsync(caller, hold))
                {
                    holds.Add(hold);
                }

                break;
            case 2 or 3 when holds.Count > 0:
                await PostAsync(caller, ResolutionOf(holds[random.Next(holds.Count)]));
                break;
            case 4 when holds.Count > 0:
                var extended = holds[random.Next(holds.Count)];
                Note((await caller.ExtendHoldAsync(
                    new ExtendHold(extended.Id, LedgerTime.From(DateTimeOffset.UtcNow.AddHours(random.Next(1, 100))))
                    {
                        Account = extended.DebitAccount,
                    })).Position);
                break;
            case 5 or 6:
                var (second, third) = Pick();
                var (fourth, fifth) = Pick();
                var legs = new List<Transfer> { transfer, Transfer(second, third, 1), Transfer(fourth, fifth, 2) };
                if (random.Next(2) == 0)
                {
                    legs[1] = legs[1] with { Flags = TransferFlags.Pending };
                    if (random.Next(2) == 0)
                    {
                        legs.Add(ResolutionOf(legs[1]) with { DebitAccount = second, CreditAccount = third });
                    }
                }

                var result = await caller.PostTransactionAsync(Transaction.Of(NewId(), legs));
                Note(result.Position);
                (result.Status == TransferStatus.Created ? Created : []).AddRange(legs.Select(static leg => leg.Id));
                break;
            case 7 when posted.Count > 0:
                var earlier = posted[random.Next(posted.Count)];
                var correction = NewId();
                var reversed = await caller.ReverseTransactionAsync(
                    new Reversal(correction, earlier.DebitAccount, earlier.Id, "mistake") { Amount = Amount.Of(1) });
                Note(reversed.Position);
                break;
            case 8:
                await PostAsync(
                    caller,
                    transfer with { DebitAccount = Accounts[5 % Accounts.Count], CreditAccount = Accounts[0],
                        Amount = Amount.Of(900) });
                break;
            case 9:
                await PostAsync(caller, transfer with
                {
                    CreditAccount = AccountAddress.Parse($"idx:new:{random.Next(1_000_000)}"), Asset = s_usd,
                    Flags = random.Next(2) == 0 ? TransferFlags.OpenAccounts : TransferFlags.None,
                });
                break;
            case 10:
                var frozen = Accounts[6 % Accounts.Count];
                Note((await caller.ChangeAccountAsync(
                    frozen,
                    random.Next(2) == 0
                    ? new FreezeAccount(new AccountFreeze(false, true, "held", null))
                    : new UnfreezeAccount("")))
                    .Position);
                break;
            default:
                if (await PostAsync(caller, transfer))
                {
                    posted.Add(transfer);
                }

                break;
        }
    }

    private Transfer ResolutionOf(Transfer hold) => random.Next(3) switch
    {
        0 =>
            new Transfer(NewId(), default, default, Amount.Zero, 0) { HoldId = hold.Id,
                Flags = TransferFlags.VoidPending },
        1 => new Transfer(NewId(), default, default, Amount.Of(1), 0)
        {
            HoldId = hold.Id, Flags = TransferFlags.PostPending | TransferFlags.KeepRest,
        },
        _ => new Transfer(NewId(), default, default, Amount.MaxValue, 0)
        {
            HoldId = hold.Id, Flags = TransferFlags.PostPending, Reference = "own",
        },
    };

    private async Task<bool> PostAsync(ILedger caller, Transfer transfer)
    {
        var result = await caller.PostTransferAsync(transfer);
        Note(result.Position);
        if (result.IsCommitted)
        {
            Created.Add(transfer.Id);
        }
        else if (!result.Position.IsNone)
        {
            Rejected.Add(transfer.Id);
        }

        return result.IsCommitted;
    }

    private void Note(RowPosition position) => Last = position.IsNone ? Last : position;

    private (AccountAddress Debit, AccountAddress Credit) Pick()
    {
        var debit = random.Next(Accounts.Count);
        return (Accounts[debit], Accounts[(debit + random.Next(1, Accounts.Count)) % Accounts.Count]);
    }

    private static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());
}
