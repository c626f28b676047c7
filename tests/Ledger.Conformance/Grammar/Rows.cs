namespace Ledger.Conformance.Grammar;

/// <summary>What a <c>commit</c> sends, by its name in the tables.</summary>
internal enum Operation
{
    CreateAccounts,
    CreateTransfers,
    LookupAccounts,
    LookupTransfers,
    GetAccountTransfers,
    GetAccountBalances,
    QueryAccounts,
    QueryTransfers,
    GetChangeEvents,
}

/// <summary>A row that is collected for the next <c>commit</c>.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Text">Its text, for people: without the comment, blanks collapsed.</param>
/// <param name="Operation">What commits it.</param>
internal abstract record Row(int Line, string Text, Operation Operation);

/// <summary>Something to create, and the status that is expected.</summary>
internal abstract record EventRow(int Line, string Text, Operation Operation) : Row(Line, Text, Operation)
{
    public UInt128 Id { get; init; }

    public UInt128 UserData128 { get; init; }

    public ulong UserData64 { get; init; }

    public uint UserData32 { get; init; }

    public uint Ledger { get; init; }

    public uint Code { get; init; }

    public bool Linked { get; init; }

    public bool Imported { get; init; }

    public ulong Timestamp { get; init; }

    public string Status { get; init; } = "";

    /// <summary>Whether it is expected to be created.</summary>
    public bool IsCreation => Status == "created";
}

/// <summary>A row <c>account</c>.</summary>
internal sealed record AccountRow(int Line, string Text) : EventRow(Line, Text, Operation.CreateAccounts)
{
    public Counters Counters { get; init; }

    public bool DebitsMustNotExceedCredits { get; init; }

    public bool CreditsMustNotExceedDebits { get; init; }

    public bool History { get; init; }

    public bool Closed { get; init; }
}

/// <summary>A row <c>transfer</c>.</summary>
internal sealed record TransferRow(int Line, string Text) : EventRow(Line, Text, Operation.CreateTransfers)
{
    public UInt128 DebitAccount { get; init; }

    public UInt128 CreditAccount { get; init; }

    public UInt128 Amount { get; init; }

    public UInt128 PendingId { get; init; }

    public uint TimeoutSeconds { get; init; }

    public bool Pending { get; init; }

    public bool PostPending { get; init; }

    public bool VoidPending { get; init; }

    public bool BalancingDebit { get; init; }

    public bool BalancingCredit { get; init; }

    public bool ClosingDebit { get; init; }

    public bool ClosingCredit { get; init; }
}

/// <summary>The four counters of an account.</summary>
internal readonly record struct Counters(
    UInt128 DebitsPending, UInt128 DebitsPosted, UInt128 CreditsPending, UInt128 CreditsPosted);

/// <summary>A row <c>lookup_account</c>.</summary>
/// <param name="Expected">The counters; null when no account is expected.</param>
/// <param name="Closed">Whether it is expected to be closed.</param>
internal sealed record LookupAccountRow(int Line, string Text, UInt128 Id, Counters? Expected, bool Closed)
    : Row(Line, Text, Operation.LookupAccounts);

/// <summary>What a row <c>lookup_transfer</c> looks at.</summary>
internal enum TransferAspect
{
    Exists,
    Amount,
    Timestamp,
}

/// <summary>A row <c>lookup_transfer</c>.</summary>
/// <param name="Expected">For <see cref="TransferAspect.Exists"/> 1 or 0, else the number.</param>
internal sealed record LookupTransferRow(int Line, string Text, UInt128 Id, TransferAspect Aspect, UInt128 Expected)
    : Row(Line, Text, Operation.LookupTransfers);

/// <summary>A row that asks a question of the read side, or one line of the answer that is expected. Only its form is
/// known here: what it means comes with the read side.</summary>
/// <param name="IsResult">Whether it is a line of the answer.</param>
internal sealed record QueryRow(int Line, string Text, Operation Operation, bool IsResult) : Row(Line, Text, Operation);

/// <summary>One thing to do, in order.</summary>
internal abstract record Step(int Line, string Text);

/// <summary>Sets the counters of an account, whatever it did before.</summary>
internal sealed record SetupStep(int Line, string Text, UInt128 Account, Counters Counters) : Step(Line, Text);

/// <summary>Moves the clock.</summary>
/// <param name="FromEnd">Whether to set it to that long before the end of time, and not to advance it.</param>
/// <param name="Nanoseconds">How far.</param>
internal sealed record TickStep(int Line, string Text, bool FromEnd, UInt128 Nanoseconds) : Step(Line, Text);

/// <summary>Sends the rows collected so far as one request.</summary>
internal sealed record CommitStep(int Line, string Text, Operation Operation, IReadOnlyList<Row> Rows)
    : Step(Line, Text);

/// <summary>A table.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Sections">What to run, each on a ledger of its own; see <see cref="Sections"/>.</param>
internal sealed record Table(string Name, IReadOnlyList<IReadOnlyList<Step>> Sections)
{
    public IEnumerable<Row> Rows => Sections.SelectMany(static steps => steps).OfType<CommitStep>().SelectMany(
        static commit => commit.Rows);
}
