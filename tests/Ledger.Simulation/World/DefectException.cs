namespace Ledger.Simulation;

/// <summary>What a decision throws because the world says so.</summary>
internal sealed class DefectException : Exception;
