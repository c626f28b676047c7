namespace Ledger.Actors.Storage;

/// <summary>How much a page of rows may hold.</summary>
/// <param name="Rows">Rows, at least 1.</param>
/// <param name="Bytes">Bytes of their content; the first row comes however long it is.</param>
internal readonly record struct PageSize(int Rows, long Bytes)
{
    /// <summary>Whether there is no smaller one: one row.</summary>
    public bool IsLeast => Rows == 1;

    /// <summary>Half of it.</summary>
    public PageSize Half() => new(Math.Max(1, Rows / 2), Math.Max(1, Bytes / 2));

    /// <summary>No more rows than this.</summary>
    /// <param name="rows">Rows, at least 1.</param>
    public PageSize AtMost(int rows) => Rows <= rows ? this : this with { Rows = rows };
}
