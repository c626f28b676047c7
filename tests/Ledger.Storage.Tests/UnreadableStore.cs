using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>A table with one block, which can't be read at first.</summary>
internal sealed class UnreadableStore(CallerBlock block) : IBlockStore
{
    private int failures;

    public volatile bool CanBeRead;

    public int Failures => Volatile.Read(ref failures);

    public Task<IReadOnlyList<CallerBlock>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (CanBeRead)
        {
            return Task.FromResult<IReadOnlyList<CallerBlock>>([block]);
        }

        Interlocked.Increment(ref failures);
        throw new IOException("no such table");
    }

    public Task<bool> PutAsync(CallerBlock one, DateTimeOffset now, int most, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<bool> RemoveAsync(CallerBlockKind kind, string subject, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
