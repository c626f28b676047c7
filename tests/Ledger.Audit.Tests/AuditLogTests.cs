using Ledger.Tests.Shared;

namespace Ledger.Audit.Tests;

/// <summary>The queue before the files: it never waits, it counts what it throws away, and an attack makes few
/// records.</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-audit-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void What_many_threads_write_is_in_one_chain_when_the_log_ends()
    {
        using (var log = new AuditLog(
            new AuditSettings(directory, "n") { QueueMax = 100_000, FileBytesMax = 64 * 1024 }, TimeProvider.System))
        {
            Parallel.For(0, 8, thread =>
            {
                for (var i = 0; i < 500; i++)
                {
                    log.Write(new AuditEvent(AuditKind.Change) { Target = $"{thread}:{i}" });
                }
            });
        }

        var reader = Read(out var records);
        reader.Findings.ShouldBeEmpty();
        records.Where(static one => one.Event.Kind == AuditKind.Change).Select(static one => one.Event.Target)
            .Distinct().Count().ShouldBe(4_000);
        (records[0].Event.Kind, records[^1].Event.Kind).ShouldBe((AuditKind.Opened, AuditKind.Closed));
    }

    [Fact]
    public async Task A_disk_that_stalls_stops_no_caller_and_what_is_lost_is_counted()
    {
        using var stalls = new ManualResetEventSlim();
        var settings = new AuditSettings(directory, "n")
        {
            QueueMax = 16,
            Write = (handle, bytes, at) =>
            {
                stalls.Wait();
                RandomAccess.Write(handle, bytes.Span, at);
            },
        };
        long dropped;
        using (var log = new AuditLog(settings, TimeProvider.System))
        {
            await Until.TrueAsync(() =>
            {
                log.Write(new AuditEvent(AuditKind.Change));
                return log.Dropped > 20;
            });
            log.IsWriting.ShouldBeFalse();
            dropped = log.Dropped;
            stalls.Set();
            await Until.TrueAsync(() => log.IsWriting && log.Written > 16);
        }

        var reader = Read(out var records);
        reader.Findings.ShouldAllBe(static one => one.Kind == AuditFindingKind.Dropped);
        records.Where(static one => one.Event.Kind == AuditKind.Dropped).Sum(static one => one.Count).ShouldBe(dropped);
    }

    [Fact]
    public async Task A_full_disk_is_told_once_and_over_when_there_is_room()
    {
        var isFull = true;
        var told = new List<string>();
        var settings = new AuditSettings(directory, "n")
        {
            Write = (handle, bytes, at) =>
            {
                if (Volatile.Read(ref isFull))
                {
                    throw new IOException("No space left on device");
                }

                RandomAccess.Write(handle, bytes.Span, at);
            },
            Failed = problem =>
            {
                lock (told)
                {
                    told.Add(problem);
                }
            },
        };
        using (var log = new AuditLog(settings, TimeProvider.System))
        {
            log.Write(new AuditEvent(AuditKind.Change) { Target = "a" });
            await Until.TrueAsync(() => !log.IsWriting);
            log.Problem.ShouldNotBeNull().ShouldContain("No space left on device");
            Volatile.Write(ref isFull, false);
            await Until.TrueAsync(() => log is { IsWriting: true, Written: > 0 });
            log.Problem.ShouldBeNull();
        }

        told.Count.ShouldBe(1);
        Read(out var records).Findings.ShouldBeEmpty();
        records.ShouldContain(static one => one.Event.Target == "a");
    }

    [Fact]
    public void A_flood_of_failures_is_summed_up()
    {
        using (var log = new AuditLog(new AuditSettings(directory, "n"), TimeProvider.System))
        {
            for (var i = 0; i < 200_000; i++)
            {
                log.Write(new AuditEvent(AuditKind.AuthenticationFailed)
                {
                    Credential = "key:"
                        + new string((char)(0x4e00 + (i % 5_000)), 300), Address = $"10.0.0.{i % 200}", Method = "m",
                });
            }

            log.Dropped.ShouldBe(0);
        }

        Directory.GetFiles(directory, "*.jsonl").Sum(static file => new FileInfo(file).Length)
            .ShouldBeLessThan(200_000);
        Read(out var records).Findings.ShouldBeEmpty();
        var failures = records.Where(static one => one.Event.Kind == AuditKind.AuthenticationFailed).ToArray();
        failures.Sum(static one => one.Count == 0 ? 1 : one.Count).ShouldBe(200_000, "None is lost but in a sum.");
    }

    [Fact]
    public void Nobody_hides_behind_a_crowd_of_strangers()
    {
        var sums = new AuditSums(TimeProvider.System);
        for (var i = 0; i < 1000; i++)
        {
            sums.IsFirst(
                new AuditEvent(AuditKind.AuthenticationFailed) { Address = $"10.0.0.{i % 250}",
                    Credential = $"key:{i}" });
        }

        sums.IsFirst(new AuditEvent(AuditKind.Denied) { Principal = "insider" }).ShouldBeTrue();
    }

    [Fact]
    public void A_change_that_failed_is_in_a_sum()
    {
        var sums = new AuditSums(TimeProvider.System);
        var failed =
            new AuditEvent(AuditKind.Change) { Principal = "a", Outcome = "MALFORMED_REQUEST", HasFailed = true };
        sums.IsFirst(failed).ShouldBeTrue();
        sums.IsFirst(failed).ShouldBeFalse();
        sums.IsFirst(failed with { Outcome = "OK", HasFailed = false }).ShouldBeTrue();
    }

    [Fact]
    public void A_change_is_never_in_a_sum()
    {
        var sums = new AuditSums(TimeProvider.System);
        foreach (var kind in Enum.GetValues<AuditKind>())
        {
            var entry = new AuditEvent(kind) { Principal = "p" };
            sums.IsFirst(entry).ShouldBeTrue();
            sums.IsFirst(entry).ShouldBe(
                kind is not (
                    AuditKind.AuthenticationFailed or AuditKind.Denied or AuditKind.Blocked or AuditKind.KeyLocked));
        }

        sums.Take(atOnce: true).Count.ShouldBe(4);
        sums.Take(atOnce: true).ShouldBeEmpty();
    }

    private AuditReader Read(out List<AuditRecord> records)
    {
        var reader = new AuditReader(directory);
        records = [.. reader.Read()];
        return reader;
    }
}
