namespace Ledger.Fuzz.Inputs;

/// <summary>One request, byte by byte.</summary>
internal sealed record FuzzInput
{
    /// <summary>The seed of the run that made it.</summary>
    public ulong Seed { get; init; }

    /// <summary>Its number in the run.</summary>
    public long Number { get; init; }

    public required InputForm Form { get; init; }

    /// <summary>The method of the contract that it began as, by its full name; empty for none.</summary>
    public string Method { get; init; } = "";

    /// <summary>What was done to it, for people.</summary>
    public string Faults { get; init; } = "";

    /// <summary>The HTTP method.</summary>
    public string Verb { get; init; } = "POST";

    /// <summary>The path with the query, as it is sent.</summary>
    public required string Path { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The body; of gRPC with the frames of its messages.</summary>
    public byte[] Body { get; init; } = [];

    public Credential Credential { get; init; }

    /// <summary>Whether the path and the verb are those of the method.</summary>
    public bool IsRouted { get; init; } = true;
}
