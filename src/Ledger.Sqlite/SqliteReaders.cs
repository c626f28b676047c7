using System.Collections.Concurrent;

namespace Ledger.Sqlite;

/// <summary>A few reading connections with their prepared statements. SQLite's driver is synchronous, so that reads
/// run on the thread pool, a bounded number at once.</summary>
internal sealed class SqliteReaders(string connectionString) : IDisposable
{
    private const int ReadersMax = 4;

    private readonly ConcurrentBag<SqliteReaderConnection> _idle = [];
    private readonly SemaphoreSlim _permits = new(ReadersMax);
    private volatile bool _disposed;

    public async Task<T> ReadAsync<T, TState>(
        TState state, Func<SqliteReaderConnection, TState, T> read, CancellationToken cancellationToken)
    {
        await _permits.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(state, read), cancellationToken);
        }
        finally
        {
            _permits.Release();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private T Read<T, TState>(TState state, Func<SqliteReaderConnection, TState, T> read)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_idle.TryTake(out var reader))
        {
            reader = new SqliteReaderConnection(connectionString);
        }

        T result;
        try
        {
            result = read(reader, state);
        }
        catch
        {
            // After an error a new connection is cheaper than knowing whether this one is still good.
            reader.Dispose();
            throw;
        }

        if (_disposed)
        {
            reader.Dispose();
        }
        else
        {
            _idle.Add(reader);
        }

        return result;
    }
}
