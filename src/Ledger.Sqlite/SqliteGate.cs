namespace Ledger.Sqlite;

/// <summary>One connection that is opened when it is first needed, used by one caller at a time, and opened anew after
/// a failure. Thread-safe.</summary>
/// <param name="open">Opens it.</param>
internal sealed class SqliteGate(Func<SqliteStatements> open) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private SqliteStatements? _connection;
    private bool _disposed;

    /// <summary>Does something with the connection. SQLite's driver is synchronous.</summary>
    public async Task<T> RunAsync<T>(Func<SqliteStatements, T> action, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return await Task.Run(
                () =>
                {
                    try
                    {
                        return action(_connection ??= open());
                    }
                    catch
                    {
                        // Closing rolls back what is open.
                        _connection?.Dispose();
                        _connection = null;
                        throw;
                    }
                },
                cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync();
        _disposed = true;
        _connection?.Dispose();
        _connection = null;
        _gate.Release();
    }
}
