namespace Ledger.Core;

/// <summary>Asks the journal about an id that memory can't answer (R4).</summary>
/// <param name="Id">The id.</param>
/// <param name="SequenceNr">The row that holds its content where that is known; else 0: search for it.</param>
/// <param name="UpTo">The last row to search.</param>
/// <param name="NotBefore">What brings the id up and is not in the index was not booked earlier.</param>
/// <param name="NotAfter">What brings the id up and is not in the index was not booked later. Before
/// <paramref name="NotBefore"/> where only the index can know the id.</param>
/// <param name="WithLater">Whether what names the id matters also once it is decided: it says what became of a hold,
/// and how much was taken back.</param>
internal sealed record IdLookup(
    TransferId Id, long SequenceNr, long UpTo, LedgerTime NotBefore, LedgerTime NotAfter, bool WithLater)
{
    /// <summary>The question's number: an answer to an older one, which saw fewer rows, is not taken for its
    /// answer.</summary>
    public long Number { get; init; }

    /// <summary>The newest entry that the index must hold. One that lacks it is older than the journal, and must not
    /// say that there is nothing.</summary>
    public IndexedId Newest { get; init; }

    /// <summary>About when the first row was booked, by which the place of a time is guessed.</summary>
    public LedgerTime FirstTime { get; init; }

    /// <summary>About when the last row was booked.</summary>
    public LedgerTime LastTime { get; init; }
}
