namespace Ledger.Actors.Storage;

/// <summary>Shows stored rows the way the reading side does.</summary>
internal static class StreamRows
{
    public static IReadOnlyList<StreamRow> From(List<StoredRow> rows)
    {
        var result = new List<StreamRow>(rows.Count);
        foreach (var row in rows)
        {
            result.Add(new StreamRow(row.SequenceNr, row.Manifest, row.Message));
        }

        return result;
    }
}
