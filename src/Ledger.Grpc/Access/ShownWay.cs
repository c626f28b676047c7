using Ledger.Access;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>What a caller has shown to say who it is.</summary>
internal static class ShownWay
{
    public const string Nothing = "nothing";
    public const string Key = "key";
    public const string Token = "token";
    public const string Certificate = "certificate";

    /// <summary>A certificate that was refused before there was a call.</summary>
    public const string Handshake = "handshake";

    private const string Bearer = "Bearer ";

    /// <summary>That of a call.</summary>
    public static string Of(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        return header.StartsWith(Bearer + ApiKey.Prefix, StringComparison.OrdinalIgnoreCase) ? Key
            : header.Length > 0 ? Token
            : context.Connection.ClientCertificate is not null ? Certificate
            : Nothing;
    }
}
