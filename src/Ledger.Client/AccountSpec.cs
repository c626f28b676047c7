namespace Ledger.Client;

/// <summary>What an account is opened with.</summary>
public sealed record AccountSpec
{
    /// <summary>The address: segments of <c>A-Z a-z 0-9 _ -</c>, joined by <c>:</c>, at most 128 characters.</summary>
    public required string Address { get; init; }

    /// <summary>The one asset that the account holds: a code and its decimal places, such as <c>USD/2</c>.</summary>
    public required string Asset { get; init; }

    /// <summary>A number of the caller's own that says what kind of account this is. Must not be 0.</summary>
    public required uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Up to 16 entries; a key has 1 to 64 characters, a value at most 256; all keys and values together have
    /// at most
    /// 4,096 bytes in UTF-8. Empty by default.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ProtoMapper.NoMetadata;

    /// <summary>When given: debits, reserved ones included, must not exceed posted credits plus the
    /// allowance.</summary>
    public AccountLimit? DebitsMustNotExceedCredits { get; init; }

    /// <summary>When given: credits, reserved ones included, must not exceed posted debits plus the
    /// allowance.</summary>
    public AccountLimit? CreditsMustNotExceedDebits { get; init; }

    /// <summary>Whether the account is opened closed: it then takes no transfer until it is reopened. The default is
    /// false.</summary>
    public bool IsClosed { get; init; }
}
