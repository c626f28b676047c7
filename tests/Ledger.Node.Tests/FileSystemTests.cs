using System.Diagnostics;
using System.Net.Http.Json;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.Node.Tests;

/// <summary>Goal: what a system makes of files is borne, or refused in a sentence. A SQLite file that is mounted at
/// another place as well is still one file, for one node, and one that is mounted without its directory, so that
/// SQLite's log would lie beside it and be left behind, is refused. Method: real nodes; real mounts, in a mount
/// namespace of its own, for which one must be root: who is not says so and leaves it out.</summary>
public sealed class FileSystemTests(ITestOutputHelper log) : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-mount-");
    private readonly HttpClient http = new();

    [Fact]
    public async Task A_second_node_on_a_bind_mount_of_the_file_or_its_directory_is_refused()
    {
        if (!await CanMountAsync())
        {
            return;
        }

        var (real, mounted) = (directory.CreateSubdirectory("real"), directory.CreateSubdirectory("mounted"));
        var file = Path.Combine(real.FullName, "ledger.db");
        var other = Path.Combine(directory.FullName, "other name.db");
        await File.WriteAllTextAsync(other, "");
        var inDirectory = Path.Combine(mounted.FullName, "ledger.db");

        using (var first = new NodeProcess(real.FullName, $"--Ledger:Sqlite:Path={file}"))
        {
            var url = await first.ListeningAsync();
            var opened = await http.PostAsJsonAsync(
                new Uri(url, "/v1/accounts"),
                new { accounts = new[] { new { address = "a", asset = "USD/2", code = 1 } } });
            opened.EnsureSuccessStatusCode();

            foreach (var (from, to, name)
                in new[] { (file, other, other), (real.FullName, mounted.FullName, inDirectory) })
            {
                using var second = Mounted(from, to, $"--Ledger:Sqlite:Path={name}");
                (await second.ExitAsync()).ShouldBe(1, second.Output);
                second.Output.ShouldContain("is in use by another process or ledger");
            }

            first.Terminate();
            (await first.ExitAsync()).ShouldBe(0, first.Output);
        }

        // By itself, also when nobody has it: what is committed there would lie in a log that nobody looks for.
        using (var alone = Mounted(file, other, $"--Ledger:Sqlite:Path={other}"))
        {
            (await alone.ExitAsync()).ShouldBe(1, alone.Output);
            alone.Output.ShouldContain("is mounted by itself");
            alone.Output.ShouldContain("Mount its directory.");
        }

        using var whole = Mounted(real.FullName, mounted.FullName, $"--Ledger:Sqlite:Path={inDirectory}");
        (await http.GetStringAsync(new Uri(await whole.ListeningAsync(), "/v1/accounts/a"))).ShouldContain("USD/2");
        whole.Terminate();
        (await whole.ExitAsync()).ShouldBe(0, whole.Output);
    }

    [Fact]
    public async Task Nobody_else_can_read_or_write_the_files_whatever_the_umask_is()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string[] shell = ["sh", "-c", "umask 000; exec \"$@\"", "sh"];
        var place = Path.Combine(directory.FullName, "new");
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        using (var node = new NodeProcess(
            directory.FullName, shell, new Dictionary<string, string>(), "--Ledger:Sqlite:Path=new/ledger.db"))
        {
            await node.ListeningAsync();
            File.GetUnixFileMode(place).ShouldBe(owner);

            // The side files come and go with the connections, so that each is looked at once it has been there.
            var missing = new HashSet<string>(StringComparer.Ordinal)
            {
                "ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock",
                "ledger.index.db", "ledger.snapshots.db", "ledger.work.db",
            };
            await Until.TrueAsync(() =>
            {
                foreach (var file in new DirectoryInfo(place).GetFiles())
                {
                    // None, if its connection has been closed since the directory was listed.
                    if (file.UnixFileMode is var mode && (int)mode != -1)
                    {
                        (mode & ~owner).ShouldBe(UnixFileMode.None, file.Name);
                        missing.Remove(file.Name);
                    }
                }

                return missing.Count == 0;
            });

            node.Output.ShouldNotContain("chmod");
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }

        // Of before, or of somebody who meant well.
        File.SetUnixFileMode(Path.Combine(place, "ledger.db"), owner | UnixFileMode.GroupRead);
        using var again = new NodeProcess(
            directory.FullName, shell, new Dictionary<string, string>(), "--Ledger:Sqlite:Path=new/ledger.db");
        await again.ListeningAsync();
        await Until.TrueAsync(() => again.Output.Contains("chmod go-rwx", StringComparison.Ordinal));
        again.Output.ShouldContain(Path.Combine(place, "ledger.db"));
        again.Terminate();
        (await again.ExitAsync()).ShouldBe(0, again.Output);
    }

    [Fact]
    public async Task Too_few_open_files_are_told_in_a_sentence()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var node = new NodeProcess(
            directory.FullName, ["sh", "-c", "ulimit -n 200; exec \"$@\"", "sh"], new Dictionary<string, string>(),
            "--Ledger:Sqlite:Path=new/ledger.db");
        (await node.ExitAsync()).ShouldBe(1, node.Output);
        node.Output.ShouldContain(
            "ledger: the process may have 200 files open (ulimit -n), and a node needs 512 at least.");
    }

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    private NodeProcess Mounted(string from, string to, string setting) => new(
        directory.FullName,
        ["unshare", "-m", "sh", "-c", "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"", "sh", from, to],
        new Dictionary<string, string>(), setting);

    private async Task<bool> CanMountAsync()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            log.WriteLine("Left out: to mount, one must be root on Linux.");
            return false;
        }

        var probe = directory.CreateSubdirectory("probe").FullName;
        using var process = Process.Start(new ProcessStartInfo("unshare", ["-m", "mount", "--bind", probe, probe])
        {
            RedirectStandardError = true, UseShellExecute = false,
        })!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            log.WriteLine($"Left out: this machine lets nobody mount: {error}");
        }

        return process.ExitCode == 0;
    }
}
