using Google.Protobuf;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Chaos.Attacks;

/// <summary>Attacks by streams.</summary>
internal static class StreamAttacks
{
    private const string Stream = "/ledger.v1.TransferService/StreamTransfers";

    public static Task UnreadAsync(Attacker attacker) => attacker.OnConnectionsAsync(4, 0, async connection =>
    {
        var headers = attacker.HeadersOf(connection, Stream);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(async _ =>
        {
            var (stream, ended) = await connection.SendAsync(headers, [], isLast: false, attacker.Over);
            for (var sequence = 1UL; !attacker.IsOver && !ended.IsCompleted; sequence++)
            {
                await attacker.BreatheAsync();
                var item = new StreamTransfersRequest
                {
                    Sequence = sequence,
                    Transfer = Transfers.Of(Guid.CreateVersion7(), AttackAccounts.Own, AttackAccounts.Shallow),
                };
                await connection.MoreAsync(stream, RawGrpc.Frame(item.ToByteArray()), attacker.Over);
                attacker.Count("items sent");
            }

            attacker.Count("streams ended");
        }));
    });

    public static Task IdleAsync(Attacker attacker) =>
        attacker.OnConnectionsAsync(98, uint.MaxValue / 2, async connection =>
    {
        var headers = attacker.HeadersOf(connection, Stream);
        var streams = new List<Task<CallEnd>>();
        for (var i = 0; i < 1_024 && !connection.IsGone; i++)
        {
            await attacker.BreatheAsync();
            streams.Add((await connection.SendAsync(headers, [], isLast: false, attacker.Over)).Ended);
            attacker.Count("streams opened");
        }

        await Task.WhenAll(streams).WaitAsync(attacker.Over);
    });

    public static Task RapidResetAsync(Attacker attacker) =>
        attacker.OnConnectionsAsync(4, uint.MaxValue / 2, async connection =>
    {
        const int atOnce = 50;
        var headers = attacker.HeadersOf(connection, "/ledger.v1.TransferService/PostTransfer");
        while (!attacker.IsOver && !connection.IsGone)
        {
            await attacker.BreatheAsync();
            await connection.ResetAtOnceAsync(headers, atOnce, attacker.Over);
            attacker.Count(FormattableString.Invariant($"times {atOnce} calls broken off"));
        }
    });
}
