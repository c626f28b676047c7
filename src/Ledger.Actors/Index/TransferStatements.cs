using System.Globalization;

namespace Ledger.Actors.Index;

/// <summary>The statements of a search for transfers, for either database.</summary>
/// <remarks>
/// <para>One field of the filter leads: rows are read by its index, in the index's own order, which is that of the
/// answer. All the rest is looked at row by row. A page looks at <see cref="ScanMax"/> rows at most, however large the
/// table is and however few of them fit; then it ends early and says where the next one begins.</para>
/// <para>Where the leading field has several values, or may be on either side, each is a scan of its own, and what they
/// bring is merged: the first rows of all are among the first rows of each.</para>
/// </remarks>
internal sealed class TransferStatements
{
    /// <summary>How many rows of the index a page looks at.</summary>
    public const int ScanMax = 2_000;

    /// <summary>How many are counted.</summary>
    public const int CountMax = 10_000;

    private const string PlainColumns = "time_us, place, item, hold_state, hold_remaining, due_us, content";

    private readonly TransferFilter filter;
    private readonly bool newestFirst;
    private readonly bool ordersByLead;

    /// <summary>Makes them.</summary>
    /// <param name="filter">What is searched for.</param>
    /// <param name="newestFirst">In which order.</param>
    /// <param name="ordersByLead">See <see cref="IIndexStore.OrdersByLead"/>.</param>
    public TransferStatements(TransferFilter filter, bool newestFirst, bool ordersByLead)
    {
        this.filter = filter;
        this.newestFirst = newestFirst;
        this.ordersByLead = ordersByLead;
        Lead = LeadOf(filter);
    }

    /// <summary>Whether a filter has a field by which transfers are found.</summary>
    public static bool CanServe(TransferFilter filter) => LeadOf(filter) != TransferLead.None;

    /// <summary>By which field transfers are found; none for a filter that is too wide.</summary>
    public TransferLead Lead { get; }

    /// <summary>Whether the transfers come by account.</summary>
    public bool IsByAccount => Lead == TransferLead.Prefix;

    private string Order => IsByAccount ? $"bucket{Way}, {KeyOrder("")}" : KeyOrder("");

    private string Way => newestFirst ? " DESC" : "";

    // The fields that lead to the fewest rows first.
    private static TransferLead LeadOf(TransferFilter filter) =>
        filter.Ids.Count > 0 ? TransferLead.Id
        : !filter.TransactionId.IsNil ? TransferLead.Transaction
        : !filter.HoldId.IsNil ? TransferLead.Hold
        : !filter.Reverses.IsNil ? TransferLead.Reverses
        : filter.References.Count > 0 ? TransferLead.Reference
        : !filter.Metadata.Pairs.IsEmpty ? TransferLead.Metadata
        : !filter.Account.IsNone ? TransferLead.Account
        : filter.Principal.Length > 0 ? TransferLead.Principal
        : filter.AccountPrefix.Length > 0 ? TransferLead.Prefix
        : filter.HoldStates is [HoldState.Live] ? TransferLead.Live
        : filter.Statuses.Count > 0 && !filter.Statuses.Contains(TransferStatus.Created) ? TransferLead.Refused
        : filter.Codes.Count > 0 ? TransferLead.Code
        : IsShort(filter) ? TransferLead.Time
        : TransferLead.None;

    private static bool IsShort(TransferFilter filter) =>
        filter is { StartTime: { } start, EndTime: { } end }
        && end.UnixMicroseconds - (Int128)start.UnixMicroseconds <= (long)TransferFilter.TimeRangeMax.TotalMicroseconds;

    /// <summary>Reads a page: place, hold and content of each transfer, and the account where they come by
    /// account.</summary>
    /// <param name="after">Where the page before ended; null for the first.</param>
    /// <param name="take">How many transfers.</param>
    public IndexStatement Page(IndexCursor? after, int take)
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, after, ScanMax, "t.*");
        var rest = Rest(statement);
        statement.Sql = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT {PlainColumns}, {(IsByAccount ? "bucket" : "''")} AS account FROM ({scanned}) AS s WHERE {rest} "
                + $"ORDER BY {Order} LIMIT {take}");
        return statement;
    }

    /// <summary>Reads where the scan of a page ended that looked at as many rows as it may; no row when there were no
    /// more.</summary>
    /// <param name="after">Where the page before ended; null for the first.</param>
    public IndexStatement LastScanned(IndexCursor? after)
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, after, ScanMax, "t.time_us, t.place, t.item");
        statement.Sql = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT time_us, place, item, {(IsByAccount ? "bucket" : "''")} AS account FROM ({scanned}) AS s ORDER "
                + $"BY {Order} LIMIT 1 OFFSET {ScanMax - 1}");
        return statement;
    }

    /// <summary>Counts: how many rows were looked at, and how many of them fit.</summary>
    public IndexStatement Count()
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, null, CountMax + 1, "t.*");
        statement.Sql = $"SELECT count(*), count(CASE WHEN {Rest(statement)} THEN 1 END) FROM ({scanned}) AS s";
        return statement;
    }

    private string Scanned(IndexStatement statement, IndexCursor? after, int scanMax, string columns)
    {
        if (after is { } outside && IsOutside(outside))
        {
            after = null;
        }

        var branches = Branches(statement);
        var texts = branches.ConvertAll(branch =>
        {
            var (from, key, where, bucket, by, value) = branch;
            var isRange = ordersByLead && by.Length > 0;
            if (isRange)
            {
                where = Range(statement, key, by, value, after) + where;
            }
            else
            {
                if (IsByAccount)
                {
                    where = Range(statement, bucket, after);
                }
                else
                {
                    where = (by.Length > 0 ? $"{by} = {value}" : "") + where + TimeRange(statement, key, after);
                }

                if (after is { } cursor)
                {
                    where += " AND " + Beyond(statement, key, bucket, cursor);
                }
            }

            var side = IsByAccount ? $", {bucket} AS bucket, {(bucket == "t.credit_account" ? 1 : 0)} AS side" : "";
            var order = IsByAccount ? $"{bucket}{Way}, {KeyOrder(key + ".")}"
                : isRange ? $"{by}{Way}, {KeyOrder(key + ".")}"
                : KeyOrder(key + ".");
            return string.Create(
                CultureInfo.InvariantCulture,
                $"SELECT {columns}{side} FROM {from} WHERE {where} ORDER BY {order} LIMIT {scanMax}");
        });
        if (texts.Count == 1)
        {
            return texts[0];
        }

        var all = string.Join(" UNION ALL ", texts.Select(static (text, i) => $"SELECT * FROM ({text}) AS b{i}"));
        return string.Create(
            CultureInfo.InvariantCulture, $"SELECT * FROM ({all}) AS u ORDER BY {Order} LIMIT {scanMax}");
    }

    private List<(string From, string Key, string Where, string Bucket, string By, string Value)> Branches(
        IndexStatement statement)
    {
        const string all = "ledger_transfer t";
        return Lead switch
        {
            TransferLead.Id => [.. filter.Ids.Distinct().Select(id => Of("t.id", id))],
            TransferLead.Transaction =>
            [
                Of("t.transaction_id", filter.TransactionId),
                Of("t.id", filter.TransactionId, " AND t.transaction_id IS NULL"),
            ],
            TransferLead.Hold => [Of("t.hold_id", filter.HoldId)],
            TransferLead.Reverses => [Of("t.reverses", filter.Reverses)],
            TransferLead.Reference =>
                [.. filter.References.Distinct(StringComparer.Ordinal).Select(text => Of("t.reference", text))],
            TransferLead.Metadata =>
            [
                (
                    "ledger_transfer_metadata m JOIN ledger_transfer t"
                    + " ON t.time_us = m.time_us AND t.place = m.place AND t.item = m.item",
                    "m", "", "", "m.pair", statement.Add(PairOf(filter.Metadata.Pairs[0]))),
            ],
            TransferLead.Account => Sides(filter.Account.Text),
            TransferLead.Principal => [Of("t.principal", filter.Principal)],
            TransferLead.Prefix => Sides(null),
            TransferLead.Live => [(all, "t", "t.hold_state = 1", "", "", "")],
            TransferLead.Refused => [(all, "t", "t.status <> 1000", "", "", "")],
            TransferLead.Code => [.. filter.Codes.Distinct().Select(code => Of("t.code", (long)code))],
            TransferLead.Time => [(all, "t", "t.place > 0", "", "", "")],
            _ => throw new InvalidOperationException("The filter is too wide."),
        };

        (string From, string Key, string Where, string Bucket, string By, string Value) Of(
            string column, object value, string more = "") => (all, "t", more, "", column, statement.Add(value));

        List<(string From, string Key, string Where, string Bucket, string By, string Value)> Sides(string? account)
        {
            var sides = new List<(string From, string Key, string Where, string Bucket, string By, string Value)>();
            foreach (var side in filter.Direction switch
            {
                EntryDirection.Debit => new[] { "t.debit_account" },
                EntryDirection.Credit => ["t.credit_account"],
                _ => ["t.debit_account", "t.credit_account"],
            })
            {
                sides.Add(account is null ? (all, "t", "", side, "", "") : Of(side, account));
            }

            return sides;
        }
    }

    private string Within(IndexStatement statement, string column) =>
        // No character of an address comes after a tilde.
        $"{column} >= {statement.Add(filter.AccountPrefix)} AND {column} < {statement.Add(filter.AccountPrefix + "~")}";

    private string TimeRange(IndexStatement statement, string key, IndexCursor? after)
    {
        var text = filter.StartTime is { } start && (after is null || newestFirst)
            ? $" AND {key}.time_us >= {statement.Add(start.UnixMicroseconds)}"
            : "";
        return filter.EndTime is { } end && (after is null || !newestFirst)
            ? text + $" AND {key}.time_us < {statement.Add(end.UnixMicroseconds)}"
            : text;
    }

    // Each scan has one bound on either side: of two, SQLite takes one and looks at all that lies between them.
    private string Range(IndexStatement statement, string bucket, IndexCursor? after) => after is null
        ? Within(statement, bucket)
        : newestFirst
            ? $"{bucket} >= {statement.Add(filter.AccountPrefix)}"
            : $"{bucket} < {statement.Add(filter.AccountPrefix + "~")}";

    // To PostgreSQL's planner an equal column is no part of an order, so that another index than the column's own has
    // the same one, and is taken where the value is common. A range of one value is. Its ends hold the rest of the key,
    // since behind a range nothing else bounds the scan.
    private string Range(IndexStatement statement, string key, string by, string value, IndexCursor? after)
    {
        var lower = !newestFirst && after is { } from ? Ends(">", from)
            : filter.StartTime
                is { } start ? $"({by}, {key}.time_us) >= ({value}, {statement.Add(start.UnixMicroseconds)})"
            : $"{by} >= {value}";
        var upper = newestFirst && after is { } to ? Ends("<", to)
            : filter.EndTime is { } end ? $"({by}, {key}.time_us) < ({value}, {statement.Add(end.UnixMicroseconds)})"
            : $"{by} <= {value}";

        // An index of what is not null is taken where that is said.
        return $"{by} IS NOT NULL AND {lower} AND {upper}";

        string Ends(string than, IndexCursor cursor) =>
            $"({by}, {key}.time_us, {key}.place, {key}.item) {than} ({value},"
            + $" {statement.Add(cursor.Key.Time.UnixMicroseconds)}, {statement.Add(cursor.Key.Place)},"
            + $" {statement.Add((long)cursor.Key.Item)})";
    }

    // Such a cursor is somebody's own, and what it leads to must fit all the same.
    private bool IsOutside(IndexCursor cursor) => IsByAccount
        ? newestFirst
            ? string.CompareOrdinal(cursor.Account, filter.AccountPrefix + "~") >= 0
            : string.CompareOrdinal(cursor.Account, filter.AccountPrefix) < 0
        : newestFirst
            ? filter.EndTime is { } end && cursor.Key.Time >= end
            : filter.StartTime is { } start && cursor.Key.Time < start;

    private string Beyond(IndexStatement statement, string key, string bucket, IndexCursor cursor)
    {
        var (time, place, item) = (
            statement.Add(cursor.Key.Time.UnixMicroseconds), statement.Add(cursor.Key.Place),
            statement.Add((long)cursor.Key.Item));
        var than = newestFirst ? "<" : ">";
        return IsByAccount
            ? $"({bucket}, {key}.time_us, {key}.place, {key}.item) {than} ({statement.Add(cursor.Account)}, {time}, "
                + $"{place}, {item})"
            : $"({key}.time_us, {key}.place, {key}.item) {than} ({time}, {place}, {item})";
    }

    private string KeyOrder(string key) => $"{key}time_us{Way}, {key}place{Way}, {key}item{Way}";

    // What the leading field does not say.
    private string Rest(IndexStatement statement)
    {
        List<string> all = [];
        if (filter.Statuses.Count == 0)
        {
            all.Add("s.status = 1000");
        }
        else
        {
            all.Add($"s.status IN ({List(filter.Statuses.Select(static one => (object)(long)one))})");
        }

        Unless(
            TransferLead.Id, filter.Ids.Count > 0, () =>
                $"s.id IN ({List(filter.Ids.Select(static one => (object)one))})");
        Unless(TransferLead.Transaction, !filter.TransactionId.IsNil, () =>
            $"coalesce(s.transaction_id, s.id) = {statement.Add(filter.TransactionId)}");
        Unless(TransferLead.Hold, !filter.HoldId.IsNil, () => $"s.hold_id = {statement.Add(filter.HoldId)}");
        Unless(TransferLead.Reverses, !filter.Reverses.IsNil, () => $"s.reverses = {statement.Add(filter.Reverses)}");
        Unless(
            TransferLead.Reference, filter.References.Count > 0, () => $"s.reference IN ({List(filter.References)})");
        Unless(
            TransferLead.Principal, filter.Principal.Length > 0, () =>
                $"s.principal = {statement.Add(filter.Principal)}");
        Unless(
            TransferLead.Code, filter.Codes.Count > 0, () =>
                $"s.code IN ({List(filter.Codes.Select(static one => (object)(long)one))})");
        Unless(TransferLead.Live, filter.HoldStates.Count > 0, () =>
            $"s.hold_state IN ({List(filter.HoldStates.Select(static one => (object)(long)one))})");
        Unless(
            TransferLead.Account, !filter.Account.IsNone, () =>
                Side(column => $"{column} = {statement.Add(filter.Account.Text)}"));
        Unless(TransferLead.Prefix, filter.AccountPrefix.Length > 0, () => Side(column => Within(statement, column)));
        Unless(
            TransferLead.None, filter.Kinds.Count > 0, () =>
                $"s.kind IN ({List(filter.Kinds.Select(static one => (object)(long)one))})");
        Unless(TransferLead.None, !filter.Asset.IsNone, () => $"s.asset = {statement.Add(filter.Asset.Text)}");
        Unless(
            TransferLead.None, filter.MinAmount is not null, () =>
                $"s.amount >= {statement.Add(IndexCodec.Ordered(filter.MinAmount!.Value))}");
        Unless(
            TransferLead.None, filter.MaxAmount is not null, () =>
                $"s.amount <= {statement.Add(IndexCodec.Ordered(filter.MaxAmount!.Value))}");
        if (IsByAccount)
        {
            if (filter.Direction is null)
            {
                // A transfer within the prefix is read on both sides, and told once.
                all.Add($"(s.side = 0 OR NOT ({Within(statement, "s.debit_account")}))");
            }

            if (TimeRange(statement, "s", null) is { Length: > 0 } range)
            {
                all.Add(range[" AND ".Length..]);
            }
        }

        foreach (var pair in filter.Metadata.Pairs.Skip(Lead == TransferLead.Metadata ? 1 : 0))
        {
            all.Add(
                $"EXISTS (SELECT 1 FROM ledger_transfer_metadata r WHERE r.pair = {statement.Add(PairOf(pair))}"
                + " AND r.time_us = s.time_us AND r.place = s.place AND r.item = s.item)");
        }

        return string.Join(" AND ", all);

        void Unless(TransferLead leading, bool isGiven, Func<string> text)
        {
            if (isGiven && (leading == TransferLead.None || Lead != leading))
            {
                all.Add(text());
            }
        }

        string List(IEnumerable<object> values) => string.Join(", ", values.Select(statement.Add));

        string Side(Func<string, string> fits) => filter.Direction switch
        {
            EntryDirection.Debit => fits("s.debit_account"),
            EntryDirection.Credit => fits("s.credit_account"),
            _ => $"({fits("s.debit_account")} OR {fits("s.credit_account")})",
        };
    }

    private static byte[] PairOf(KeyValuePair<string, string> pair) => IndexCodec.PairOf(pair.Key, pair.Value);
}
