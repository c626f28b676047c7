using System.Globalization;

namespace Ledger.Chaos.Attacks;

/// <summary>A part of the processors that processes may have together, kept by the kernel (a control group) where this
/// machine lets us make one.</summary>
internal sealed class ProcessorQuota : IDisposable
{
    private const int PeriodMicroseconds = 100_000;
    private const string First = "/sys/fs/cgroup/cpu";
    private const string Second = "/sys/fs/cgroup";

    private readonly string? directory;

    private ProcessorQuota(double cores, string? directory, string description) =>
        (Cores, this.directory, Description) = (cores, directory, description);

    /// <summary>How much.</summary>
    public double Cores { get; }

    /// <summary>What a process must keep to by itself; 0 where the kernel sees to it.</summary>
    public double OwnCores => directory is null ? Cores : 0;

    /// <summary>How it is kept, for people.</summary>
    public string Description { get; }

    /// <summary>The file that a process writes its number into, to be in it; null where there is none.</summary>
    public string? Members => directory is null ? null : Path.Combine(directory, "cgroup.procs");

    /// <summary>Makes one.</summary>
    public static ProcessorQuota Make(double cores)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"ledger-attack-{Environment.ProcessId}");
        var quota = ((int)(cores * PeriodMicroseconds)).ToString(CultureInfo.InvariantCulture);
        var period = PeriodMicroseconds.ToString(CultureInfo.InvariantCulture);
        (string, (string, string)[])? found = File.Exists(Path.Combine(First, "cpu.cfs_quota_us"))
            ? (First, [("cpu.cfs_period_us", period), ("cpu.cfs_quota_us", quota)])
            : File.Exists(Path.Combine(Second, "cgroup.controllers"))
                ? (Second, [("cpu.max", $"{quota} {period}")])
                : null;
        if (found is var (root, files))
        {
            var directory = Path.Combine(root, name);
            try
            {
                Directory.CreateDirectory(directory);
                foreach (var (file, text) in files)
                {
                    File.WriteAllText(Path.Combine(directory, file), text);
                }

                return new ProcessorQuota(cores, directory, $"a control group in {root}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Remove(directory);
            }
        }

        return new ProcessorQuota(
            cores, null, "its own count of its processor time, since no control group can be made here");
    }

    public void Dispose()
    {
        if (directory is not null)
        {
            Remove(directory);
        }
    }

    // With the processes gone the group may be removed, which its files may not.
    private static void Remove(string directory)
    {
        try
        {
            Directory.Delete(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Empty as it is, it does no harm.
        }
    }
}
