namespace Ledger.Actors.Storage;

/// <summary>A row was not stored because the journal lacks the row before it, which was acknowledged or read (R19 a):
/// the database has lost it.</summary>
internal sealed class MissingPredecessorException : Exception
{
    public MissingPredecessorException(string persistenceId, long sequenceNr)
        : base(
            $"The journal lacks row {sequenceNr - 1} of {persistenceId}, which row {sequenceNr} follows. The database "
            + "has lost what it had acknowledged, as after a failover to a server that lagged behind, or after an "
            + "older copy was put back.")
    {
    }
}
