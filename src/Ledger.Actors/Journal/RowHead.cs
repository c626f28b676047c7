namespace Ledger.Actors.Journal;

/// <summary>What a row says before its events: enough to find a place in a stream.</summary>
/// <param name="SequenceNr">The row.</param>
/// <param name="Time">When its first event happened.</param>
/// <param name="EntriesBefore">How many entries precede it.</param>
/// <param name="IsVerdict">Whether it is an operator's verdict, which says nothing of what precedes it.</param>
internal readonly record struct RowHead(long SequenceNr, LedgerTime Time, ulong EntriesBefore, bool IsVerdict);
