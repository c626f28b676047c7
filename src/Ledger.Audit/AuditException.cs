namespace Ledger.Audit;

/// <summary>An audit log can't be written or read. The message says why, and what to do.</summary>
internal sealed class AuditException(string message, Exception? inner = null) : Exception(message, inner);
