using Ledger.Actors.Storage;

namespace Ledger.Actors.Tests;

/// <summary>Appends as another does, where nothing goes wrong.</summary>
internal sealed class FaultyAppender(IJournalAppender inner, AppendFaults faults) : IJournalAppender
{
    public async Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating)
    {
        var mishap = faults.Of(rows);
        switch (mishap)
        {
            case AppendMishap.Refused:
                throw new RefusedException();
            case AppendMishap.NotStored:
                throw new TimeoutException("The database does not answer.");
            default:
                await inner.AppendAsync(rows, isolating);
                break;
        }

        if (mishap == AppendMishap.AnswerLost)
        {
            throw new TimeoutException("The answer of the database is lost.");
        }
    }

    public AppendFault Classify(Exception exception) =>
        exception is RefusedException ? AppendFault.Refused : inner.Classify(exception);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private sealed class RefusedException : Exception;
}
