namespace Ledger.Node;

/// <summary>A setting that can't be used.</summary>
internal sealed class SettingsException(string message) : Exception(message);
