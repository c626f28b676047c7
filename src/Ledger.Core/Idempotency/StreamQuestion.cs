namespace Ledger.Core;

/// <summary>One thing that a <see cref="StreamSearch"/> asks of the store; whoever drives it puts the answer
/// in.</summary>
internal abstract class StreamQuestion
{
    private protected StreamQuestion()
    {
    }
}
