using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Audit.Tests;

/// <summary>Goal: whatever happens to the files of an audit log has an outcome that is named, and the chain goes on.
/// Method: real files, which are cut, deleted and changed between one process's life and the next, and while one
/// writes.</summary>
public sealed class AuditFileTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-audit-").FullName;
    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 11, 30, 9, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_chain_goes_on_over_restarts_and_rotations()
    {
        Write(3);
        Write(40, fileBytesMax: 2_000);
        Write(1);
        var reader = Read(out var records);
        reader.Findings.ShouldBeEmpty();
        reader.Files.ShouldBeGreaterThan(3);
        records.Select(static one => one.Number)
            .ShouldBe(Enumerable.Range(1, records.Count).Select(static one => (long)one));
        records.Count(static one => one.Event.Kind == AuditKind.Denied).ShouldBe(44);
        records.Where(static one => one.Event.Kind == AuditKind.Opened).Select(static one => one.Event.Outcome!)
            .Distinct()
            .ShouldBe(["started", "rotated"], ignoreOrder: true);
    }

    [Fact]
    public void Nobody_else_can_read_the_files()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var inner = Path.Combine(directory, "new");
        using (var file = new AuditFile(inner, 1_000, "n", clock))
        {
            file.Flush(toDisk: true);
            file.KeepHead();
        }

        File.GetUnixFileMode(inner).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.GetFiles(inner).Length.ShouldBe(3);
        foreach (var one in Directory.GetFiles(inner))
        {
            File.GetUnixFileMode(one).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, one);
        }
    }

    [Fact]
    public void Two_processes_do_not_write_one_log()
    {
        using var first = new AuditFile(directory, 1_000, "n", clock);
        Should.Throw<AuditException>(() => new AuditFile(directory, 1_000, "n", clock)).Message
            .ShouldContain("in use by another process");
    }

    [Fact]
    public void A_record_that_a_crash_has_torn_is_cut_off_and_that_is_on_record()
    {
        Write(3);
        var file = Newest();
        var whole = new FileInfo(file).Length;
        File.AppendAllText(file, """{"n":6,"t":"2026""");
        Read(out _).Findings.Single().Kind.ShouldBe(AuditFindingKind.Unfinished);
        Write(1);
        var reader = Read(out var records);
        reader.Findings.ShouldBeEmpty();
        var opened = records.Last(static one => one.Event.Kind == AuditKind.Opened);
        (opened.Event.Outcome, opened.Event.Detail)
            .ShouldBe(("torn", "16 bytes of a record that was not whole were cut off."));
        new FileInfo(file).Length.ShouldBeGreaterThan(whole);
    }

    [Fact]
    public void A_file_that_was_begun_by_a_process_that_ended_at_once_is_no_gap()
    {
        Write(2);
        var begun = Path.Combine(directory, AuditFolder.NameOf(5));
        File.WriteAllText(begun, """{"n":""");
        Write(1);
        File.Exists(begun).ShouldBeFalse();
        var reader = Read(out var records);
        reader.Findings.ShouldBeEmpty();
        records.Last(static one => one.Event.Kind == AuditKind.Opened).Event.Outcome.ShouldBe("torn");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_end_that_was_cut_off_between_two_lives_leaves_a_gap_in_the_numbers(int lines)
    {
        Write(10);
        var file = Newest();
        File.WriteAllLines(file, File.ReadAllLines(file)[..^lines]);

        // Without a head from elsewhere nobody can tell; the next process has one.
        Read(out _).Findings.ShouldBeEmpty();
        var fault = Write(1);
        fault.ShouldNotBeNull().ShouldContain("its end was cut off");
        var reader = Read(out var records);
        var missing = reader.Findings.Single();
        (missing.Kind, missing.IsFault, missing.Number).ShouldBe((AuditFindingKind.Missing, true, 12 - lines));
        records.Last(static one => one.Event.Kind == AuditKind.Opened).Event.Outcome.ShouldBe("cut");
        Write(1).ShouldBeNull("The next one finds its own files as they were left.");
    }

    [Fact]
    public void A_head_that_was_kept_elsewhere_proves_that_the_end_is_gone()
    {
        AuditHead head;
        using (var file = Open())
        {
            Append(file, 5);
            head = file.Durable;
        }

        Read(out _, head).Findings.ShouldBeEmpty();
        var path = Newest();
        File.WriteAllLines(path, File.ReadAllLines(path)[..^1]);
        Read(out _, head).Findings.Single().Kind.ShouldBe(AuditFindingKind.NotTheHead);
        Read(out _, head with { Number = 2 }).Findings.Single().Kind.ShouldBe(AuditFindingKind.NotTheHead);
    }

    [Fact]
    public void A_log_that_was_deleted_whole_goes_on_behind_the_number_that_is_known()
    {
        Write(5);
        foreach (var file in AuditFolder.FilesIn(directory))
        {
            File.Delete(file);
        }

        Write(1).ShouldNotBeNull().ShouldContain("are gone; its newest record was 6");
        Read(out var records).Findings.Single().Kind.ShouldBe(AuditFindingKind.BeginsLater);
        (records[0].Number, records[0].Event.Outcome).ShouldBe((7, "deleted"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12 garbage")]
    public void A_head_that_can_not_be_read_is_no_first_start(string text)
    {
        Write(3);
        Read(out var before);
        File.WriteAllText(Path.Combine(directory, AuditFolder.HeadName), text);
        Write(1);
        Read(out var records);
        records.Select(static one => one.Number)
            .ShouldBe(Enumerable.Range(1, records.Count).Select(static one => (long)one));
        var opened = records.Last(static one => one.Event.Kind == AuditKind.Opened);
        opened.Event.Outcome.ShouldBe("changed");
        opened.Event.Detail.ShouldNotBeNull().ShouldContain(AuditFolder.HeadName);
        records.Count.ShouldBeGreaterThan(before.Count);
    }

    [Fact]
    public void A_file_in_the_middle_that_is_gone_is_missed_by_its_numbers()
    {
        Write(40, fileBytesMax: 2_000);
        var middle = AuditFolder.FilesIn(directory)[1];
        var (first, next) = (AuditFolder.FirstOf(middle), AuditFolder.FirstOf(AuditFolder.FilesIn(directory)[2]));
        File.Delete(middle);
        var missing = Read(out _).Findings.Single();
        (missing.Kind, missing.Number).ShouldBe((AuditFindingKind.Missing, first!.Value));
        missing.Text.ShouldContain($"Records {first} to {next - 1} are missing");
    }

    [Fact]
    public void A_record_that_was_changed_taken_out_or_added_is_found()
    {
        Write(6);
        var file = Newest();
        var lines = File.ReadAllLines(file);

        File.WriteAllLines(
            file,
            lines.Select(
                static (line, i) => i == 3 ? line.Replace("nobody", "somebody", StringComparison.Ordinal) : line));
        var changed = Read(out _).Findings.Single();
        (changed.Kind, changed.Number).ShouldBe((AuditFindingKind.Changed, 4));

        File.WriteAllLines(file, lines.Where(static (_, i) => i != 3));
        Read(out _).Findings[0].Kind.ShouldBe(AuditFindingKind.Missing);

        File.WriteAllLines(file, [.. lines[..4], lines[3], .. lines[4..]]);
        Read(out _).Findings
            .ShouldContain(static one => one.Kind == AuditFindingKind.Missing && one.Text.Contains("stands behind"));

        File.WriteAllLines(file, [.. lines[..4], "nothing", .. lines[4..]]);
        Read(out _).Findings.Single().Kind.ShouldBe(AuditFindingKind.NoRecord);

        // Whoever forges a record with its hash can't forge what comes behind it.
        var (forged, _) = AuditLine.Write(
            AuditLine.Read(Encoding.ASCII.GetBytes(lines[3]))!.Value.Record with { Node = "x" }, HashOf(lines[2]));
        File.WriteAllLines(file, [.. lines[..3], Encoding.ASCII.GetString(forged), .. lines[4..]]);
        var behind = Read(out _).Findings.Single();
        (behind.Kind, behind.Number).ShouldBe((AuditFindingKind.Changed, 5));

        Write(1).ShouldNotBeNull().ShouldContain("is not as it was written");
    }

    [Theory]
    [InlineData(true, "deleted")]
    [InlineData(false, "cut")]
    public void A_file_that_is_deleted_or_cut_while_it_is_written_is_noticed(bool isDeleted, string outcome)
    {
        using var file = Open();
        Append(file, 3);
        if (isDeleted)
        {
            File.Delete(Newest());
        }
        else
        {
            File.WriteAllText(Newest(), "");
        }

        file.Look();
        Append(file, 1);
        file.Fault.ShouldNotBeNull();
        Read(out var records);
        records.ShouldContain(
            one => one.Number == 5 && one.Event.Kind == AuditKind.Opened && one.Event.Outcome == outcome);
    }

    [Fact]
    public void What_a_full_disk_did_not_take_is_written_later_at_the_same_place()
    {
        var isFull = false;
        using (var file = new AuditFile(directory, 1_000_000, "n", clock, (handle, bytes, at) =>
        {
            // As write(2) does it: a part of it, and then no more.
            RandomAccess.Write(handle, bytes.Span[..(isFull ? bytes.Length / 2 : bytes.Length)], at);
            if (isFull)
            {
                throw new IOException("No space left on device");
            }
        }))
        {
            Append(file, 2);
            isFull = true;
            file.Append(new AuditEvent(AuditKind.Denied));
            Should.Throw<IOException>(() => file.Flush(toDisk: true));
            Read(out _).Findings.ShouldBeEmpty("Whoever reads meanwhile finds whole records.");
            Should.Throw<IOException>(() => file.Flush(toDisk: true));
            isFull = false;
            file.Flush(toDisk: true);
            file.Pending.ShouldBe(0);
        }

        Read(out var records).Findings.ShouldBeEmpty();
        records.Count.ShouldBe(4);
    }

    [Fact]
    public void What_the_disk_refused_once_is_written_again_before_it_is_believed()
    {
        // As the kernel does it: what could not be put on the disk is forgotten, and the next sync says that all is
        // well.
        var (fails, onDisk, waiting) = (false, new SortedDictionary<long, byte>(), new Dictionary<long, byte>());
        using var file = new AuditFile(
            directory, 1_000_000, "n", clock,
            (handle, bytes, at) =>
            {
                RandomAccess.Write(handle, bytes.Span, at);
                for (var place = 0; place < bytes.Length; place++)
                {
                    waiting[at + place] = bytes.Span[place];
                }
            },
            _ =>
            {
                var put = waiting.ToArray();
                waiting.Clear();
                if (fails)
                {
                    throw new IOException("Input/output error");
                }

                foreach (var (place, one) in put)
                {
                    onDisk[place] = one;
                }
            });
        Append(file, 2);
        fails = true;
        var durable = file.Durable;
        file.Append(new AuditEvent(AuditKind.Denied));
        Should.Throw<IOException>(() => file.Flush(toDisk: true));
        file.Append(new AuditEvent(AuditKind.Denied));
        Should.Throw<IOException>(() => file.Flush(toDisk: true));
        file.Durable.ShouldBe(durable);
        fails = false;
        file.Flush(toDisk: true);

        file.Durable.ShouldBe(file.Head);
        onDisk.Values.ToArray().ShouldBe(File.ReadAllBytes(Newest()));
    }

    [Fact]
    public void A_process_does_not_believe_what_the_one_before_could_not_put_on_the_disk()
    {
        using (var file = new AuditFile(
            directory, 1_000_000, "n", clock, sync: static _ => throw new IOException("Input/output error")))
        {
            file.Append(new AuditEvent(AuditKind.Denied));
            Should.Throw<IOException>(() => file.Flush(toDisk: true));
        }

        var before = new FileInfo(Newest()).Length;
        var written = new SortedDictionary<long, int>();
        using var next = new AuditFile(directory, 1_000_000, "n", clock, (handle, bytes, at) =>
        {
            RandomAccess.Write(handle, bytes.Span, at);
            written[at] = bytes.Length;
        });
        next.Flush(toDisk: true);
        written.Keys.First().ShouldBe(0);
        written[0].ShouldBeGreaterThan((int)before);
    }

    [Fact]
    public void What_is_no_audit_log_is_said_to_be_none()
    {
        Should.Throw<AuditException>(() => new AuditReader(Path.Combine(directory, "none")).Read().ToArray())
            .Message.ShouldContain("There is no file or directory");
        Should.Throw<AuditException>(() => new AuditReader(directory).Read().ToArray()).Message
            .ShouldContain("holds no file of an audit log");
        var other = Path.Combine(directory, AuditFolder.NameOf(1));
        File.WriteAllBytes(other, [.. Enumerable.Repeat((byte)'x', 1_000_000), (byte)'\n', 0, 255, (byte)'\n']);
        Read(out var records).Findings.Select(static one => one.Kind)
            .ShouldBe([AuditFindingKind.NoRecord, AuditFindingKind.NoRecord]);
        records.ShouldBeEmpty();
    }

    private static string HashOf(string line) => AuditLine.Read(Encoding.ASCII.GetBytes(line))!.Value.Hash;

    private static void Append(AuditFile file, int count)
    {
        for (var i = 0; i < count; i++)
        {
            file.Append(new AuditEvent(AuditKind.Denied) { Principal = "nobody" });
            file.Flush(toDisk: true);
        }

        file.KeepHead();
    }

    private string Newest() => AuditFolder.FilesIn(directory)[^1];

    private AuditFile Open(long fileBytesMax = 1_000_000) => new(directory, fileBytesMax, "node", clock);

    // One life of a process: what it found wrong.
    private string? Write(int count, long fileBytesMax = 1_000_000)
    {
        using var file = Open(fileBytesMax);
        Append(file, count);
        return file.Fault;
    }

    private AuditReader Read(out List<AuditRecord> records, AuditHead? known = null)
    {
        var reader = new AuditReader(directory, known);
        records = [.. reader.Read()];
        return reader;
    }
}
