namespace Ledger.Access;

/// <summary>The names of rights in a policy.</summary>
public static class AccessRightNames
{
    /// <summary>Every right by its name.</summary>
    public static IReadOnlyDictionary<string, AccessRights> All { get; } =
        new Dictionary<string, AccessRights>(StringComparer.Ordinal)
        {
            ["read"] = AccessRights.Read,
            ["statement"] = AccessRights.Statement,
            ["list"] = AccessRights.List,
            ["open"] = AccessRights.Open,
            ["transfer"] = AccessRights.Transfer,
            ["hold"] = AccessRights.Hold,
            ["resolve"] = AccessRights.Resolve,
            ["close-by-transfer"] = AccessRights.CloseByTransfer,
            ["reverse"] = AccessRights.Reverse,
            ["change"] = AccessRights.Change,
            ["limits"] = AccessRights.Limits,
            ["admin"] = AccessRights.Admin,
        };
}
