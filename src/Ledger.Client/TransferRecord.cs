namespace Ledger.Client;

/// <summary>A transfer as one of its accounts remembers it.</summary>
public sealed record TransferRecord
{
    /// <summary>The transfer, as it was requested.</summary>
    public required Transfer Transfer { get; init; }

    /// <summary><see cref="TransferStatus.Created"/>, or the reason of its rejection.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>When it was committed or rejected.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>For a rejection: the balances of the account that refused, as they were seen.</summary>
    public Balances? BalanceSeen { get; init; }

    /// <summary>The amount that was moved, held or released; null for a rejection.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>The transaction that it is a part of; its own id when it stood alone.</summary>
    public Guid TransactionId { get; init; }

    /// <summary>For a hold that was made: what has become of it. Otherwise null.</summary>
    public Hold? Hold { get; init; }

    /// <summary>Who asked for it first; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}
