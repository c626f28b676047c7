namespace Ledger.Core;

/// <summary>What a <see cref="LeaseGate"/> needs of the world.</summary>
internal interface ILeaseGateHost
{
    /// <summary>Whether the lease is good, so that nobody else can be speaking for the account.</summary>
    bool MaySpeak { get; }

    /// <summary>Says it, now.</summary>
    /// <param name="message">An answer to a caller, or a message to another account.</param>
    /// <param name="durableRow">The account's last row that was durable when it was given to the gate.</param>
    void Leave(in OutboundMessage message, long durableRow);

    /// <summary>The gate begins to withhold: whoever keeps the lease calls <see cref="LeaseGate.TryRelease"/> when it
    /// is renewed.</summary>
    void Withholds();
}
