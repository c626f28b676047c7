using Ledger;

namespace Testing;

/// <summary>What an application has: payments of its users, each paid once whatever happens on the way.</summary>
public sealed class PaymentService(ILedger ledger, TimeSpan pause)
{
    /// <summary>Pays, and asks again with the same id until the outcome is known.</summary>
    /// <returns>Whether it was paid.</returns>
    public async Task<bool> PayAsync(TransferId id, string from, string to, ulong amount)
    {
        var payment =
            new Transfer(id, AccountAddress.Parse(from), AccountAddress.Parse(to), Amount.Of(amount), Code: 1);
        while (true)
        {
            try
            {
                return (await ledger.PostTransferAsync(payment)).IsCommitted;
            }
            catch (LedgerException failed) when (failed.OutcomeUnknown || failed.Reason == LedgerErrorReason.Overloaded)
            {
                await Task.Delay(pause);
            }
        }
    }
}
