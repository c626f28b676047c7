namespace Ledger;

/// <summary>A row of an account's journal, as a place that one can have come to: whoever has seen it has seen what it
/// decides.</summary>
/// <remarks>Immutable and thread-safe. The default value is none.</remarks>
/// <param name="Account">The account.</param>
/// <param name="SequenceNr">The row's number: 1, 2, 3 and so on; 0 for none.</param>
public readonly record struct RowPosition(AccountAddress Account, long SequenceNr)
{
    /// <summary>Whether it is no place at all: nothing was written, or it is not known where.</summary>
    public bool IsNone => SequenceNr == 0;

    /// <summary>Makes one of a row that may be none.</summary>
    internal static RowPosition Of(AccountAddress account, long sequenceNr) =>
        sequenceNr == 0 ? default : new RowPosition(account, sequenceNr);
}
