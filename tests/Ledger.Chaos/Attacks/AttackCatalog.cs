namespace Ledger.Chaos.Attacks;

/// <summary>Every attack that there is.</summary>
internal static class AttackCatalog
{
    /// <summary>Takes processor time and nothing else: what attacks are compared with.</summary>
    public static readonly AttackKind Busy = new("busy", "a loop that does nothing", BusyAsync);

    public static readonly IReadOnlyList<AttackKind> All =
    [
        new("half-sent", "messages of 4 and 16 MiB that lack the last bytes, 160 at once", LargeAttacks.HalfSentAsync),
        new("large-json", "JSON bodies of 7.5 and 30 MB, 48 at once", LargeAttacks.LargeJsonAsync),
        new("gzip", "16 KB that become 16 MiB, 400 at once", LargeAttacks.GzipAsync),
        new("idle-sockets", "connections on which nothing is said, as many as there can be", SocketAttacks.IdleAsync),
        new("slow-headers", "5,000 connections with a byte of headers a second", SocketAttacks.SlowHeadersAsync),
        new("malformed", "messages that are no protobuf and JSON that is nested deep, 128 at once",
            SmallAttacks.MalformedAsync),
        new("malformed-unread-log", "the same, while nobody reads the node's output", SmallAttacks.MalformedAsync)
        {
            StallsLog = true
        },
        new("dated-ahead", "ids up to 70 years ahead on a deep account, then transfers on it",
            AccountAttacks.DatedAheadAsync) { NeedsDepth = true },
        new("holds", "holds of 0 on a stranger with all the metadata that there can be", LargeAttacks.HoldsAsync),
        new("batches", "batches with all the metadata that there can be, 6 at once", LargeAttacks.BatchesAsync),
        new("random-ids", "batches of 500 transfers with random ids of version 4, 8 at once",
            LargeAttacks.RandomIdsAsync),
        new("open-accounts", "accounts opened by the thousand, 8 times at once", LargeAttacks.OpenAccountsAsync),
        new("list-accounts", "ListAccounts, 1,000 a page, 32 callers", SmallAttacks.ListAccountsAsync)
        {
            NeedsAccounts = true
        },
        new("deep-statement", "a deep account's statement from its first entry, 1,000 a page, 64 callers",
            AccountAttacks.DeepStatementAsync) { NeedsDepth = true },
        new("empty-statement", "a deep account's statement, newest first, of a time when there was none, 64 callers",
            AccountAttacks.EmptyStatementAsync) { NeedsDepth = true },
        new("unknown-transfer", "GetTransfer of ids that are nobody's on a deep account, 64 callers",
            AccountAttacks.UnknownTransferAsync) { NeedsDepth = true },
        new("unread-streams", "256 streams of transfers whose answers nobody takes", StreamAttacks.UnreadAsync),
        new("idle-streams", "98 connections with 1,024 streams each on which nothing is said", StreamAttacks.IdleAsync),
        new("rapid-reset", "calls that are broken off as they are made", StreamAttacks.RapidResetAsync),
        new("tiny-deadlines", "transfers with a deadline of a millisecond or a nanosecond, 256 at once",
            SmallAttacks.TinyDeadlinesAsync),
        new("health", "/health in a loop, 64 at once", SmallAttacks.HealthAsync),
        new("reads", "8,000 reads at once of one account", AccountAttacks.ReadsAsync),
    ];

    /// <summary>Reads a list of names.</summary>
    /// <exception cref="FormatException">One is not known.</exception>
    public static IReadOnlyList<AttackKind> Parse(string text)
    {
        var chosen = new List<AttackKind>();
        foreach (var name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            chosen.AddRange(name is "all" ? All : [Find(name)]);
        }

        return chosen.Count > 0
            ? chosen
            : throw new FormatException("--attack needs the name of an attack, or all; see --list.");
    }

    /// <summary>The attack of a name.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public static AttackKind Find(string name) => All.Append(Busy).FirstOrDefault(kind => kind.Name == name)
        ?? throw new FormatException($"There is no attack '{name}'; see --list.");

    /// <summary>All of them, for people.</summary>
    public static string Describe() => "attacks" + Environment.NewLine
        + string.Join(Environment.NewLine, All.Select(static kind => $"  {kind.Name,-22} {kind.Description}"));

    private static async Task BusyAsync(Attacker attacker)
    {
        while (!attacker.IsOver)
        {
            await attacker.BreatheAsync();
            for (var i = 0; i < 100_000; i++)
            {
                _ = attacker.IsOver;
            }
        }
    }
}
