using System.Data.Common;
using Ledger.Actors.Index;
using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The index of transfers and accounts, in a file of its own, so that it never waits for the journal's writer
/// nor that for it.</summary>
/// <remarks>Its commits need not reach the disk: what is lost follows from the journal, and a checkpoint is lost no
/// later than what it stands for.</remarks>
internal sealed class SqliteIndexStore(string path) : IIndexStore
{
    public bool OrdersByLead => false;

    /// <summary>Empties the index.</summary>
    public const string EmptySql = """
        DELETE FROM ledger_transfer;
        DELETE FROM ledger_transfer_metadata;
        DELETE FROM ledger_account;
        DELETE FROM ledger_account_metadata;
        DELETE FROM ledger_index_prepared;
        UPDATE ledger_index SET form = 1, ordering = 0, version = version + 1, as_of_us = 0, last_account = '',
            last_row = 0
            WHERE name = 'transfers';
        """;

    private const string InsertTransfer =
        "INSERT INTO ledger_transfer (time_us, place, item, id, transaction_id, debit_account, credit_account, asset, "
        + "amount, code, kind, status, reference, hold_id, reverses, principal, hold_state, hold_remaining, due_us, "
        + "content) VALUES ($time, $place, $item, $id, $transaction, $debit, $credit, $asset, $amount, $code, $kind, "
        + "$status, $reference, $hold, $reverses, $principal, $state, $remaining, $due, $content);";

    private const string SelectTransfer =
        "SELECT time_us, place, item, hold_state, hold_remaining, due_us, content FROM ledger_transfer";

    private readonly SqliteGate _writer = new(() => Open(path));
    private readonly SqliteGate _reader = new(
        () => new SqliteStatements(SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path))));

    public Task<IndexState> ReadStateAsync(CancellationToken cancellationToken) => _reader.RunAsync(
        static connection =>
        {
            using var reader = connection.Read(
                "SELECT ordering, version, as_of_us, last_account, last_row FROM ledger_index WHERE name = "
                    + "'transfers';");
            return reader.Read()
                ? new IndexState(
                    reader.GetInt64(0), reader.GetInt64(1), new LedgerTime(reader.GetInt64(2)),
                    reader.GetInt64(4) == 0
                        ? default
                        : new RowPosition(AccountAddress.Parse(reader.GetString(3)), reader.GetInt64(4)))
                : throw new InvalidOperationException("The table 'ledger_index' has lost its row.");
        },
        cancellationToken);

    // The file is one process's.
    public Task<bool> ClaimAsync(Guid process, TimeSpan patience, CancellationToken cancellationToken) =>
        Task.FromResult(true);

    public Task ReleaseAsync(Guid process, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<bool> ApplyAsync(
        IndexChanges changes, IndexState from, IndexState to, CancellationToken cancellationToken) =>
        _writer.RunAsync(
            connection =>
            {
                connection.Write("BEGIN IMMEDIATE;");
                if (connection.Write(
                    "UPDATE ledger_index SET ordering = $ordering, version = version + 1, as_of_us = $time, "
                        + "last_account = $account, last_row = $row WHERE name = 'transfers' AND version = $version;",
                    ("$ordering", to.Checkpoint), ("$time", to.AsOf.UnixMicroseconds),
                    ("$account", to.Last.Account.Text),
                    ("$row", to.Last.SequenceNr), ("$version", from.Version)) != 1)
                {
                    connection.Write("ROLLBACK;");
                    return false;
                }

                Insert(connection, changes.Transfers);
                foreach (var hold in changes.Holds)
                {
                    connection.Write(
                        "UPDATE ledger_transfer SET hold_state = $state, hold_remaining = $remaining, due_us = $due"
                            + " WHERE time_us = $time AND place = $place AND item = $item;",
                        ("$state", (long)hold.Hold), ("$remaining", IndexCodec.Ordered(hold.HoldRemaining)),
                        ("$due", hold.HoldDeadline?.UnixMicroseconds), ("$time", hold.Key.Time.UnixMicroseconds),
                        ("$place", hold.Key.Place), ("$item", (long)hold.Key.Item));
                }

                Insert(connection, changes.Accounts);
                foreach (var (attempt, branch) in changes.Prepared)
                {
                    connection.Write(
                        "INSERT INTO ledger_index_prepared (account, attempt, content) VALUES ($account, $attempt, "
                            + "$content);",
                        ("$account", attempt.Coordinator.Text), ("$attempt", SqliteStatements.Id(attempt.Key)),
                        ("$content", IndexCodec.Encode(attempt, branch)));
                }

                foreach (var attempt in changes.Decided)
                {
                    connection.Write(
                        "DELETE FROM ledger_index_prepared WHERE account = $account AND attempt = $attempt;",
                        ("$account", attempt.Coordinator.Text), ("$attempt", SqliteStatements.Id(attempt.Key)));
                }

                connection.Write("COMMIT;");
                return true;
            },
            cancellationToken);

    private static void Insert(SqliteStatements connection, IReadOnlyList<IndexedTransfer> transfers)
    {
        foreach (var one in transfers)
        {
            var transfer = one.Transfer;
            var time = one.Key.Time.UnixMicroseconds;
            connection.Write(
                InsertTransfer,
                ("$time", time), ("$place", one.Key.Place), ("$item", (long)one.Key.Item),
                ("$id", SqliteStatements.Id(transfer.Id)),
                ("$transaction", one.TransactionId == transfer.Id ? null : SqliteStatements.Id(one.TransactionId)),
                ("$debit", one.Debit.Text), ("$credit", transfer.CreditAccount.Text), ("$asset", one.Asset.Text ?? ""),
                ("$amount", IndexCodec.Ordered(IndexRows.AmountOf(one))), ("$code", (long)transfer.Code),
                ("$kind", (long)transfer.Kind), ("$status", (long)one.Status),
                ("$reference", NullIfEmpty(transfer.Reference)), ("$hold", IdOf(transfer.HoldId)),
                ("$reverses", IdOf(transfer.Reverses)), ("$principal", NullIfEmpty(one.Principal)),
                ("$state", (long)one.Hold),
                ("$remaining", one.Hold == HoldState.None ? null : IndexCodec.Ordered(one.HoldRemaining)),
                ("$due", one.HoldDeadline?.UnixMicroseconds), ("$content", IndexCodec.Encode(one)));
            foreach (var (key, value) in transfer.Metadata.Pairs)
            {
                connection.Write(
                    "INSERT INTO ledger_transfer_metadata (pair, time_us, place, item) VALUES ($pair, $time, $place, "
                        + "$item);",
                    ("$pair", IndexCodec.PairOf(key, value)), ("$time", time), ("$place", one.Key.Place),
                    ("$item", (long)one.Key.Item));
            }
        }
    }

    private static void Insert(SqliteStatements connection, IReadOnlyList<IndexedAccount> accounts)
    {
        foreach (var one in accounts)
        {
            connection.Write(
                "INSERT INTO ledger_account (address, asset, code, reference, is_closed, frozen_until_us, content)"
                    + " VALUES ($address, $asset, $code, $reference, $closed, $frozen, $content)"
                    + " ON CONFLICT (address) DO UPDATE SET is_closed = excluded.is_closed,"
                    + " frozen_until_us = excluded.frozen_until_us, content = excluded.content;",
                ("$address", one.Spec.Address.Text), ("$asset", one.Spec.Asset.Text), ("$code", (long)one.Spec.Code),
                ("$reference", NullIfEmpty(one.Spec.Reference)), ("$closed", one.IsClosed ? 1L : 0L),
                ("$frozen", IndexRows.FrozenUntil(one)), ("$content", IndexCodec.Encode(one)));
            foreach (var (key, value) in one.Spec.Metadata.Pairs)
            {
                connection.Write(
                    "INSERT INTO ledger_account_metadata (pair, address) VALUES ($pair, $address) ON CONFLICT DO "
                        + "NOTHING;",
                    ("$pair", IndexCodec.PairOf(key, value)), ("$address", one.Spec.Address.Text));
            }
        }
    }

    public Task EmptyAsync(CancellationToken cancellationToken) => _writer.RunAsync(
        static connection =>
        {
            connection.Write($"BEGIN IMMEDIATE; {EmptySql} COMMIT;");
            return true;
        },
        cancellationToken);

    public Task<IReadOnlyDictionary<PreparedKey, TransactionBranch>> FindPreparedAsync(
        IReadOnlyCollection<PreparedKey> attempts, CancellationToken cancellationToken) =>
        _reader.RunAsync<IReadOnlyDictionary<PreparedKey, TransactionBranch>>(
            connection =>
            {
                var found = new Dictionary<PreparedKey, TransactionBranch>();
                foreach (var attempt in attempts)
                {
                    if (connection.Scalar(
                        "SELECT content FROM ledger_index_prepared WHERE account = $account AND attempt = $attempt;",
                        ("$account", attempt.Coordinator.Text), ("$attempt", SqliteStatements.Id(attempt.Key)))
                            is byte[] content)
                    {
                        found[attempt] = IndexCodec.DecodePrepared(attempt.Coordinator, content);
                    }
                }

                return found;
            },
            cancellationToken);

    public Task<IReadOnlyList<IndexedTransfer>> FindHoldsAsync(
        IReadOnlyCollection<TransferId> ids, CancellationToken cancellationToken) =>
        _reader.RunAsync<IReadOnlyList<IndexedTransfer>>(
            connection =>
            {
                var found = new List<IndexedTransfer>();
                foreach (var id in ids)
                {
                    found.AddRange(connection.List(
                        $"{SelectTransfer} WHERE id = $id AND hold_state <> 0;", IndexRows.Transfer,
                        ("$id", SqliteStatements.Id(id))));
                }

                return found;
            },
            cancellationToken);

    public Task<IReadOnlyList<IndexedAccount>> FindAccountsAsync(
        IReadOnlyCollection<AccountAddress> accounts, CancellationToken cancellationToken) =>
        _reader.RunAsync<IReadOnlyList<IndexedAccount>>(
            connection =>
            {
                var found = new List<IndexedAccount>();
                foreach (var account in accounts)
                {
                    found.AddRange(connection.List(
                        "SELECT address, content FROM ledger_account WHERE address = $address;", IndexRows.Account,
                        ("$address", account.Text)));
                }

                return found;
            },
            cancellationToken);

    public Task<IReadOnlyList<T>> QueryAsync<T>(
        IndexStatement statement, Func<DbDataReader, T> read, CancellationToken cancellationToken) =>
        _reader.RunAsync<IReadOnlyList<T>>(
            connection =>
            {
                using var command = connection.Once(statement.Sql);
                for (var i = 0; i < statement.Values.Count; i++)
                {
                    var value = statement.Values[i] is TransferId id ? SqliteStatements.Id(id) : statement.Values[i];
                    command.Parameters.AddWithValue(IndexStatement.NameOf(i), value);
                }

                var found = new List<T>();
                using var reader = command.ExecuteReader();
                while (reader.Read())
                {
                    found.Add(read(reader));
                }

                return found;
            },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await _writer.DisposeAsync();
    }

    private static SqliteStatements Open(string path)
    {
        // Each transfer touches a page of each index; with SQLite's usual 2 MB these come from the file.
        var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        SqliteConnections.Execute(connection, "PRAGMA cache_size = -65536;");
        return new SqliteStatements(connection);
    }

    private static byte[]? IdOf(TransferId id) => id.IsNil ? null : SqliteStatements.Id(id);

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
