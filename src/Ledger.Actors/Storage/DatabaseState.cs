namespace Ledger.Actors.Storage;

/// <summary>What a connection has found at its other end.</summary>
/// <param name="Server">Which history of which database cluster: its identifier and its timeline. Begins with a
/// question mark where the role may not ask for them.</param>
/// <param name="Instance">Which life of the server: another after each start.</param>
/// <param name="Ledger">The id of the ledger.</param>
/// <param name="Epoch">The epoch that runs.</param>
internal sealed record DatabaseState(string Server, string Instance, Guid Ledger, long Epoch)
{
    /// <summary>Whether the role may not ask which server it is.</summary>
    public bool HasUnknownServer => Server.StartsWith('?');

    /// <summary>The evidence that this epoch's journal has lost rows, as a node has put it on record; null for
    /// none.</summary>
    public string? Loss { get; init; }

    /// <summary>A row that was acknowledged and is not there, for people; null for none.</summary>
    public string? Missing { get; init; }

    /// <summary>Why what the connection writes may not last; null when it does.</summary>
    public string? Weakness { get; init; }
}
