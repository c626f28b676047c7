namespace Ledger.Client.Sharing;

/// <summary>A shared stream ended without saying what it had read: what was sent on it and not answered is
/// unknown.</summary>
internal sealed class StreamBrokenException(string message, Exception? cause) : IOException(message, cause);
