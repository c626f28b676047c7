using System.ComponentModel.DataAnnotations;

namespace Ledger.Node.Security;

/// <summary>Section <c>Ledger:Security:Jwt</c>: tokens of an issuer (RFC 7519), in the header
/// <c>Authorization: Bearer</c>.</summary>
internal sealed class JwtOptions
{
    /// <summary>The issuer, as its tokens name it; null where no tokens are taken.</summary>
    public string? Issuer { get; set; }

    /// <summary>For whom tokens must be.</summary>
    [Required]
    public string Audience { get; set; } = "ledger";

    /// <summary>The issuer's keys, a JSON Web Key Set (RFC 7517), by address.</summary>
    public string? JwksUrl { get; set; }

    /// <summary>The issuer's keys, a JSON Web Key Set, in a file, which is read again when it changes.</summary>
    public string? JwksPath { get; set; }

    /// <summary>The claim that names the caller.</summary>
    [Required]
    public string PrincipalClaim { get; set; } = "sub";

    /// <summary>What stands before the claim in the principal, so that no issuer makes the principal of a
    /// certificate.</summary>
    public string PrincipalPrefix { get; set; } = "jwt:";

    /// <summary>The signatures that are taken: ES256, PS256 and RS256 where none is named. Only asymmetric ones can
    /// be.</summary>
    public string[] Algorithms { get; set; } = [];

    /// <summary>How long tokens may be valid at most, from their issue on.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan LifetimeMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>By how much the issuer's clock may differ.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);
}
