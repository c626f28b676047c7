using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Chaos.Attacks;

/// <summary>Attacks by many requests that are small.</summary>
internal static class SmallAttacks
{
    private const string Post = "/ledger.v1.TransferService/PostTransfer";

    public static async Task MalformedAsync(Attacker attacker)
    {
        const int depth = 5_000;
        var nested = Encoding.UTF8.GetBytes(
            "{\"accounts\":" + new string('[', depth) + new string(']', depth) + "}");
        var deep = attacker.RepeatAsync(32, async () =>
        {
            using var content = new ByteArrayContent(nested);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var response = await attacker.Http.PostAsync(new Uri(attacker.Json, "/v1/accounts"), content,
                attacker.Over);
            attacker.Count("HTTP " + ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        });
        await Task.WhenAll(deep, attacker.OnConnectionsAsync(2, uint.MaxValue / 2, async connection =>
        {
            var headers = attacker.HeadersOf(connection, Post);
            var message = RawGrpc.Frame([0x0A, 0xFF]);
            await Task.WhenAll(Enumerable.Range(0, 48).Select(async _ =>
            {
                while (!attacker.IsOver && !connection.IsGone)
                {
                    await attacker.BreatheAsync();
                    attacker.Count(
                        (await connection.CallAsync(headers, message, attacker.Over)).ToString().ToLowerInvariant());
                }
            }));
        }));
    }

    public static async Task ListAccountsAsync(Attacker attacker)
    {
        var message = new ListAccountsRequest { PageSize = 1_000 };
        await Task.WhenAll(
            attacker.TellAsync("/ledger.v1.AccountService/ListAccounts", message),
            attacker.LoopAsync(4, 8, "/ledger.v1.AccountService/ListAccounts", () => message));
    }

    public static Task TinyDeadlinesAsync(Attacker attacker) => Task.WhenAll(
        attacker.LoopAsync(2, 64, Post, Any, ("grpc-timeout", "1m")),
        attacker.LoopAsync(2, 64, Post, Any, ("grpc-timeout", "1n")));

    public static Task HealthAsync(Attacker attacker) => attacker.RepeatAsync(64, async () =>
    {
        using var response = await attacker.Http.GetAsync(new Uri(attacker.Json, "/health"), attacker.Over);
        attacker.Count("HTTP " + ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        await response.Content.LoadIntoBufferAsync(attacker.Over);
    });

    private static PostTransferRequest Any() => new()
    {
        Transfer = Transfers.Of(Guid.CreateVersion7(), AttackAccounts.Own, AttackAccounts.Shallow),
    };
}
