using System.Globalization;

namespace Ledger.Conformance.Grammar;

/// <summary>A table that can't be read; the message says where and why.</summary>
internal sealed class TableException(string table, int line, string problem) : Exception($"{table}:{line}: {problem}");

/// <summary>What is wrong with a row; the parser adds where it is.</summary>
internal sealed class RowException(string problem) : Exception(problem);

/// <summary>The words of one row, read from left to right.</summary>
internal sealed class Cells(string row, string[] words)
{
    private int next;

    public int Left => words.Length - next;

    /// <summary>Requires the row to have a number of words that is one of those given, after its keyword.</summary>
    public void RequireCount(params int[] counts)
    {
        if (!counts.Contains(Left))
        {
            throw new RowException(
                $"'{row}' has {Left} columns; it must have {string.Join(" or ", counts)}.");
        }
    }

    public string Word(string column) => next < words.Length
        ? words[next++]
        : throw new RowException($"'{row}' ends before its column '{column}'.");

    /// <summary>Reads a number of so many bits: a letter before it is decoration, <c>_</c> is 0, and <c>-N</c> is the
    /// largest less N.</summary>
    public UInt128 Number(string column, int bits = 128)
    {
        var word = Word(column);
        if (word == "_")
        {
            return UInt128.Zero;
        }

        var max = bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
        var digits = word.AsSpan(char.IsAsciiLetter(word[0]) ? 1 : 0);
        var fromMax = digits is ['-', ..];
        if (!UInt128.TryParse(
            digits[(fromMax ? 1 : 0)..], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            throw new RowException($"The column '{column}' of '{row}' is '{word}', which is no number below 2^128.");
        }

        if (value > max)
        {
            throw new RowException(
                $"The column '{column}' of '{row}' is '{word}', which does not fit into {bits} bits.");
        }

        return fromMax ? max - value : value;
    }

    public ulong Number64(string column) => (ulong)Number(column, 64);

    public uint Number32(string column) => (uint)Number(column, 32);

    public uint Number16(string column) => (uint)Number(column, 16);

    /// <summary>Reads a flag: its short name when set, else <c>_</c>.</summary>
    public bool Flag(string name)
    {
        var word = Word(name);
        return word == name || (word == "_"
            ? false
            : throw new RowException($"The column '{name}' of '{row}' is '{word}'; it must be '{name}' or '_'."));
    }

    public Counters Counters() => new(
        Number("debits_pending"), Number("debits_posted"), Number("credits_pending"), Number("credits_posted"));

    public string Status()
    {
        var word = Word("status");
        return word.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_') && word != "_"
            ? word
            : throw new RowException($"'{row}' ends with '{word}', which is no status such as 'created'.");
    }
}
