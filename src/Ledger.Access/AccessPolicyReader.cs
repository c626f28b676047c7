using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ledger.Access;

/// <summary>Reads policies strictly: what is misspelt, doubled or without meaning would silently allow less than was
/// meant, or more.</summary>
internal static class AccessPolicyReader
{
    private static readonly JsonSerializerOptions s_strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Reads a policy.</summary>
    /// <exception cref="AccessPolicyException">It can't be read, or says what has no meaning.</exception>
    public static AccessPolicy Read(ReadOnlySpan<byte> json)
    {
        PolicyDocument document;
        try
        {
            document = JsonSerializer.Deserialize<PolicyDocument>(json, s_strict)
                ?? throw new AccessPolicyException(
                    "The policy is null; it is an object with \"principals\" and \"keys\".");
        }
        catch (JsonException e)
        {
            throw new AccessPolicyException($"The policy can't be read: {e.Message}", e);
        }

        var limits = document.Limits.ToDictionary(
            static pair => pair.Key, static pair => Read(pair.Value, $"limits.{pair.Key}"), StringComparer.Ordinal);
        var rates = new Dictionary<string, CallRate>(StringComparer.Ordinal);
        var shares = new Dictionary<string, CallerShare>(StringComparer.Ordinal);
        var principals = new Dictionary<string, Permissions>(StringComparer.Ordinal);
        foreach (var (name, principal) in document.Principals)
        {
            var at = $"principals.{name}";
            if (name.Length == 0)
            {
                throw Refused(at, "is no name");
            }

            if (Principals.Check(name) is { } problem)
            {
                throw Refused(at, problem);
            }

            if (principal.Limits is { } limit)
            {
                var (rate, share) = limits.TryGetValue(limit, out var named)
                    ? named
                    : throw Refused($"{at}.limits", $"is '{limit}', which limits does not name");
                if (rate is not null)
                {
                    rates.Add(name, rate);
                }

                if (!share.IsEmpty)
                {
                    shares.Add(name, share);
                }
            }

            principals.Add(
                name, new Permissions([.. principal.Grants.Select((grant, i) => Read(grant, $"{at}.grants[{i}]"))]));
        }

        return new AccessPolicy(
            principals, document.Keys.Select(pair => Read(pair.Key, pair.Value, principals)), rates, shares);
    }

    private static AccessGrant Read(GrantDocument grant, string at)
    {
        var rights = AccessRights.None;
        foreach (var name in grant.Do)
        {
            rights |= AccessRightNames.All.TryGetValue(name, out var right)
                ? right
                : throw Refused(
                    $"{at}.do", $"names '{name}'; there are {string.Join(", ", AccessRightNames.All.Keys)}");
        }

        if (rights == AccessRights.None)
        {
            throw Refused($"{at}.do", "names no right");
        }

        // What stands there without a meaning is a misunderstanding of who wrote it.
        Require(grant.Accounts, "accounts", rights, AccessGrant.OfAccounts, at);
        Require(grant.Debit, "debit", rights, AccessGrant.OfBothSides | AccessRights.Resolve, at);
        Require(grant.Credit, "credit", rights, AccessGrant.OfBothSides, at);
        const AccessRights Movements = AccessGrant.OfBothSides | AccessRights.Resolve;
        RefuseIdle(grant.Assets, "assets", rights, Movements | AccessRights.Open, at);
        RefuseIdle(grant.AmountMax, "amountMax", rights, Movements, at);
        if (grant.Assets is { Length: 0 })
        {
            throw Refused($"{at}.assets", "names no asset; leave it out for all");
        }

        return new AccessGrant(rights)
        {
            Accounts = Patterns(grant.Accounts, $"{at}.accounts"),
            Debit = Patterns(grant.Debit, $"{at}.debit"),
            Credit = Patterns(grant.Credit, $"{at}.credit"),
            Assets = [.. (grant.Assets ?? []).Select(text => Asset.TryParse(text, out var asset)
                ? asset
                : throw Refused($"{at}.assets", $"holds '{text}'; an asset is written as USD/2"))],
            AmountMax = grant.AmountMax is { } most ? ReadAmount(most, $"{at}.amountMax") : null,
        };
    }

    private static ApiKey Read(string id, KeyDocument key, Dictionary<string, Permissions> principals)
    {
        var at = $"keys.{id}";
        if (!ApiKey.IsId(id))
        {
            throw Refused(at, "is no id of a key, which has 1 to 32 ASCII letters and digits");
        }

        if (!principals.ContainsKey(key.Principal))
        {
            throw Refused($"{at}.principal", $"is '{key.Principal}', which principals does not name");
        }

        byte[] hash;
        try
        {
            hash = Convert.FromHexString(key.Sha256);
        }
        catch (FormatException)
        {
            hash = [];
        }

        return hash.Length == 32
            ? new ApiKey(id, key.Principal, [.. hash], key.ExpireTime)
            : throw Refused($"{at}.sha256", "is no SHA-256, which has 64 hexadecimal digits");
    }

    private static (CallRate? Rate, CallerShare Share) Read(LimitDocument limit, string at)
    {
        foreach (var (name, value, most) in new[]
        {
            ("perSecond", limit.PerSecond, CallRate.Max), ("burst", limit.Burst, CallRate.Max),
            ("calls", limit.Calls, CallerShare.Max),
            ("streams", limit.Streams, CallerShare.Max), ("inFlightBytes", limit.InFlightBytes, CallerShare.Max),
            ("accountsPerDay", limit.AccountsPerDay, CallerShare.Max),
            ("bytesPerDay", limit.BytesPerDay, CallerShare.Max),
        })
        {
            if (value < 1 || value > most)
            {
                throw Refused($"{at}.{name}", $"is {value}; 1 to {most} are allowed");
            }
        }

        if (limit.PerSecond is null != limit.Burst is null)
        {
            throw Refused(at, "has one of perSecond and burst, which belong together");
        }

        return (
            limit is { PerSecond: { } perSecond, Burst: { } burst } ? new CallRate((int)perSecond, (int)burst) : null,
            new CallerShare
            {
                Calls = limit.Calls, Streams = limit.Streams, InFlightBytes = limit.InFlightBytes,
                AccountsPerDay = limit.AccountsPerDay, BytesPerDay = limit.BytesPerDay,
            });
    }

    private static ImmutableArray<AddressPattern> Patterns(string[]? texts, string at) =>
    [
        .. (texts ?? []).Select(text => AddressPattern.TryParse(text, out var pattern)
            ? pattern
            : throw Refused(at, $"holds '{text}', which is no pattern such as users:*:wallet, users:** or **")),
    ];

    private static Amount ReadAmount(string text, string at) =>
        Amount.TryParse(text, out var amount) == AmountError.None
        ? amount
        : throw Refused(at, $"is '{text}', which is no amount in minor units such as \"1000000\"");

    private static void Require(string[]? patterns, string name, AccessRights rights, AccessRights meaning, string at)
    {
        RefuseIdle(patterns, name, rights, meaning, at);
        if (patterns is not { Length: > 0 } && (rights & meaning) != AccessRights.None)
        {
            throw Refused(
                at,
                $"has no \"{name}\", by which {Names(rights & meaning)} "
                    + $"{(Names(rights & meaning).Contains(',', StringComparison.Ordinal) ? "are" : "is")} judged; "
                    + "write [\"**\"] for all accounts");
        }
    }

    private static void RefuseIdle(object? value, string name, AccessRights rights, AccessRights meaning, string at)
    {
        if (value is not null && (rights & meaning) == AccessRights.None)
        {
            throw Refused($"{at}.{name}", $"means nothing for {Names(rights)}");
        }
    }

    private static string Names(AccessRights rights) => string.Join(
        ", ",
        AccessRightNames.All.Where(pair => (pair.Value & rights) != AccessRights.None).Select(static pair => pair.Key));

    private static AccessPolicyException Refused(string at, string what) =>
        new($"The policy can't be used: {at} {what}.");

    private sealed class PolicyDocument
    {
        public required Dictionary<string, PrincipalDocument> Principals { get; init; }

        public Dictionary<string, KeyDocument> Keys { get; init; } = [];

        public Dictionary<string, LimitDocument> Limits { get; init; } = [];
    }

    private sealed class PrincipalDocument
    {
        public required GrantDocument[] Grants { get; init; }

        public string? Limits { get; init; }
    }

    private sealed class GrantDocument
    {
        public required string[] Do { get; init; }

        public string[]? Accounts { get; init; }

        public string[]? Debit { get; init; }

        public string[]? Credit { get; init; }

        public string[]? Assets { get; init; }

        public string? AmountMax { get; init; }
    }

    private sealed class LimitDocument
    {
        public long? PerSecond { get; init; }

        public long? Burst { get; init; }

        public long? Calls { get; init; }

        public long? Streams { get; init; }

        public long? InFlightBytes { get; init; }

        public long? AccountsPerDay { get; init; }

        public long? BytesPerDay { get; init; }
    }

    private sealed class KeyDocument
    {
        public required string Principal { get; init; }

        public required string Sha256 { get; init; }

        public required DateTimeOffset ExpireTime { get; init; }
    }
}
