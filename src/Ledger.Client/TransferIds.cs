namespace Ledger.Client;

/// <summary>Ids of transfers, the short way.</summary>
public static class TransferIds
{
    private static readonly UuidV7Generator Generator = new();

    /// <summary>A new id: a UUID of version 7. Keep it, with the transfer, until the outcome is known.</summary>
    public static Guid New() => Generator.New();
}
