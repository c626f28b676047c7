using System.Numerics;

namespace Ledger.Client;

/// <summary>A transaction in doubt, as one of its accounts knows it.</summary>
public sealed record TransactionInDoubt
{
    /// <summary>The transaction's id; of a transfer alone, the transfer's.</summary>
    public required Guid Id { get; init; }

    /// <summary>What its attempt is known by among its accounts: the id, or for a later attempt one that follows from
    /// it.</summary>
    public required Guid AttemptId { get; init; }

    /// <summary>Since when: when the account prepared it.</summary>
    public required DateTimeOffset PrepareTime { get; init; }

    /// <summary>The account that coordinates it: the debit account of its first transfer.</summary>
    public required string Coordinator { get; init; }

    /// <summary>Its other accounts as far as this one knows them, at most 10. At the coordinator the last one is the
    /// last agent, whose journal decides.</summary>
    public required IReadOnlyList<string> Counterparties { get; init; }

    /// <summary>By how much it would change the account's pending debits, in minor units.</summary>
    public required BigInteger DebitsPending { get; init; }

    /// <summary>By how much it would change the account's posted debits, in minor units.</summary>
    public required BigInteger DebitsPosted { get; init; }

    /// <summary>By how much it would change the account's pending credits, in minor units.</summary>
    public required BigInteger CreditsPending { get; init; }

    /// <summary>By how much it would change the account's posted credits, in minor units.</summary>
    public required BigInteger CreditsPosted { get; init; }
}
