namespace Ledger;

/// <summary>A time of the ledger during which its journal only grew. A person begins a new one after the database has
/// lost rows that were acknowledged: what was said in an earlier epoch may no longer be in the journal.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
/// <param name="Number">1 for the first, then without a gap.</param>
/// <param name="BegunBy">Who began it: a person, or for the first the user of the database or of the process that made
/// the ledger.</param>
/// <param name="BegunAt">When, by the database's clock; by the machine's where the ledger is kept in a file.</param>
/// <param name="Reason">Why.</param>
public sealed record LedgerEpoch(long Number, string BegunBy, LedgerTime BegunAt, string Reason)
{
    /// <summary>How long <see cref="BegunBy"/> and <see cref="Reason"/> may be, in characters.</summary>
    public const int TextLengthMax = 256;
}
