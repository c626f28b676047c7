namespace Ledger.Chaos;

/// <summary>What the checker says.</summary>
internal sealed record Verdict(bool IsClean, string Text)
{
    public static Task<Verdict> OfAsync(
        string history, string connection, bool finished, TextWriter output, CancellationToken cancellationToken)
    {
        _ = (history, connection, output, cancellationToken);
        return Task.FromResult(new Verdict(false, finished ? "unknown: there is no checker yet" : "unknown: the final phase did not finish"));
    }
}
