namespace Ledger.Actors.Journal;

/// <summary>One journal row as it is stored: the bytes are what is hashed.</summary>
/// <param name="Bytes">The payload.</param>
/// <param name="HasWork">Whether it holds facts for the hold index: it is then stored under a manifest of its
/// own.</param>
/// <param name="Entries">Its entries in the index of ids; null for none. Not stored in the row.</param>
internal sealed record JournalRow(ReadOnlyMemory<byte> Bytes, bool HasWork = false, Storage.IdEntries? Entries = null)
{
    /// <summary>The generation of the account that has decided it (<see cref="Storage.DatabaseWatch"/>); not stored.
    /// Null where there is none.</summary>
    public int? Generation { get; init; }

    /// <summary>The row as others see it that rest on it, or the rows that it rests on (R8'); not stored. Null where
    /// there are none.</summary>
    public Core.WriteTicket? Ticket { get; init; }

    /// <summary>The request that has led to the row and had left ahead of its own; not stored. Null for none.</summary>
    public Storage.RowFollower? Follower { get; init; }
}
