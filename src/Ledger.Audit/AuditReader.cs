using System.Globalization;

namespace Ledger.Audit;

/// <summary>Reads an audit log, and verifies it on the way. One pass; not thread-safe.</summary>
/// <remarks>
/// What a reader can prove: that nothing between the first and the newest record was changed, added, taken out or put
/// in another order. That nothing was cut off at the end only a head that was kept elsewhere can prove.
/// </remarks>
internal sealed class AuditReader(string path, AuditHead? known = null)
{
    private readonly List<AuditFinding> findings = [];
    private AuditHead head = AuditHead.None;
    private bool wasKnown = known is null or { Number: 0 };
    private bool isFirst = true;

    /// <summary>What was found so far.</summary>
    public IReadOnlyList<AuditFinding> Findings => findings;

    /// <summary>How many records were read.</summary>
    public long Records { get; private set; }

    /// <summary>How many files were read.</summary>
    public int Files { get; private set; }

    /// <summary>How many bytes the whole lines had.</summary>
    public long Bytes { get; private set; }

    /// <summary>The newest record that was read.</summary>
    public AuditHead Head => head;

    /// <summary>Reads all records, the oldest first.</summary>
    /// <exception cref="AuditException">There is no log, or a file can't be read.</exception>
    public IEnumerable<AuditRecord> Read()
    {
        var files = FilesOf();
        for (var i = 0; i < files.Length; i++)
        {
            Files++;
            foreach (var record in ReadFile(files[i], isLast: i == files.Length - 1))
            {
                yield return record;
            }
        }

        if (!wasKnown)
        {
            Add(AuditFindingKind.NotTheHead, files[^1], known!.Value.Number, head.Number < known.Value.Number
                ? $"Record {known.Value.Number} is known from elsewhere, and the log ends with {head.Number}: its end "
                    + "was cut off."
                : $"Record {known.Value.Number} is another than the one that is known from elsewhere.");
        }
    }

    private string[] FilesOf()
    {
        if (File.Exists(path))
        {
            return [path];
        }

        if (!Directory.Exists(path))
        {
            throw new AuditException($"There is no file or directory {path}.");
        }

        try
        {
            return AuditFolder.FilesIn(path) is { Length: > 0 } files
                ? files
                : throw new AuditException(
                    $"The directory {path} holds no file of an audit log ({AuditFolder.NameOf(1)}).");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuditException($"{path} can't be read: {e.Message}", e);
        }
    }

    private IEnumerable<AuditRecord> ReadFile(string file, bool isLast)
    {
        using var lines = AuditLines.Open(file);
        var number = 0;
        while (true)
        {
            byte[]? line;
            try
            {
                line = lines.Next();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new AuditException($"{file} can't be read: {e.Message}", e);
            }

            if (line is null)
            {
                break;
            }

            number++;
            if (AuditLine.Read(line) is var (record, hash))
            {
                Check(file, line, record, hash);
                Records++;
                yield return record;
            }
            else
            {
                Add(AuditFindingKind.NoRecord, file, head.Number + 1,
                    $"Line {number.ToString(CultureInfo.InvariantCulture)} is no record of an audit log.");
            }
        }

        Bytes += lines.WholeBytes;
        if (lines.Rest > 0)
        {
            Add(
                isLast ? AuditFindingKind.Unfinished : AuditFindingKind.NoRecord, file, head.Number + 1,
                $"The last {lines.Rest} bytes are no whole record: the process or its machine ended while it was "
                + "written, or it is being written.");
        }
    }

    private void Check(string file, byte[] line, AuditRecord record, string hash)
    {
        if (isFirst)
        {
            isFirst = false;
            head = new AuditHead(record.Number - 1, record.Previous ?? AuditHead.None.Hash);
            if (record.Number > 1)
            {
                Add(AuditFindingKind.BeginsLater, file, record.Number,
                    $"The log that was read begins with record {record.Number}; what is older is elsewhere.");
            }
        }
        else if (record.Number != head.Number + 1)
        {
            // A process that has found the end of its log cut off goes on with the numbers that it had given before.
            Add(AuditFindingKind.Missing, file, head.Number + 1, record.Number > head.Number
                ? $"Records {head.Number + 1} to {record.Number - 1} are missing: a file was deleted, or its end cut "
                    + "off."
                : $"Record {record.Number} stands behind record {head.Number}: files were put together that do not "
                    + "belong together.");
            head = new AuditHead(record.Number - 1, record.Previous ?? head.Hash);
        }

        if (record.Previous is { } previous && !string.Equals(previous, head.Hash, StringComparison.Ordinal))
        {
            Add(AuditFindingKind.Changed, file, record.Number,
                $"Record {record.Number} names another record in front of it than the one that stands there.");
        }
        else if (!AuditLine.Fits(line, head.Hash, hash))
        {
            Add(AuditFindingKind.Changed, file, record.Number,
                $"Record {record.Number} is not as it was written, or the one in front of it is not.");
        }

        if (record.Event.Kind == AuditKind.Dropped)
        {
            Add(AuditFindingKind.Dropped, file, record.Number,
                $"Record {record.Number} says that {record.Count} records were thrown away before it.");
        }

        head = new AuditHead(record.Number, hash);
        wasKnown |= known == head;
    }

    private void Add(AuditFindingKind kind, string file, long number, string text) =>
        findings.Add(new AuditFinding(kind, Path.GetFileName(file), number, text));
}
