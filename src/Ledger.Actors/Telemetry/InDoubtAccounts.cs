using System.Collections.Concurrent;

namespace Ledger.Actors.Telemetry;

/// <summary>Which awake accounts of this node have a transaction in doubt, for longer than one normally is.
/// Thread-safe.</summary>
internal sealed class InDoubtAccounts
{
    /// <summary>How long a transaction is in doubt before its account counts. Every transfer is in doubt for the moment
    /// between its two accounts.</summary>
    public static readonly TimeSpan After = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<AccountAddress, LedgerTime> since = new();

    /// <summary>How many accounts there are.</summary>
    public int Count => since.Count;

    /// <summary>Since when the oldest is in doubt; null for none.</summary>
    public LedgerTime? Oldest
    {
        get
        {
            LedgerTime? oldest = null;
            foreach (var (_, at) in since)
            {
                oldest = oldest is { } other && other < at ? other : at;
            }

            return oldest;
        }
    }

    /// <summary>Says since when an account is in doubt.</summary>
    public void Note(AccountAddress account, LedgerTime oldest) => since[account] = oldest;

    /// <summary>Says that an account is not in doubt any more, or sleeps.</summary>
    public void Forget(AccountAddress account) => since.TryRemove(account, out _);
}
