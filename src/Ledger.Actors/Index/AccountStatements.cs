using System.Globalization;

namespace Ledger.Actors.Index;

/// <summary>The statements of a search for accounts, for either database: in the order of addresses, as
/// <see cref="TransferStatements"/> are in that of time.</summary>
/// <param name="filter">Which accounts.</param>
/// <param name="now">Freezes that have ended by then are none.</param>
internal sealed class AccountStatements(AccountFilter filter, LedgerTime now)
{
    /// <summary>Reads a page: address and content of each account.</summary>
    /// <param name="after">The last address of the page before; null for the first.</param>
    /// <param name="take">How many accounts.</param>
    public IndexStatement Page(string? after, int take)
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, after, TransferStatements.ScanMax, "a.*");
        statement.Sql = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT address, content FROM ({scanned}) AS s WHERE {Rest(statement)} ORDER BY address LIMIT {take}");
        return statement;
    }

    /// <summary>Reads where the scan of a page ended that looked at as many rows as it may; no row when there were no
    /// more.</summary>
    public IndexStatement LastScanned(string? after)
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, after, TransferStatements.ScanMax, "a.address");
        statement.Sql = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT address FROM ({scanned}) AS s ORDER BY address LIMIT 1 OFFSET {TransferStatements.ScanMax - 1}");
        return statement;
    }

    /// <summary>Counts: how many rows were looked at, and how many of them fit.</summary>
    public IndexStatement Count()
    {
        var statement = new IndexStatement();
        var scanned = Scanned(statement, null, TransferStatements.CountMax + 1, "a.*");
        statement.Sql = $"SELECT count(*), count(CASE WHEN {Rest(statement)} THEN 1 END) FROM ({scanned}) AS s";
        return statement;
    }

    private string Scanned(IndexStatement statement, string? after, int scanMax, string columns)
    {
        var (from, key, where) = filter switch
        {
            { Reference.Length: > 0 } => ("ledger_account a", "a", $"a.reference = {statement.Add(filter.Reference)}"),
            { Metadata.Pairs: [var pair, ..] } => (
                "ledger_account_metadata m JOIN ledger_account a ON a.address = m.address", "m",
                $"m.pair = {statement.Add(IndexCodec.PairOf(pair.Key, pair.Value))}"),
            _ => ("ledger_account a", "a", ""),
        };

        // One lower bound: of two, SQLite takes one and looks at all that lies between them.
        where += where.Length > 0 ? " AND " : "";
        where += after is not null && string.CompareOrdinal(after, filter.AddressPrefix) >= 0
            ? $"{key}.address > {statement.Add(after)}"
            : $"{key}.address >= {statement.Add(filter.AddressPrefix)}";
        if (filter.AddressPrefix.Length > 0)
        {
            where += $" AND {key}.address < {statement.Add(filter.AddressPrefix + "~")}";
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT {columns} FROM {from} WHERE {where} ORDER BY {key}.address LIMIT {scanMax}");
    }

    private string Rest(IndexStatement statement)
    {
        List<string> all = ["s.is_closed >= 0"];
        if (!filter.Asset.IsNone)
        {
            all.Add($"s.asset = {statement.Add(filter.Asset.Text)}");
        }

        if (filter.Codes.Count > 0)
        {
            all.Add($"s.code IN ({string.Join(", ", filter.Codes.Select(code => statement.Add((long)code)))})");
        }

        if (filter.Standings.Count > 0)
        {
            all.Add(
                $"({string.Join(" OR ", filter.Standings.Distinct().Select(standing => Is(statement, standing)))})");
        }

        foreach (var pair in filter.Metadata.Pairs.Skip(filter.Reference.Length > 0 ? 0 : 1))
        {
            all.Add(
                $"EXISTS (SELECT 1 FROM ledger_account_metadata r WHERE r.pair = "
                + $"{statement.Add(IndexCodec.PairOf(pair.Key, pair.Value))} AND r.address = s.address)");
        }

        return string.Join(" AND ", all);
    }

    private string Is(IndexStatement statement, AccountStanding standing) => standing switch
    {
        AccountStanding.Closed => "s.is_closed = 1",
        AccountStanding.Frozen => $"(s.is_closed = 0 AND s.frozen_until_us > {statement.Add(now.UnixMicroseconds)})",
        _ => "(s.is_closed = 0 AND (s.frozen_until_us IS NULL OR s.frozen_until_us <="
            + $" {statement.Add(now.UnixMicroseconds)}))",
    };
}
