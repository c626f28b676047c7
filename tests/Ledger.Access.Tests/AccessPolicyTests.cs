using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Access.Tests;

/// <summary>What a policy says, and what it can't.</summary>
public sealed class AccessPolicyTests
{
    [Fact]
    public void A_policy_allows_what_it_says_and_nothing_else()
    {
        var permissions = Parse("""
            {"principals": {"spiffe://bank/payments": {"grants": [
              {"do": ["transfer", "hold", "resolve"], "debit": ["users:*:wallet", "float:payments"], "credit": ["**"],
               "assets": ["USD/2"], "amountMax": "1000000"},
              {"do": ["read"], "accounts": ["users:**"]}]}}}
            """).Of("spiffe://bank/payments");
        var (user, fees) = (AccountAddress.Parse("users:1:wallet"), AccountAddress.Parse("fees"));
        Asset.TryParse("USD/2", out var dollars).ShouldBeTrue();
        Asset.TryParse("EUR/2", out var euros).ShouldBeTrue();
        permissions.Allows(AccessRights.Transfer, user, fees, dollars, Amount.Of(1_000_000)).ShouldBeTrue();
        permissions.Allows(AccessRights.Transfer, user, fees, dollars, Amount.Of(1_000_001)).ShouldBeFalse();
        permissions.Allows(AccessRights.Transfer, user, fees, euros, Amount.Of(1)).ShouldBeFalse();
        permissions.Allows(AccessRights.Transfer, user, fees, default, Amount.Of(1)).ShouldBeFalse();
        permissions.Allows(AccessRights.Transfer, fees, user, dollars, Amount.Of(1)).ShouldBeFalse();
        permissions.Allows(AccessRights.Reverse, user, fees, dollars, Amount.Of(1)).ShouldBeFalse();
        permissions.AllowsResolving(user, dollars, Amount.Zero).ShouldBeTrue();
        permissions.AllowsResolving(fees, dollars, Amount.Zero).ShouldBeFalse();
        permissions.Allows(AccessRights.Read, user).ShouldBeTrue();
        permissions.Allows(AccessRights.Read, fees).ShouldBeFalse();
        permissions.Allows(AccessRights.Statement, user).ShouldBeFalse();
        permissions.AllowsOpening(user, dollars).ShouldBeFalse();
        permissions.ResolvesAny.ShouldBeFalse();
        permissions.ReadsAll.ShouldBeFalse();
    }

    [Fact]
    public void The_policies_on_the_page_are_policies()
    {
        var place = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(place!.FullName, "Ledger.sln")))
        {
            place = place.Parent;
        }

        var page = File.ReadAllText(Path.Combine(place.FullName, "docs", "operating", "security.md"));
        var blocks = page.Split("```json\n").Skip(1).Select(static rest => rest.Split("```")[0]).ToArray();
        blocks.Length.ShouldBe(2);
        var whole = Parse(blocks[0]);
        whole.Of("jwt:alice").ReadsAll.ShouldBeTrue();
        whole.Key("ops1").ShouldNotBeNull();
        Parse(blocks[1]).RateOf("spiffe://bank/payments").ShouldBe(new CallRate(2000, 5000));
        foreach (var right in AccessRightNames.All.Keys)
        {
            page.ShouldContain($"| `{right}` |");
        }
    }

    [Fact]
    public void Whom_the_policy_does_not_name_is_allowed_nothing() =>
        Parse("""{"principals": {}}""").Of("somebody").Rights.ShouldBe(AccessRights.None);

    [Theory]
    [InlineData("", "can't be read")]
    [InlineData("null", "null")]
    [InlineData("{}", "principals")]
    [InlineData("""{"principals": {}, "princpals": {}}""", "princpals")]
    [InlineData("""{"principals": {}, "principals": {}}""", "principals")]
    [InlineData("""{"principals": {"": {"grants": []}}}""", "is no name")]
    [InlineData("""{"principals": {"ledger:expiry": {"grants": []}}}""", "keeps for itself")]
    [InlineData("""{"principals": {"a": {"grants": [{"do": []}]}}}""", "names no right")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["raed"], "accounts": ["**"]}]}}}""",
        "'raed'; there are read, statement")]
    [InlineData("""{"principals": {"a": {"grants": [{"do": ["read"]}]}}}""", "has no \"accounts\"")]
    [InlineData("""{"principals": {"a": {"grants": [{"do": ["read"], "accounts": []}]}}}""", "has no \"accounts\"")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["read"], "accounts": ["a*"]}]}}}""", "'a*', which is no pattern")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["read"], "accounts": ["**"], "acounts": ["b"]}]}}}""", "acounts")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["read"], "accounts": ["**"], "debit": ["b"]}]}}}""",
        "debit means nothing for read")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["read"], "accounts": ["**"], "amountMax": "5"}]}}}""",
        "amountMax means nothing for read")]
    [InlineData("""{"principals": {"a": {"grants": [{"do": ["transfer"], "debit": ["**"]}]}}}""", "has no \"credit\"")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["transfer"], "debit": ["**"], "credit": ["**"], "assets": []}]}}}""", "names no asset")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["transfer"], "debit": ["**"], "credit": ["**"], "assets": ["usd"]}]}}}""", "'usd'")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["transfer"], "debit": ["**"], "credit": ["**"], "amountMax": "1.5"}]}}}""", "'1.5'")]
    [InlineData(
        """{"principals": {"a": {"grants": [{"do": ["transfer"], "debit": ["**"], "credit": ["**"], "amountMax": 5}]}}}""", "amountMax")]
    [InlineData("""{"principals": {"a": {"grants": [], "limits": "gold"}}}""", "'gold', which limits does not name")]
    [InlineData(
        """{"principals": {}, "limits": {"gold": {"perSecond": 0, "burst": 1}}}""", "limits.gold.perSecond is 0")]
    [InlineData("""{"principals": {}, "limits": {"gold": {"perSecond": 1}}}""", "burst")]
    [InlineData(
        """{"principals": {}, "keys": {"k": {"principal": "a", "sha256": "00", "expireTime": "2030-01-01T00:00:00Z"}}}""", "principals does not name")]
    [InlineData(
        """{"principals": {"a": {"grants": []}}, "keys": {"k": {"principal": "a", "sha256": "00", "expireTime": "2030-01-01T00:00:00Z"}}}""", "no SHA-256")]
    [InlineData(
        """{"principals": {"a": {"grants": []}}, "keys": {"k": {"principal": "a", "sha256": "00"}}}""", "expireTime")]
    [InlineData(
        """{"principals": {"a": {"grants": []}}, "keys": {"k_": {"principal": "a", "sha256": "00", "expireTime": "2030-01-01T00:00:00Z"}}}""", "no id of a key")]
    public void What_a_policy_can_not_mean_is_refused_by_name(string json, string what) =>
        Should.Throw<AccessPolicyException>(() => Parse(json)).Message.ShouldContain(what);

    [Fact]
    public void A_key_is_known_by_its_hash_alone()
    {
        var (key, hash) = ApiKey.Create("ops1");
        key.ShouldStartWith("lk_ops1_");
        ApiKey.IdOf(key).ShouldBe("ops1");
        var policy = Parse("""
            {"principals": {"a": {"grants": []}},
             "keys": {"ops1": {"principal": "a", "sha256": "HASH", "expireTime": "2030-01-01T00:00:00Z"}}}
            """.Replace("HASH", Convert.ToHexStringLower(hash.AsSpan()), StringComparison.Ordinal));
        policy.Key("ops1")!.Is(key).ShouldBeTrue();
        policy.Key("ops1")!.Is(key[..^1] + (key[^1] == 'A' ? 'B' : 'A')).ShouldBeFalse();
        policy.Key("ops2").ShouldBeNull();
        ApiKey.Create("ops1").Key.ShouldNotBe(key);
    }

    [Theory]
    [InlineData("")]
    [InlineData("lk_")]
    [InlineData("lk__x")]
    [InlineData("lk_a")]
    [InlineData("lk_a.b_x")]
    [InlineData("eyJhbGciOiJub25lIn0")]
    public void What_is_no_key_has_no_id(string text) => ApiKey.IdOf(text).ShouldBeNull();

    [Fact]
    public void A_changed_file_comes_into_force_and_a_bad_one_does_not()
    {
        var directory = Directory.CreateTempSubdirectory("ledger-policy-");
        try
        {
            var path = Path.Combine(directory.FullName, "policy.json");
            var clock = new FakeTimeProvider();
            File.WriteAllText(path, Reading("a"));
            using var file = new AccessPolicyFile(path, clock, NullLogger<AccessPolicyFile>.Instance);
            file.Current.Of("a").ReadsAll.ShouldBeTrue();

            File.WriteAllText(path, Reading("bb"));
            clock.Advance(AccessPolicyFile.LookEvery);
            file.Current.Of("a").ReadsAll.ShouldBeFalse();
            file.Current.Of("bb").ReadsAll.ShouldBeTrue();

            File.WriteAllText(path, "{ half of it");
            clock.Advance(AccessPolicyFile.LookEvery);
            file.Problem.ShouldNotBeNull().ShouldContain("can't be read");
            file.Current.Of("bb").ReadsAll.ShouldBeTrue();

            File.Delete(path);
            clock.Advance(AccessPolicyFile.LookEvery);
            file.Current.Of("bb").ReadsAll.ShouldBeTrue();

            // As a mounted file changes: by another link.
            File.WriteAllText(Path.Combine(directory.FullName, "next.json"), Reading("ccc"));
            File.CreateSymbolicLink(path, "next.json");
            clock.Advance(AccessPolicyFile.LookEvery);
            file.Current.Of("ccc").ReadsAll.ShouldBeTrue();
            file.Problem.ShouldBeNull();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Should.Throw<AccessPolicyException>(() => AccessPolicyFile.Read("/nowhere/policy.json")).Message
            .ShouldContain("/nowhere/policy.json");

    private static string Reading(string principal) =>
        """{"principals": {"NAME": {"grants": [{"do": ["read"], "accounts": ["**"]}]}}}"""
            .Replace("NAME", principal, StringComparison.Ordinal);

    private static AccessPolicy Parse(string json) => AccessPolicy.Parse(Encoding.UTF8.GetBytes(json));
}
