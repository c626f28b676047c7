using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Ledger.Conformance.Running;

/// <summary>A new ledger with nothing in it, as the testing kit starts one, that gives accounts the counters which a
/// table wants: by transfers and holds from and to accounts of its own.</summary>
internal sealed class FundedLedger : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    private readonly Testing.TestLedger ledger;
    private int funds;

    private FundedLedger(Testing.TestLedger ledger, VirtualClock clock) => (this.ledger, Clock) = (ledger, clock);

    public VirtualClock Clock { get; }

    public ILedger Ledger => ledger.Ledger;

    public static async Task<FundedLedger> StartAsync(CancellationToken cancellationToken)
    {
        var clock = new VirtualClock();
        return new FundedLedger(
            await Testing.TestLedger.StartAsync(
                options => options.TimeProvider = clock,
                static builder => builder.Logging.SetMinimumLevel(LogLevel.Error)
                    .AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace),
                cancellationToken),
            clock);
    }

    /// <summary>Gives an account that has nothing yet its counters.</summary>
    /// <exception cref="InvalidOperationException">It has something already, or its limits allow no such
    /// counters.</exception>
    public async Task FundAsync(AccountAddress account, Balances balances, CancellationToken cancellationToken)
    {
        var view = await Ledger.GetAccountAsync(account, Timeout, cancellationToken)
            ?? throw new InvalidOperationException($"There is no account {account} to give anything.");
        if (view.EntryCount != 0 || view.Balances != default)
        {
            throw new InvalidOperationException($"{account} has something already.");
        }

        // What a limit rests on comes first.
        (bool IsDebit, TransferFlags Flags, Amount Amount)[] debits =
        [
            (true, TransferFlags.None, balances.DebitsPosted), (true, TransferFlags.Pending, balances.DebitsPending),
        ];
        (bool IsDebit, TransferFlags Flags, Amount Amount)[] credits =
        [
            (false, TransferFlags.None, balances.CreditsPosted),
            (false, TransferFlags.Pending, balances.CreditsPending),
        ];
        var isCreditFirst = view.Spec.DebitsMustNotExceedCredits is not null;
        foreach (var (isDebit, flags, amount) in isCreditFirst ? credits.Concat(debits) : debits.Concat(credits))
        {
            if (!amount.IsZero)
            {
                await FundAsync(view, isDebit, flags, amount, cancellationToken);
            }
        }
    }

    /// <summary>Expires what is due at the clock's time, and returns when that is done.</summary>
    public Task ExpireDueHoldsAsync() => ledger.Calls.ExpireDueHoldsAsync();

    public ValueTask DisposeAsync() => ledger.DisposeAsync();

    // Each from an account of its own: the amounts of a table add up to more than one account can count.
    private async Task FundAsync(
        Account account, bool isDebit, TransferFlags flags, Amount amount, CancellationToken cancellationToken)
    {
        var number = ++funds;
        var fund = AccountAddress.Parse("fund:" + number.ToString(CultureInfo.InvariantCulture));
        var opening = new AccountSpec(fund, account.Spec.Asset, 1);
        Clock.Advance(1);
        var opened = await Ledger.OpenAccountsAsync([opening], Timeout, cancellationToken);
        if (opened is not [{ Status: AccountStatus.Created }])
        {
            throw new InvalidOperationException($"{fund} was not opened.");
        }

        Clock.Advance(1);
        var (debit, credit) = isDebit ? (account.Spec.Address, fund) : (fund, account.Spec.Address);
        var result = await Ledger.PostTransferAsync(
            new Transfer(TransferId.FromGuid(Guid.NewGuid()), debit, credit, amount, 1)
            {
                Asset = account.Spec.Asset, Flags = flags,
            },
            Timeout, cancellationToken);
        if (!result.IsCommitted)
        {
            throw new InvalidOperationException($"{account.Spec.Address} was not given {amount}: {result.Status}.");
        }
    }
}
