using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using Google.Protobuf;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Chaos.Attacks;

/// <summary>Attacks by requests that are large, or become so.</summary>
internal static class LargeAttacks
{
    private const string Open = "/ledger.v1.AccountService/OpenAccounts";
    private const string Batch = "/ledger.v1.TransferService/PostTransfers";
    private const int Mebibyte = 1024 * 1024;

    // What a transfer may carry: 16 pairs, 4 KiB together.
    private const int MetadataPairs = 16;
    private const int MetadataValueLength = 80;
    private const char ThreeBytes = '€';

    public static Task HalfSentAsync(Attacker attacker)
    {
        const int missing = 64;
        var frames = new[] { 4, 16 }
            .Select(static size => RawGrpc.Frame(new byte[(size * Mebibyte) - missing], 0, (uint)(size * Mebibyte)))
            .ToArray();
        var number = 0;
        return attacker.RepeatAsync(160, async () =>
        {
            var ended = await RawGrpc.StallAsync(
                attacker.Http, attacker.Grpc, Open, frames[Interlocked.Increment(ref number) % frames.Length]);
            attacker.Count(ended.Reason);
        });
    }

    public static Task LargeJsonAsync(Attacker attacker)
    {
        var bodies = new[] { 2_500_000, 10_000_000 }
            .Select(static count => Encoding.UTF8.GetBytes(
                new StringBuilder("{\"accounts\":[{}").Insert("{\"accounts\":[".Length, "{},", count).Append("]}")
                    .ToString()))
            .ToArray();
        var number = 0;
        return attacker.RepeatAsync(48, async () =>
        {
            using var content = new ByteArrayContent(bodies[Interlocked.Increment(ref number) % bodies.Length]);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var response = await attacker.Http.PostAsync(new Uri(attacker.Json, "/v1/accounts"), content,
                attacker.Over);
            attacker.Count("HTTP " + ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        });
    }

    public static async Task GzipAsync(Attacker attacker)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(new byte[16 * Mebibyte]);
        }

        var bomb = RawGrpc.Frame(packed.ToArray(), 1);
        await attacker.RepeatAsync(400, () => attacker.CallAsync(Open, bomb, ("grpc-encoding", "gzip")));
    }

    public static Task HoldsAsync(Attacker attacker) =>
        BatchesAsync(attacker, 4, 240, AttackAccounts.Own, AttackAccounts.Victim, V1.TransferKind.Hold);

    public static Task BatchesAsync(Attacker attacker) =>
        BatchesAsync(attacker, 6, 900, AttackAccounts.Own, AttackAccounts.Shallow, V1.TransferKind.Unspecified);

    public static Task RandomIdsAsync(Attacker attacker) => attacker.RepeatAsync(8, () =>
    {
        var request = new PostTransfersRequest();
        request.Transfers.Add(Enumerable.Range(0, 500).Select(static _ =>
            Transfers.Of(Guid.NewGuid(), AttackAccounts.Own, AttackAccounts.Shallow)));
        return attacker.CallAsync(Batch, RawGrpc.Frame(request.ToByteArray()));
    });

    public static Task OpenAccountsAsync(Attacker attacker)
    {
        var number = 0;
        var run = Guid.NewGuid().ToString("N");
        return attacker.RepeatAsync(8, () =>
        {
            var first = Interlocked.Increment(ref number);
            var request = new OpenAccountsRequest();
            request.Accounts.Add(Enumerable.Range(0, 1_000).Select(i => new V1.AccountSpec
            {
                Address =
                    FormattableString.Invariant($"{AttackAccounts.Prefix}opened:{run}:{first}:{i}"),
                    Asset = AttackAccounts.Asset, Code = 1,
            }));
            return attacker.CallAsync(Open, RawGrpc.Frame(request.ToByteArray()));
        });
    }

    private static Task BatchesAsync(
        Attacker attacker, int atOnce, int count, string debit, string credit, V1.TransferKind kind) =>
        attacker.RepeatAsync(atOnce, () =>
        {
            var request = new PostTransfersRequest();
            for (var i = 0; i < count; i++)
            {
                var transfer = Transfers.Of(Guid.CreateVersion7(), debit, credit);
                transfer.Kind = kind;
                transfer.Amount = kind == V1.TransferKind.Hold ? "0" : "1";
                for (var pair = 0; pair < MetadataPairs; pair++)
                {
                    transfer.Metadata[FormattableString.Invariant($"key{pair:00}")] = new string(
                        ThreeBytes, MetadataValueLength);
                }

                request.Transfers.Add(transfer);
            }

            return attacker.CallAsync(Batch, RawGrpc.Frame(request.ToByteArray()));
        });
}
