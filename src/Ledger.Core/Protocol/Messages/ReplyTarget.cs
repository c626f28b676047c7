namespace Ledger.Core;

/// <summary>Who waits for an answer. Opaque to the core.</summary>
/// <param name="ReplyTo">The shell's own address of the caller.</param>
/// <param name="Correlation">The caller's number for the call.</param>
internal readonly record struct ReplyTarget(object? ReplyTo, long Correlation);
