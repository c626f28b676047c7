using System.Collections.Frozen;

namespace Ledger.Access;

/// <summary>Who may do what. What it does not allow is denied. Immutable and thread-safe.</summary>
public sealed class AccessPolicy
{
    private readonly FrozenDictionary<string, Permissions> principals;
    private readonly FrozenDictionary<string, ApiKey> keys;
    private readonly FrozenDictionary<string, CallRate> rates;
    private readonly FrozenDictionary<string, CallerShare> shares;

    /// <summary>Makes a policy.</summary>
    /// <param name="principals">What each principal is allowed.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="rates">How much each principal may ask for; who is not among them, any amount.</param>
    /// <param name="shares">How much each principal may hold; who is not among them, any amount.</param>
    public AccessPolicy(
        IReadOnlyDictionary<string, Permissions> principals, IEnumerable<ApiKey> keys,
        IReadOnlyDictionary<string, CallRate>? rates = null, IReadOnlyDictionary<string, CallerShare>? shares = null)
    {
        this.shares = (shares ?? new Dictionary<string, CallerShare>(StringComparer.Ordinal))
            .ToFrozenDictionary(StringComparer.Ordinal);
        this.rates = (rates ?? new Dictionary<string, CallRate>(StringComparer.Ordinal))
            .ToFrozenDictionary(StringComparer.Ordinal);
        this.principals = principals.ToFrozenDictionary(StringComparer.Ordinal);
        this.keys = keys.ToFrozenDictionary(static key => key.Id, StringComparer.Ordinal);
    }

    /// <summary>How many principals it knows.</summary>
    public int PrincipalCount => principals.Count;

    /// <summary>How many keys it knows.</summary>
    public int KeyCount => keys.Count;

    /// <summary>Reads a policy; docs/operating/security.md has its form.</summary>
    /// <param name="json">The document, in UTF-8.</param>
    /// <exception cref="AccessPolicyException">It can't be read, or says what has no meaning.</exception>
    public static AccessPolicy Parse(ReadOnlySpan<byte> json) => AccessPolicyReader.Read(json);

    /// <summary>What a principal is allowed: nothing where the policy does not name it.</summary>
    /// <param name="principal">Its name.</param>
    public Permissions Of(string principal) =>
        principals.TryGetValue(principal, out var permissions) ? permissions : Permissions.None;

    /// <summary>How much a principal may ask for; null for any amount.</summary>
    /// <param name="principal">Its name.</param>
    public CallRate? RateOf(string principal) => rates.GetValueOrDefault(principal);

    /// <summary>How much a principal may hold at once and use in a day; null for any amount.</summary>
    /// <param name="principal">Its name.</param>
    public CallerShare? ShareOf(string principal) => shares.GetValueOrDefault(principal);

    /// <summary>The key of an id; null where there is none.</summary>
    /// <param name="id">The id.</param>
    public ApiKey? Key(string id) => keys.GetValueOrDefault(id);
}
