using System.Globalization;

namespace Ledger.Actors.Timing;

/// <summary>How long the machine has run, the time in which it slept included: what no setting of its clock changes,
/// and what is the same for all processes from one start of the machine to the next.</summary>
internal class BootClock
{
    private const string UptimePath = "/proc/uptime";
    private const string BootIdPath = "/proc/sys/kernel/random/boot_id";

    private readonly Lazy<string> bootId = new(ReadBootId);

    /// <summary>Which run of the machine this is; empty where that can't be known.</summary>
    public virtual string BootId => bootId.Value;

    /// <summary>How long it has run; null where that can't be known.</summary>
    public virtual TimeSpan? Uptime
    {
        get
        {
            try
            {
                // Seconds with two decimal places, and what is of no interest here.
                var text = File.ReadAllText(UptimePath).AsSpan();
                return double.TryParse(text[..text.IndexOf(' ')], CultureInfo.InvariantCulture, out var seconds)
                    ? TimeSpan.FromSeconds(seconds)
                    : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                return null;
            }
        }
    }

    private static string ReadBootId()
    {
        try
        {
            return File.ReadAllText(BootIdPath).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
