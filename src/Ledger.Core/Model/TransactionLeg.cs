using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>One step of a <see cref="Transaction"/>: a transfer, or the opening of an account. Immutable.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TransactionLeg
{
    private TransactionLeg(Transfer? transfer, AccountSpec? opening, bool ifMissing)
    {
        Transfer = transfer;
        Opening = opening;
        IfMissing = ifMissing;
    }

    /// <summary>The transfer; null for an opening.</summary>
    public Transfer? Transfer { get; }

    /// <summary>What the account is opened with; null for a transfer.</summary>
    public AccountSpec? Opening { get; }

    /// <summary>For an opening: whether an account that is there already, however it was opened, is no
    /// failure.</summary>
    public bool IfMissing { get; }

    /// <summary>Makes a leg of a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    public static TransactionLeg Of(Transfer transfer) => new(transfer, null, false);

    /// <summary>Makes a leg that opens an account.</summary>
    /// <param name="spec">What it is opened with.</param>
    /// <param name="ifMissing">Whether an account that is there already is no failure.</param>
    public static TransactionLeg Open(AccountSpec spec, bool ifMissing = false) => new(null, spec, ifMissing);
}
