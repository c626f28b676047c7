using System.Globalization;
using System.Text;

namespace Ledger.Cli.Output;

/// <summary>Names and times as the API writes them.</summary>
internal static class Names
{
    /// <summary>The name of a status, as in the API and its documentation: <c>EXCEEDS_CREDITS</c>.</summary>
    public static string Of<TEnum>(TEnum status)
        where TEnum : struct, Enum => ScreamingSnake(status.ToString());

    public static string ScreamingSnake(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(c));
        }

        return text.ToString();
    }

    /// <summary>A time in UTC, with as many decimals as it has.</summary>
    public static string Of(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    public static string Of(DateTimeOffset? time) => time is null ? "" : Of(time.Value);

    /// <summary>A length of time in seconds, with as many decimals as it has.</summary>
    public static string Of(TimeSpan time) =>
        (time.Ticks / (decimal)TimeSpan.TicksPerSecond).ToString("0.#######", CultureInfo.InvariantCulture) + "s";
}
