using Ledger.Audit;

namespace Ledger.Cli.Tests;

/// <summary>The audit log is read and verified from its files, without a ledger.</summary>
public sealed class AuditCommandTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-audit-cli-").FullName;

    public AuditCommandTests()
    {
        using var log = new AuditLog(new AuditSettings(directory, "node-1"), TimeProvider.System);
        log.Write(
            new AuditEvent(AuditKind.Change) { Principal = "ops", Target = "users:1",
                Outcome = "ACCOUNT_STATUS_CHANGED" });
        log.Write(
            new AuditEvent(AuditKind.Denied) { Principal = "mallory\u001b[31m", Address = "10.0.0.7",
                Outcome = "PERMISSION_DENIED" });
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_log_that_is_whole_is_verified_by_its_head()
    {
        var result = await Run.AloneAsync("audit", "verify", directory, "--output", "json");
        result.ExitCode.ShouldBe(0, result.Error);
        result.Json["verified"]!.GetValue<bool>().ShouldBeTrue();
        result.Json["records"]!.GetValue<int>().ShouldBe(4);
        var head = result.Json["head"]!.GetValue<string>();
        (await Run.AloneAsync("audit", "verify", directory, "--head", head)).ExitCode.ShouldBe(0);
        var cut = await Run.AloneAsync("audit", "verify", directory, "--head", "9" + head);
        cut.ExitCode.ShouldBe(3);
        cut.Out.ShouldContain("NOT_THE_HEAD");
        (await Run.AloneAsync("audit", "verify", directory, "--head", "9:no")).ExitCode.ShouldBe(2);
    }

    [Fact]
    public async Task Records_are_shown_by_whom_when_and_what_and_steer_no_terminal()
    {
        var all = await Run.AloneAsync("audit", "show", directory);
        all.ExitCode.ShouldBe(0, all.Error);
        all.Out.ShouldContain("mallory\\u001b[31m");
        all.Out.ShouldNotContain("\u001b");
        var denied = await Run.AloneAsync("audit", "show", directory, "--kind", "denied", "--output", "json");
        denied.Json["records"]!.AsArray().Single()!["address"]!.GetValue<string>().ShouldBe("10.0.0.7");
        (await Run.AloneAsync("audit", "show", directory, "--principal", "ops", "--output", "json")).Json["records"]!
            .AsArray().Count.ShouldBe(1);
        (await Run.AloneAsync("audit", "show", directory, "--to", "2020-01-01T00:00:00Z", "--output", "json"))
            .Json["records"]!.AsArray()
            .Count.ShouldBe(0);
        (await Run.AloneAsync("audit", "show", directory, "--from", "2020-01-01T00:00:00Z", "--output", "json"))
            .Json["records"]!.AsArray()
            .Count.ShouldBe(4);
        (await Run.AloneAsync("audit", "show", directory, "--kind", "nothing")).ExitCode.ShouldBe(2);
    }

    [Fact]
    public async Task A_log_that_is_not_what_was_written_is_named()
    {
        var file = Directory.GetFiles(directory, "*.jsonl").Single();
        await File.WriteAllTextAsync(
            file, (await File.ReadAllTextAsync(file)).Replace("users:1", "users:2", StringComparison.Ordinal));
        var result = await Run.AloneAsync("audit", "verify", directory);
        result.ExitCode.ShouldBe(3);
        result.Out.ShouldContain("CHANGED");
        var shown = await Run.AloneAsync("audit", "show", directory);
        shown.ExitCode.ShouldBe(3);
        shown.Error.ShouldContain("warning: ");
        var none = await Run.AloneAsync("audit", "verify", Path.Combine(directory, "none"));
        none.ExitCode.ShouldBe(2);
        none.Error.ShouldContain("There is no file or directory");
    }
}
