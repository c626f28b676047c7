using System.Net.Security;

namespace Ledger.Benchmarks;

/// <summary>What one of two nodes is started with, where the other is not.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Program">Another Ledger.Node.dll; null for that of the settings.</param>
/// <param name="Arguments">Further arguments; they count before those that all nodes get.</param>
/// <param name="Tls">How to call it; null where it listens without TLS.</param>
internal sealed record NodeSetup(
    string Name, string? Program, IReadOnlyList<string> Arguments, SslClientAuthenticationOptions? Tls)
{
    /// <summary>A node as the settings have it.</summary>
    public static NodeSetup Plain { get; } = new("one", null, [], null);
}
