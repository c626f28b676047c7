using Ledger.Actors.Storage;

namespace Ledger.Sqlite;

/// <summary>The hold index, in a file of its own, so that it never waits for the journal's writer nor that for
/// it.</summary>
/// <remarks>The index's commits need not reach the disk: what is lost follows from the journal, and a checkpoint is
/// lost no later than what it stands for.</remarks>
internal sealed class SqliteHoldIndexStore(string path) : IHoldIndexStore
{
    private const int DuePageRows = 2_048;
    private const int DuePagesMax = 8;

    // An entry that was ended may have been for a transaction that failed; its fixed successor may make the hold, which
    // then has other accounts or another deadline. The same row read again has neither.
    private const string InsertHold =
        "INSERT INTO ledger_hold (hold_id, debit_account, credit_account, due_us, state)"
        + " VALUES ($id, $debit, $credit, $due, $state)"
        + " ON CONFLICT (hold_id) DO UPDATE SET debit_account = excluded.debit_account,"
        + " credit_account = excluded.credit_account, due_us = excluded.due_us, state = 0"
        + " WHERE ledger_hold.state = 1 AND excluded.state = 0 AND (ledger_hold.debit_account <> excluded.debit_account"
        + " OR ledger_hold.credit_account <> excluded.credit_account OR ledger_hold.due_us IS NOT excluded.due_us);";

    private readonly SqliteGate _gate = new(() => Open(path));

    public Task<JournalPosition> ReadPositionAsync(CancellationToken cancellationToken) => RunAsync(
        static connection =>
        {
            using var reader = connection.Read("SELECT ordering, version FROM ledger_work_checkpoint WHERE name = "
                + "'holds';");
            return reader.Read()
                ? new JournalPosition(reader.GetInt64(0), reader.GetInt64(1))
                : throw new InvalidOperationException("The table 'ledger_work_checkpoint' has lost a row.");
        },
        cancellationToken);

    public Task<bool> ApplyAsync(
        HoldIndexChanges changes, JournalPosition from, long checkpoint, CancellationToken cancellationToken) =>
            RunAsync(
        connection =>
        {
            connection.Write("BEGIN IMMEDIATE;");
            if (connection.Write(
                "UPDATE ledger_work_checkpoint SET ordering = max(ordering, $ordering), version = version + 1"
                    + " WHERE name = 'holds' AND version = $version;",
                ("$ordering", checkpoint), ("$version", from.Version)) != 1)
            {
                connection.Write("ROLLBACK;");
                return false;
            }

            foreach (var hold in changes.Made)
            {
                connection.Write(
                    InsertHold, ("$id", SqliteStatements.Id(hold.Id)), ("$debit", hold.Debit.Text),
                    ("$credit", hold.Credit.Text),
                    ("$due", Due(hold.Deadline)), ("$state", hold.IsLive ? 0L : 1L));
            }

            foreach (var (id, deadline) in changes.Deadlines)
            {
                connection.Write(
                    "UPDATE ledger_hold SET due_us = $due WHERE hold_id = $id AND state = 0;",
                    ("$due", deadline.UnixMicroseconds), ("$id", SqliteStatements.Id(id)));
            }

            End(connection, changes.Ended);
            connection.Write("COMMIT;");
            return true;
        },
        cancellationToken);

    public Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken) => RunAsync(
        connection =>
        {
            using var reader = connection.Read("SELECT debit_account, credit_account FROM ledger_hold WHERE hold_id = "
                + "$id;", ("$id", SqliteStatements.Id(hold)));
            return reader.Read()
                ? new HoldAccounts(AccountAddress.Parse(reader.GetString(0)), AccountAddress.Parse(reader.GetString(1)))
                : default(HoldAccounts?);
        },
        cancellationToken);

    public Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken) =>
        RunAsync<IReadOnlyList<DueAccount>>(
            connection =>
            {
                var found = new List<DueAccount>();
                var seen = except.Select(static account => account.Text).ToHashSet(StringComparer.Ordinal);

                // One pass over the index, in time order; bounded, should a few accounts have very many.
                using var reader = connection.Read("SELECT debit_account, due_us FROM ledger_hold WHERE state = 0 AND "
                        + "due_us <= $to AND debit_account NOT IN (SELECT value FROM json_each($except))"
                        + " ORDER BY due_us, hold_id LIMIT $limit;",
                    ("$to", upTo.UnixMicroseconds),
                    ("$except", "[" + string.Join(',', seen.Select(static text => $"\"{text}\"")) + "]"),
                    ("$limit", DuePageRows * DuePagesMax));
                while (found.Count < limit && reader.Read())
                {
                    var account = reader.GetString(0);
                    if (seen.Add(account))
                    {
                        found.Add(new DueAccount(AccountAddress.Parse(account), new LedgerTime(reader.GetInt64(1))));
                    }
                }

                return found;
            },
            cancellationToken);

    public Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken) =>
        RunAsync<IReadOnlySet<AccountAddress>>(
            connection =>
            {
                var found = new HashSet<AccountAddress>();
                foreach (var (account, due) in accounts)
                {
                    if (connection.Scalar(
                        "SELECT 1 FROM ledger_hold WHERE state = 0 AND debit_account = $account AND due_us <= $to "
                            + "LIMIT 1;",
                        ("$account", account.Text), ("$to", due.UnixMicroseconds)) is not null)
                    {
                        found.Add(account);
                    }
                }

                return found;
            },
            cancellationToken);

    public Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        RunAsync(
            connection => connection.List(
                "SELECT debit_account, credit_account, due_us FROM ledger_hold"
                    + " WHERE state = 0 AND due_us > $after AND due_us <= $to ORDER BY due_us, hold_id LIMIT $limit;",
                static reader => new UpcomingHold(
                    AccountAddress.Parse(reader.GetString(0)), AccountAddress.Parse(reader.GetString(1)),
                    new LedgerTime(reader.GetInt64(2))),
                ("$after", after.UnixMicroseconds), ("$to", upTo.UnixMicroseconds), ("$limit", limit)),
            cancellationToken);

    public Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken) => RunAsync(
        static connection =>
        {
            using var reader = connection.Read("SELECT due_us FROM ledger_hold WHERE state = 0 AND due_us IS NOT NULL "
                + "ORDER BY due_us LIMIT 1;");
            return reader.Read() ? new LedgerTime(reader.GetInt64(0)) : default(LedgerTime?);
        },
        cancellationToken);

    public Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        RunAsync(
            connection => connection.List(
                "SELECT hold_id, credit_account, due_us FROM ledger_hold"
                    + " WHERE state = 0 AND debit_account = $account AND due_us <= $to ORDER BY due_us, hold_id"
                    + " LIMIT $limit;",
                static reader => new DueHold(
                    TransferId.FromBytes(reader.GetFieldValue<byte[]>(0)), AccountAddress.Parse(reader.GetString(1)),
                    new LedgerTime(reader.GetInt64(2))),
                ("$account", account.Text), ("$to", upTo.UnixMicroseconds), ("$limit", limit)),
            cancellationToken);

    public Task EndAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken) => RunAsync(
        connection =>
        {
            connection.Write("BEGIN IMMEDIATE;");
            End(connection, holds);
            connection.Write("COMMIT;");
            return true;
        },
        cancellationToken);

    public Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken) => RunAsync(
        connection =>
            connection.Write(
                "UPDATE ledger_hold SET due_us = $due WHERE hold_id = $id AND state = 0 AND due_us = $was;",
            ("$due", Due(deadline)), ("$id", SqliteStatements.Id(hold.Id)), ("$was", hold.Due.UnixMicroseconds)),
        cancellationToken);

    public Task<UnfinishedAccount> AddUnfinishedAsync(UnfinishedAccount account, CancellationToken cancellationToken) =>
        RunAsync(
            connection => connection.List(
                """
                INSERT INTO ledger_unfinished (account, since_us) VALUES ($account, $since)
                ON CONFLICT (account) DO UPDATE SET since_us = MAX(excluded.since_us, ledger_unfinished.since_us + 1)
                RETURNING since_us;
                """,
                reader => account with { Since = new LedgerTime(reader.GetInt64(0)) },
                ("$account", account.Account.Text), ("$since", account.Since.UnixMicroseconds))[0],
            cancellationToken);

    public Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken) => RunAsync(
        connection => connection.Write(
            "DELETE FROM ledger_unfinished WHERE account = $account AND since_us = $since;",
            ("$account", seen.Account.Text), ("$since", seen.Since.UnixMicroseconds)),
        cancellationToken);

    public Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken) =>
        RunAsync(
            connection => connection.List(
                "SELECT account, since_us FROM ledger_unfinished WHERE account > $after ORDER BY account LIMIT $limit;",
                static reader => new UnfinishedAccount(
                    AccountAddress.Parse(reader.GetString(0)), new LedgerTime(reader.GetInt64(1))),
                ("$after", after.Text), ("$limit", limit)),
            cancellationToken);

    public Task<long> ReadRecoveredAsync(CancellationToken cancellationToken) => RunAsync(
        static connection =>
        {
            using var reader = connection.Read("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'recovered';");
            return reader.Read() ? reader.GetInt64(0) : 0;
        },
        cancellationToken);

    public Task SaveRecoveredAsync(long ordering, CancellationToken cancellationToken) => RunAsync(
        connection =>
            connection.Write(
                "UPDATE ledger_work_checkpoint SET ordering = $ordering WHERE name = 'recovered' AND ordering < "
                    + "$ordering;",
            ("$ordering", ordering)),
        cancellationToken);

    public ValueTask DisposeAsync() => _gate.DisposeAsync();

    private Task<T> RunAsync<T>(Func<SqliteStatements, T> action, CancellationToken cancellationToken) =>
        _gate.RunAsync(action, cancellationToken);

    private static SqliteStatements Open(string path)
    {
        // Holds of many accounts touch many pages of the index by account; with SQLite's usual 2 MB these come from the
        // file.
        var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        SqliteConnections.Execute(connection, "PRAGMA cache_size = -32768;");
        return new SqliteStatements(connection);
    }

    private static void End(SqliteStatements connection, IReadOnlyCollection<TransferId> holds)
    {
        foreach (var hold in holds)
        {
            connection.Write(
                "UPDATE ledger_hold SET state = 1 WHERE hold_id = $id AND state = 0;",
                ("$id", SqliteStatements.Id(hold)));
        }
    }

    private static object Due(LedgerTime? time) => time is { } t ? t.UnixMicroseconds : DBNull.Value;
}
