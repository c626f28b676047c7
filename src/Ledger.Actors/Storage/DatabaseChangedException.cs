namespace Ledger.Actors.Storage;

/// <summary>Nothing was written, because the database is no longer the one that the rows were decided upon (R19 b): the
/// accounts start again from the journal.</summary>
internal sealed class DatabaseChangedException : Exception
{
    public DatabaseChangedException()
        : base(
            "The database has failed over, or a new epoch has begun: the accounts of this node start again from the "
                + "journal.")
    {
    }
}
