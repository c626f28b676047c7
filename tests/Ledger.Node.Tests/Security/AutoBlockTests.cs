using System.Net;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Errors;
using Ledger.Node.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ledger.Node.Tests.Security;

/// <summary>Which patterns are blocked by themselves, and whom that never meets.</summary>
public sealed class AutoBlockTests
{
    private readonly RecordingBlocks blocks = new();

    [Fact]
    public void By_default_no_address_and_no_certificate_is_blocked()
    {
        var auto = Create(new AutoBlockOptions());
        Refuse(auto, 5_000, ErrorReasons.Unauthenticated, null, "192.0.2.7");
        Refuse(auto, 5_000, ErrorReasons.PermissionDenied, "certificate:0A", "192.0.2.7");
        Refuse(auto, 599, ErrorReasons.PermissionDenied, "token:1", "192.0.2.7");
        blocks.Made.ShouldBeEmpty();
        Refuse(auto, 1, ErrorReasons.PermissionDenied, "token:2", "192.0.2.8");
        blocks.Made.Single().ShouldSatisfyAllConditions(
            static one => (one.Kind, one.Subject).ShouldBe((CallerBlockKind.Principal, "p")),
            static one =>
                one.Principal.ShouldBe(CallerBlock.Automatic), static one =>
                    (one.ExpireTime - one.CreateTime).ShouldBe(TimeSpan.FromMinutes(10)));
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("127.0.0.1", null)]
    [InlineData("::1", null)]
    [InlineData("::ffff:127.0.0.9", null)]
    public void An_address_is_blocked_where_it_is_asked_for_and_never_this_machine(string address, string? subject)
    {
        var auto = Create(new AutoBlockOptions { FailuresPerMinuteMax = 100 });
        Refuse(auto, 99, ErrorReasons.Unauthenticated, null, address);
        blocks.Made.ShouldBeEmpty();
        Refuse(auto, 1, ErrorReasons.Unauthenticated, null, address);
        blocks.Made.SingleOrDefault()?.Subject.ShouldBe(subject);
        (blocks.Made.Count == 0).ShouldBe(subject is null);
    }

    [Fact]
    public void A_certificate_is_blocked_where_it_is_asked_for_and_refusals_of_the_blocked_count_for_nothing()
    {
        var auto = Create(new AutoBlockOptions { DenialsPerMinuteMax = 3, Certificates = true });
        Refuse(auto, 100, ErrorReasons.CallerBlocked, "key:k", "192.0.2.7");
        Refuse(auto, 100, ErrorReasons.Overloaded, "key:k", "192.0.2.7");
        blocks.Made.ShouldBeEmpty();
        Refuse(auto, 3, ErrorReasons.PermissionDenied, "certificate:0A", "192.0.2.7");
        Refuse(auto, 3, ErrorReasons.PermissionDenied, "key:k", "192.0.2.7");
        blocks.Made.Select(static one => (one.Kind, one.Subject))
            .ShouldBe([(CallerBlockKind.Principal, "p"), (CallerBlockKind.Key, "k")]);
    }

    private AutoBlock Create(AutoBlockOptions options) => new(
        options, new ServiceCollection().AddSingleton<ICallerBlocks>(blocks).BuildServiceProvider(), new NoAuditLog(),
        TimeProvider.System,
        NullLogger<AutoBlock>.Instance);

    private static void Refuse(AutoBlock auto, int times, ErrorReason reason, string? credential, string address)
    {
        for (var i = 0; i < times; i++)
        {
            auto.Refused(
                reason, credential is null ? null : new Caller("p") { Credential = credential },
                IPAddress.Parse(address));
        }
    }

    private sealed class RecordingBlocks : ICallerBlocks
    {
        public List<CallerBlock> Made { get; } = [];

        public IReadOnlyList<CallerBlock> InForce => Made;

        public IDisposable OnChange(Action changed) => throw new NotSupportedException();

        public CallerBlock? Find(string? principal, string? keyId, IPAddress? address) => null;

        public Task<CallerBlock> BlockAsync(CallerBlock block, CancellationToken cancellationToken = default)
        {
            block = block with { Subject = CallerBlock.Canonical(block.Kind, block.Subject).ShouldNotBeNull() };
            Made.Add(block);
            return Task.FromResult(block);
        }

        public Task<bool> UnblockAsync(
            CallerBlockKind kind, string subject, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<CallerBlock>> ListAsync(CancellationToken cancellationToken = default) =>
            Task.FromResult<IReadOnlyList<CallerBlock>>(Made);
    }
}
