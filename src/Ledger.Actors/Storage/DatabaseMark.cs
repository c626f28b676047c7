using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>Which history of the ledger's database something rests on: the epoch, and the server with its
/// timeline.</summary>
/// <remarks>It goes with every message of an account to another (R19 b). What an account has said rests on rows, and
/// those of another history may be lost: a message that was under way while the database failed over, or that was sent
/// by a node which has not noticed yet, must not be taken by an account that was read from what is left.</remarks>
/// <param name="Epoch">The epoch.</param>
/// <param name="Server">A hash of what the server says of itself; 0 where it does not.</param>
internal sealed record DatabaseMark(long Epoch, ulong Server)
{
    /// <summary>The mark of a history that is over; it is that of no other.</summary>
    public static DatabaseMark Over { get; } = new(-1, 0);

    /// <summary>The mark of what a connection has found.</summary>
    public static DatabaseMark Of(DatabaseState state) =>
        // A hash that is zero counts as unknown, and need not be.
        new(state.Epoch, state.HasUnknownServer ? 0 : Math.Max(StableHash.Of(state.Server), 1));

    /// <summary>Whether it is the same history, as far as both are known.</summary>
    public bool IsOf(DatabaseMark other) =>
        ReferenceEquals(this, other)
        || (Epoch == other.Epoch && (Server == other.Server || Server == 0 || other.Server == 0));
}
