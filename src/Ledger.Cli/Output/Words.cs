using System.Text;
using Spectre.Console.Rendering;

namespace Ledger.Cli.Output;

/// <summary>Breaks text for a terminal between its words: the terminal itself would break an amount or an id.</summary>
internal static class Words
{
    /// <summary>How many places of a terminal's line a text takes.</summary>
    public static int Cells(string text) => new Segment(text).CellCount();

    /// <summary>Breaks a text, whose own ends of lines are kept. A word that is longer than a line has one of its
    /// own.</summary>
    /// <param name="text">The text.</param>
    /// <param name="width">How many places a line has.</param>
    /// <param name="newLine">The end of a line.</param>
    public static string Break(string text, int width, string newLine)
    {
        if (text.Length <= width && Cells(text) <= width)
        {
            return text;
        }

        var shown = new StringBuilder(text.Length + 16);
        foreach (var line in text.Split('\n'))
        {
            shown.Append(shown.Length == 0 ? "" : newLine);
            var left = width;
            foreach (var word in line.Split(' '))
            {
                var cells = Cells(word);
                if (left < width)
                {
                    var fits = cells < left;
                    shown.Append(fits ? " " : newLine);
                    left = fits ? left - 1 : width;
                }

                shown.Append(word);
                left -= cells;
            }
        }

        return shown.ToString();
    }
}
