using System.Text;

namespace Ledger.Access.Tests;

/// <summary>A policy that a test changes.</summary>
internal sealed class Policies(string json) : IAccessPolicySource
{
    public AccessPolicy Current { get; set; } = AccessPolicy.Parse(Encoding.UTF8.GetBytes(json));
}
