using Ledger.Access;

namespace Ledger.Node.Security;

/// <summary>A key that nobody has, to compare with where there is none.</summary>
internal static class ApiKeyDecoy
{
    public static ApiKey Key { get; } = new("decoy", "decoy", ApiKey.Create("decoy").Hash, DateTimeOffset.MinValue);
}
