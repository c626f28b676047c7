using System.Net;
using System.Net.Sockets;
using Ledger.Chaos.Attacks;

namespace Ledger.Chaos.Tests;

/// <summary>Attacks end by themselves, go to this machine alone, and their figures are judged as the page
/// says.</summary>
public sealed class AttackTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Names =>
        [.. AttackCatalog.All.Append(AttackCatalog.Busy).Select(static kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_attack_on_a_server_that_never_answers_ends_by_itself(string name)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start(backlog: 16);
        var address = new Uri($"http://{silent.LocalEndpoint}");
        using var attacker = new Attacker(address, address, TimeSpan.FromSeconds(0.3), "a key", cores: 0);
        await AttackCatalog.Find(name).Run(attacker).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .WaitAsync(Patience);
        attacker.IsOver.ShouldBeTrue();
    }

    [Theory]
    [InlineData("http://10.0.0.1:5001", "http://127.0.0.1:5000")]
    [InlineData("http://127.0.0.1:5001", "http://ledger.example.com:5000")]
    public void Another_machine_is_not_attacked(string grpc, string json) => Should.Throw<FormatException>(
        () => new Attacker(new Uri(grpc), new Uri(json), Patience, null, 0)).Message
            .ShouldContain("this machine alone");

    [Fact]
    public void Names_are_one_each_and_all_are_described()
    {
        AttackCatalog.All.Select(static kind => kind.Name).ShouldBeUnique();
        AttackCatalog.Parse("all").ShouldBe(AttackCatalog.All);
        AttackCatalog.Parse("reads, gzip").Select(static kind => kind.Name).ShouldBe(["reads", "gzip"]);
        AttackCatalog.All.ShouldAllBe(static kind => AttackCatalog.Describe().Contains(kind.Description));
    }

    [Theory]
    [InlineData(10, 50, 0, true, 999_999L, null)]
    [InlineData(10, 51, 0, true, 0L, "5.1 times as long")]
    [InlineData(10, 10, 1, true, 0L, "1 of the bystander's calls failed")]
    [InlineData(10, 10, 0, false, 0L, "ended or does not answer")]
    [InlineData(10, 10, 0, true, 1_000_000L, "1000000 bytes were logged")]
    [InlineData(10, double.PositiveInfinity, 0, true, null, "times as long")]
    [InlineData(10, 10, 0, true, null, null)]
    public void What_must_not_be_is_named(
        double before, double during, int errors, bool isAlive, long? logged, string? expected)
    {
        var row = new AttackRow("x", new(100, 0, 1, before), new(100, errors, 1, during), isAlive, logged, 0, "");
        string.Join("; ", row.Broken(isTimed: true)).ShouldContain(expected ?? "");
        row.Broken(isTimed: true).Count().ShouldBe(expected is null ? 0 : 1);
        row.Broken(isTimed: false).Any().ShouldBe(expected is not null && !expected.Contains("times as long"));
    }

    [Fact]
    public void A_quota_leaves_nothing_behind()
    {
        string? members;
        using (var quota = ProcessorQuota.Make(0.5))
        {
            members = quota.Members;
            (members is null).ShouldBe(quota.OwnCores > 0);
            (members is null || File.Exists(members)).ShouldBeTrue();
        }

        File.Exists(members).ShouldBeFalse();
    }
}
