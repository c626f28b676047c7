using System.Net;

namespace Ledger;

/// <summary>Who is blocked. The list is in the database, and every process that shares it reads it twice a second.
/// Thread-safe.</summary>
public interface ICallerBlocks
{
    /// <summary>Those that are in force here now, in no order.</summary>
    IReadOnlyList<CallerBlock> InForce { get; }

    /// <summary>Has something called after the list has changed, until what is returned is disposed of.</summary>
    /// <param name="changed">What to call; it must not wait.</param>
    IDisposable OnChange(Action changed);

    /// <summary>Why a call is refused; null where it is not.</summary>
    /// <param name="principal">Who calls; null where nobody knows.</param>
    /// <param name="keyId">The id of the key that was shown; null for none.</param>
    /// <param name="address">Where the call comes from; null where that is nowhere.</param>
    CallerBlock? Find(string? principal, string? keyId, IPAddress? address);

    /// <summary>Blocks somebody, or sets anew for how long and why.</summary>
    /// <param name="block">Who, and until when.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>The block as it is stored: its subject in the one form.</returns>
    /// <exception cref="LedgerException">It is not valid, there are as many as there may be, or the database can't be
    /// written now.</exception>
    Task<CallerBlock> BlockAsync(CallerBlock block, CancellationToken cancellationToken = default);

    /// <summary>Ends a block.</summary>
    /// <param name="kind">What the subject is.</param>
    /// <param name="subject">The subject.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="LedgerException">The subject is none, or the database can't be written now.</exception>
    Task<bool> UnblockAsync(CallerBlockKind kind, string subject, CancellationToken cancellationToken = default);

    /// <summary>Reads the list anew, and has it in force here.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">The database can't be read now.</exception>
    Task<IReadOnlyList<CallerBlock>> ListAsync(CancellationToken cancellationToken = default);
}
