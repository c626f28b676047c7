namespace Ledger;

/// <summary>Which ledger this is. It is stored beside the journal, made together with it and never changed; only epochs
/// are added.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
/// <param name="Id">Random, made once. Two ledgers never have the same one, but a copy of a database has that of its
/// original.</param>
/// <param name="Epoch">The epoch that runs.</param>
/// <param name="IdWindow">How far the time in an id of version 7 may be from that of the row which first brings it up,
/// for the id to be looked for by its time alone (R22). A constant of the stored form.</param>
public sealed record LedgerIdentity(Guid Id, LedgerEpoch Epoch, TimeSpan IdWindow)
{
    /// <summary>The <see cref="IdWindow"/> of ledgers that are made by this version.</summary>
    /// <value>2 seconds.</value>
    public static TimeSpan IdWindowDefault { get; } = Core.IdWindow.Width;

    /// <inheritdoc/>
    public override string ToString() => $"{Id}, epoch {Epoch.Number}";
}
