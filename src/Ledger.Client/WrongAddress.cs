using System.Security.Authentication;

namespace Ledger.Client;

/// <summary>Says what is wrong with an address at which something answers that is no gRPC port of a node.</summary>
internal static class WrongAddress
{
    private const string RightPort = "gRPC is at another port, 5001 unless Ledger:Grpc:Url says otherwise";

    /// <summary>The sentence for a failure, or null where it says nothing of the kind.</summary>
    /// <param name="failure">The exception that ended a call, before anything was sent.</param>
    public static string? In(Exception? failure)
    {
        if (NoLedgerException.In(failure) is { } found)
        {
            return found.Kind switch
            {
                NoLedgerKind.Http11 =>
                    $"The server speaks HTTP/1.1 there, as a node does at its JSON port (5000); {RightPort}.",
                NoLedgerKind.Tls => "The server speaks TLS there: the address begins with https, not http.",
                NoLedgerKind.Other => $"The server does not speak HTTP/2 there; {RightPort}.",
                _ =>
                    "The connection ended, or nothing was said on it, before anything was sent: as at a port that "
                    + "speaks TLS, whose address begins with https, or at a balancer that has no node behind it.",
            };
        }

        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is AuthenticationException refusal)
            {
                return refusal.Message.Contains("certificate", StringComparison.OrdinalIgnoreCase)
                    ? $"The server's certificate is not trusted: {refusal.Message} Name the authority that it is of."
                    : $"No TLS connection comes about ({refusal.Message}): for a server that speaks plaintext, the "
                        + "address begins with http, not https.";
            }
        }

        return null;
    }
}
