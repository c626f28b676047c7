namespace Ledger.Actors.Journal;

/// <summary>What the index and the hold expiry understand of rows.</summary>
/// <param name="Facts">Reads a marked row.</param>
/// <param name="NewUnfinished">Begins a search for accounts in doubt.</param>
internal sealed record HoldFactReader(HoldFactDecoder Facts, Func<IUnfinishedFold> NewUnfinished)
{
    /// <summary>The manifest of rows that hold a <see cref="HoldFact"/>, where others have
    /// <see cref="LedgerSerializer.RowManifest"/>. Stored: never change it. The bytes are the same; only so the index
    /// need not read each row.</summary>
    public const string MarkedManifest = "b1h";

    /// <summary>Understands nothing, and so finds no work.</summary>
    public static readonly HoldFactReader None = new(static (_, _, _) => [], static () => new NothingUnfinished());

    private sealed class NothingUnfinished : IUnfinishedFold
    {
        public IReadOnlyCollection<AccountAddress> Accounts => [];

        public void Add(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
        {
        }
    }
}
