namespace Ledger.Access;

/// <summary>A policy can't be used. The message says where and why.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="inner">What it follows from, if anything.</param>
public sealed class AccessPolicyException(string message, Exception? inner = null) : Exception(message, inner);
