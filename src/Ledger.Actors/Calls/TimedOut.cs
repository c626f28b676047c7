using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>No answer came within the deadline. Made by the caller's own node.</summary>
internal sealed record TimedOut : AccountResponse
{
    public static readonly TimedOut Instance = new();
}
