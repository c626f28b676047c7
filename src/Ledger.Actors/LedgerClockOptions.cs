namespace Ledger;

/// <summary>How a ledger tells the time.</summary>
public sealed class LedgerClockOptions
{
    /// <summary>Which time is right, where a start was refused because the clocks contradict each other: an operator's
    /// word for the next start. To be taken out again afterwards.</summary>
    /// <value>The default value is <see cref="ClockSource.None"/>.</value>
    public ClockSource Accept { get; set; }
}
