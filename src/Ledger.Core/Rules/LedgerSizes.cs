namespace Ledger;

/// <summary>How many bytes each thing may have, in one order: what can be decided can be stored, sent, read and woken
/// (R17).</summary>
/// <remarks>
/// <para>All layers take their limits from here: the core, the journal, the transport between nodes and the API. A
/// limit that is changed alone lets something in that the next layer can't carry, so a test reads what a node is really
/// configured with and fails when the order is broken:</para>
/// <code>
///   metadata of a transfer  4 KiB
/// &lt; transfer                6 KiB
/// &lt; row is closed at        1 MiB, or 1,000 events
/// &lt; transaction             2 MiB     its journaled and its public form, all addresses counted
/// &lt; row                     2.5 MiB   one event at least
/// &lt; answer                  3.5 MiB
/// &lt; request                 4 MiB     what clients of other languages receive by default; JSON 8 MiB
/// &lt; message between nodes   5 MiB
/// &lt; frame                   6 MiB
/// &lt; page of rows            8 MiB
/// = group of rows           8 MiB     and one row
/// &lt; snapshot                47 MiB     the holds, ids and doubt that the settings allow
/// &lt; what the slowest link that is promised, 100 Mbit/s, brings within a statement's time of 4 s
/// </code>
/// </remarks>
public static class LedgerSizes
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    /// <summary>The metadata of one transfer, or of one account: keys and values together, in UTF-8.</summary>
    public const int MetadataMax = 4 * KiB;

    /// <summary>One transfer with everything at its longest, in any form.</summary>
    public const int TransferMax = 6 * KiB;

    /// <summary>A row of a journal takes no further event once it has as many.</summary>
    public const int RowFull = 1 * MiB;

    /// <summary>A row of a journal takes no further event once what its commits stand for, which earlier rows hold, has
    /// as many: so a statement can show any row, and reads no more than this and one transaction for it.</summary>
    public const int RowContentFull = 8 * MiB;

    /// <summary>One transaction: the larger of its journaled and its public form, with all addresses, and with what it
    /// opens and inherits.</summary>
    public const int TransactionMax = 2 * MiB;

    /// <summary>One row of a journal: the events until it is full, or the one event that is larger.</summary>
    public const int RowMax = 2 * MiB + 512 * KiB;

    /// <summary>One answer of the API.</summary>
    public const int AnswerMax = 3 * MiB + 512 * KiB;

    /// <summary>One request message of the API, in protobuf.</summary>
    public const int RequestMax = 4 * MiB;

    /// <summary>One request body of the API in JSON, which repeats the names of all fields.</summary>
    public const int JsonRequestMax = 8 * MiB;

    /// <summary>One message between two nodes: the sender refuses a larger one.</summary>
    public const int MessageMax = 5 * MiB;

    /// <summary>One frame between two nodes: a message and what the transport adds.</summary>
    public const int FrameMax = 6 * MiB;

    /// <summary>What a connection between two nodes buffers each way.</summary>
    public const int FrameBuffer = 2 * FrameMax;

    /// <summary>The rows that one statement reads; one row at least.</summary>
    public const int PageMax = 8 * MiB;

    /// <summary>The rows that one statement writes: no further row is added once it has as many.</summary>
    public const int GroupFull = 8 * MiB;

    /// <summary>The rows that a page of a statement of account reads: it ends when it has read as many, with one entry
    /// at least. What is read at once when that is noticed comes on top: a page of rows, and what one row
    /// commits.</summary>
    public const int StatementReadMax = 32 * MiB;

    /// <summary>A snapshot is due when the rows since the last one have as many: replayed in less than a
    /// second.</summary>
    public const int SnapshotDue = 16 * MiB;

    /// <summary>One snapshot: what the slowest link brings within a statement's time of 4 s.</summary>
    public const int SnapshotMax = 47 * MiB;

    /// <summary>One hold in a snapshot, with everything at its longest.</summary>
    public const int HoldInSnapshot = 256;

    /// <summary>One id that is remembered, in a snapshot.</summary>
    public const int IdInSnapshot = 64;

    /// <summary>Old doubt in a snapshot: as much as makes an account take no more, and a transaction.</summary>
    public const int DoubtInSnapshot = 16 * MiB + TransactionMax;

    /// <summary>What else is in a snapshot: the account's own metadata, its counters, the ids ahead of its
    /// time.</summary>
    public const int RestInSnapshot = 1 * MiB;

    /// <summary>How long a snapshot may be that the settings allow.</summary>
    /// <param name="holds">How many holds may be live on one account.</param>
    /// <param name="ids">How many ids an account remembers.</param>
    public static long SnapshotOf(long holds, long ids) =>
        (holds * HoldInSnapshot) + (ids * IdInSnapshot) + DoubtInSnapshot + RestInSnapshot;

    /// <summary>The slowest link to the store that is promised to do: 100 Mbit/s, in bytes a second.</summary>
    public const int LinkBytesPerSecond = 12_500_000;

    /// <summary>How many events a row holds at most.</summary>
    public const int RowEventsMax = 1000;

    /// <summary>How many rows one statement writes at most.</summary>
    public const int GroupRowsMax = 2000;

    /// <summary>How many entries of the index of ids one statement writes at most, with the rows that they belong
    /// to.</summary>
    public const int GroupIdsMax = 10_000;

    /// <summary>How deeply a request body in JSON may be nested; the deepest that means anything has 7.</summary>
    public const int JsonDepthMax = 16;
}
