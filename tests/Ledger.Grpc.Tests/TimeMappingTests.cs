using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>
/// Goal: a time that is taken can be read back, over gRPC and as JSON (S5). Method: all pairs of seconds and
/// nanoseconds at the borders of what a Timestamp can say, and many at random between and beyond.
/// </summary>
public sealed class TimeMappingTests
{
    private const long SecondsMin = -62_135_596_800;
    private const long SecondsMax = 253_402_300_799;

    private static readonly long[] Seconds =
        [long.MinValue, SecondsMin - 1, SecondsMin, SecondsMin + 1, -1, 0, 1, SecondsMax - 1, SecondsMax,
            SecondsMax + 1, long.MaxValue];

    private static readonly int[] Nanos =
    [
        int.MinValue, -1, 0, 1, 999, 1_000, 1_001, 999_998_999, 999_999_000, 999_999_001, 999_999_499, 999_999_999,
        1_000_000_000,
        int.MaxValue,
    ];

    [Fact]
    public void What_is_taken_can_be_read_back()
    {
        var taken = 0;
        var random = new Random(5);
        var pairs = Seconds.SelectMany(static seconds => Nanos.Select(nanos => (seconds, nanos)))
            .Concat(Enumerable.Range(0, 20_000).Select(_ => (
                Seconds[random.Next(Seconds.Length)] / 2 + random.NextInt64(-100, 100),
                random.Next(-1_000, 1_000_001_000))));
        foreach (var (seconds, nanos) in pairs)
        {
            var given = new Timestamp { Seconds = seconds, Nanos = nanos };
            if (!Mapping.TryReadTime(given, "time", out var time, out var fault))
            {
                fault.Reason.ShouldBe(ErrorReasons.MalformedTime);
                continue;
            }

            taken++;
            var shown = Frozen(time).Freeze.EndTime;
            var back = Timestamp.Parser.ParseFrom(shown.ToByteArray());
            JsonParser.Default.Parse<Timestamp>(JsonFormatter.Default.Format(back)).ShouldBe(back);
            Mapping.TryReadTime(back, "time", out var again, out _).ShouldBeTrue();
            again.ShouldBe(time);

            // Rounded up, by less than a microsecond.
            var up = ((back.Seconds - seconds) * 1_000_000_000) + back.Nanos - nanos;
            up.ShouldBeInRange(0, 999);
        }

        taken.ShouldBeGreaterThan(5_000);
    }

    [Theory]
    [InlineData(SecondsMax, 999_999_000, true)]
    [InlineData(SecondsMax, 999_999_001, false)]
    [InlineData(SecondsMax, 999_999_999, false)]
    [InlineData(SecondsMin, 0, true)]
    public void The_last_moment_is_the_last_whole_microsecond(long seconds, int nanos, bool isTaken) =>
        Mapping.TryReadTime(new Timestamp { Seconds = seconds, Nanos = nanos }, "time", out _, out _).ShouldBe(isTaken);

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(253_402_300_800_000_000)]
    public void A_time_that_no_client_can_read_is_never_written(long micros)
    {
        var shown = Frozen(new LedgerTime(micros)).Freeze.EndTime;
        JsonParser.Default.Parse<Timestamp>(JsonFormatter.Default.Format(shown)).ShouldBe(shown);
    }

    [Fact]
    public async Task A_freeze_that_could_not_be_read_is_refused_before_it_is_done()
    {
        await using var host = await GrpcHost.StartAsync();
        var request = new FreezeAccountRequest
        {
            Address = "shop",
            Freeze =
                new V1.AccountFreeze { Debits = true,
                    EndTime = new Timestamp { Seconds = SecondsMax, Nanos = 999_999_999 } },
        };
        (await Should.ThrowAsync<global::Grpc.Core.RpcException>(
            async () => await host.Accounts.FreezeAccountAsync(request)))
            .StatusCode.ShouldBe(global::Grpc.Core.StatusCode.InvalidArgument);
        host.Ledger.Calls.ShouldBeEmpty();
    }

    private static V1.Account Frozen(LedgerTime until) => Mapping.Write(new Account(
        new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 1), default, default, 0, 1, false)
    {
        Freeze = new AccountFreeze(true, false, "", until),
    });
}
