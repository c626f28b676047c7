using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ledger.Chaos.Checking;

// The history of a run: JSON lines, one record a line, appended as calls complete and flushed. The first line is the
// run's record, the last one of a run that came to its end is the final record. Every time in it is in nanoseconds of
// the driver's one monotonic clock, counted from the start of the run. What a client asked and what it was told stand
// here as the client saw them; nothing is interpreted.

/// <summary>One line of the history.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(RunRecord), "run")]
[JsonDerivedType(typeof(CallRecord), "call")]
[JsonDerivedType(typeof(FaultRecord), "fault")]
[JsonDerivedType(typeof(DamageRecord), "damage")]
[JsonDerivedType(typeof(FinalRecord), "final")]
public abstract record HistoryRecord;

/// <summary>The first line: what the run is made of.</summary>
public sealed record RunRecord : HistoryRecord
{
    public required ulong Seed { get; init; }

    public required int Nodes { get; init; }

    public required string Workload { get; init; }

    /// <summary>The system's time at 0 ns of the history's clock; only to relate times that the ledger tells.</summary>
    public required DateTimeOffset StartTime { get; init; }

    /// <summary>Connects to the database directly, without the fault proxy. Empty when there is none to ask.</summary>
    public required string Connection { get; init; }

    /// <summary>All accounts that the workload may touch, opened before it.</summary>
    public required IReadOnlyList<AccountContent> Accounts { get; init; }

    /// <summary>What the addresses of accounts begin with that others use, whom no history has; nothing is said of
    /// them. Nobody whose calls are here moves money to or from them.</summary>
    public IReadOnlyList<string> Others { get; init; } = [];
}

/// <summary>What an account is opened with.</summary>
public sealed record AccountContent
{
    public required string Address { get; init; }

    public required string Asset { get; init; }

    public required uint Code { get; init; }

    /// <summary>The allowance of the limit on debits; null when they have no limit.</summary>
    public UInt128? DebitAllowance { get; init; }

    /// <summary>The allowance of the limit on credits; null when they have no limit.</summary>
    public UInt128? CreditAllowance { get; init; }
}

/// <summary>What a call does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CallKind>))]
public enum CallKind
{
    /// <summary>OpenAccounts, of <see cref="CallRequest.Accounts"/>; the statuses are in
    /// <see cref="CallResult.Accounts"/>.</summary>
    [JsonStringEnumMemberName("open")]
    Open,

    /// <summary>PostTransfer of one that moves money at once.</summary>
    [JsonStringEnumMemberName("transfer")]
    Transfer,

    /// <summary>PostTransfer of a hold.</summary>
    [JsonStringEnumMemberName("hold")]
    Hold,

    /// <summary>PostTransfer of the post of a hold.</summary>
    [JsonStringEnumMemberName("post")]
    Post,

    /// <summary>PostTransfer of the void of a hold.</summary>
    [JsonStringEnumMemberName("void")]
    Void,

    /// <summary>PostTransaction, of <see cref="CallRequest.Legs"/> under <see cref="CallRequest.Id"/>.</summary>
    [JsonStringEnumMemberName("transaction")]
    Transaction,

    /// <summary>GetAccount.</summary>
    [JsonStringEnumMemberName("read")]
    Read,

    /// <summary>ListStatement: one page.</summary>
    [JsonStringEnumMemberName("statement")]
    Statement,

    /// <summary>GetTransfer.</summary>
    [JsonStringEnumMemberName("lookup")]
    Lookup,

    /// <summary>GetTransaction.</summary>
    [JsonStringEnumMemberName("lookup_transaction")]
    LookupTransaction,

    /// <summary>A write that is malformed or too large on purpose; it must be refused with a known error.</summary>
    [JsonStringEnumMemberName("poison")]
    Poison,
}

/// <summary>How a call ended, as far as the client knows.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CallOutcome>))]
public enum CallOutcome
{
    /// <summary>A write that is recorded (CREATED, or EXISTS without a failed leg), or a read that was
    /// answered.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>A write that recorded nothing, by its status or because the call failed so that nothing was applied; or
    /// a read that failed, which never leaves anything open. <see cref="CallRecord.Error"/> tells the
    /// failures.</summary>
    [JsonStringEnumMemberName("rejected")]
    Rejected,

    /// <summary>A write that may or may not have been recorded.</summary>
    [JsonStringEnumMemberName("unknown")]
    Unknown,
}

/// <summary>One call of one client, written when it completed or was given up.</summary>
public sealed record CallRecord : HistoryRecord
{
    /// <summary>The client: it does one call after another. After a call that ended unknown it goes on as another
    /// one.</summary>
    public required long Process { get; init; }

    /// <summary>The call's number, unique in the run.</summary>
    public required long Op { get; init; }

    public required CallKind Kind { get; init; }

    /// <summary>The node that was asked, from 0; -1 when the client balances over all of them.</summary>
    public required int Node { get; init; }

    public required CallRequest Request { get; init; }

    public required long Invoke { get; init; }

    /// <summary>When the answer was there, or the client gave up. For an unknown write this is no end: its effect may
    /// come later.</summary>
    public required long Complete { get; init; }

    public required CallOutcome Outcome { get; init; }

    /// <summary>The status by its name in the protocol, without its prefix, such as CREATED; empty for reads, and for
    /// calls that failed as a whole.</summary>
    public string Status { get; init; } = "";

    /// <summary>For a call that failed as a whole: how. Otherwise null.</summary>
    public CallError? Error { get; init; }

    /// <summary>What was answered; null when nothing was.</summary>
    public CallResult? Result { get; init; }

    /// <summary>The attempt at this request, from 1: the same id and content, sent again by the workload. (What the
    /// client library repeats within a call is not seen here.)</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>Whether it belongs to the final phase, after all faults have been healed.</summary>
    public bool Final { get; init; }
}

/// <summary>What a call asked for. Which members are set follows from the call's kind.</summary>
public sealed record CallRequest
{
    /// <summary>The transfer, for its four kinds.</summary>
    public TransferContent? Transfer { get; init; }

    /// <summary>The id of a transaction, or the id that is looked up.</summary>
    public Guid? Id { get; init; }

    /// <summary>The legs of a transaction, in order; their ids are always given.</summary>
    public IReadOnlyList<TransferContent>? Legs { get; init; }

    /// <summary>For an opening: the accounts.</summary>
    public IReadOnlyList<AccountContent>? Accounts { get; init; }

    /// <summary>The account that is read, listed or looked into.</summary>
    public string? Account { get; init; }

    /// <summary>For a page of a statement: the first and the last entry's number to include; null for no
    /// bound.</summary>
    public ulong? MinSequence { get; init; }

    public ulong? MaxSequence { get; init; }

    public bool NewestFirst { get; init; }

    public int PageSize { get; init; }

    /// <summary>For a poison: what is wrong with it.</summary>
    public string? Poison { get; init; }

    /// <summary>For a poison that has one answer: the ledger's reason that it must fail for.</summary>
    public string? Expected { get; init; }
}

/// <summary>What a transfer does; the names are those of the protocol.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TransferType>))]
public enum TransferType
{
    [JsonStringEnumMemberName("direct")]
    Direct,

    [JsonStringEnumMemberName("hold")]
    Hold,

    [JsonStringEnumMemberName("post")]
    Post,

    [JsonStringEnumMemberName("void")]
    Void,
}

/// <summary>A transfer as it was requested.</summary>
public sealed record TransferContent
{
    public required Guid Id { get; init; }

    public required TransferType Type { get; init; }

    /// <summary>Empty for a post or void: that of the hold.</summary>
    public required string Debit { get; init; }

    /// <summary>Empty for a post or void: that of the hold.</summary>
    public required string Credit { get; init; }

    /// <summary>Null for a post of all that is left, for a void, and for a balancing transfer without bound.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>Empty for that of the accounts.</summary>
    public string Asset { get; init; } = "";

    public uint Code { get; init; }

    public string Reference { get; init; } = "";

    /// <summary>For a post or void: the hold.</summary>
    public Guid? Hold { get; init; }

    /// <summary>For a hold: after how many microseconds it expires; 0 for never.</summary>
    public long TimeoutMicroseconds { get; init; }

    public bool BalancingDebit { get; init; }

    public bool BalancingCredit { get; init; }

    public bool ClosingDebit { get; init; }

    public bool ClosingCredit { get; init; }

    public bool KeepRest { get; init; }

    public bool OpenAccounts { get; init; }

    /// <summary>How many bytes of metadata it has, keys and values together; what they say does not matter.</summary>
    public int MetadataBytes { get; init; }
}

/// <summary>How a call failed as a whole.</summary>
public sealed record CallError
{
    /// <summary>The gRPC status by its name in upper case, such as UNAVAILABLE; or CLIENT_CANCELLED when the client
    /// itself broke the call off; or UNCLASSIFIED for anything else, which is a finding.</summary>
    public required string Code { get; init; }

    /// <summary>The ledger's reason (google.rpc.ErrorInfo), such as OVERLOADED; empty when the failure did not come
    /// from the ledger but from the way there.</summary>
    public string Reason { get; init; } = "";

    /// <summary>What the ledger said under "outcome" in the metadata of the ErrorInfo; empty when it said
    /// nothing.</summary>
    public string Outcome { get; init; } = "";

    public string Message { get; init; } = "";

    /// <summary>Whether no node could be reached, so that nothing was asked.</summary>
    public bool Unreachable { get; init; }
}

/// <summary>What was answered. Which members are set follows from the call's kind.</summary>
public sealed record CallResult
{
    /// <summary>For a write or a lookup: when it was committed. For a lookup of a rejection: when it was
    /// rejected.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>For a write: whether it had been decided by an earlier request.</summary>
    public bool Replayed { get; init; }

    /// <summary>For a write or a lookup of one transfer: the amount that was moved, held or released.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>For a rejection that is on record: the balances of the account that refused, as they were
    /// seen.</summary>
    public BalancesContent? BalanceSeen { get; init; }

    /// <summary>For a transaction: the leg that failed.</summary>
    public int? FailedLeg { get; init; }

    /// <summary>For a transaction: its legs, in order.</summary>
    public IReadOnlyList<LegContent>? Legs { get; init; }

    /// <summary>For an opening: its statuses, in order.</summary>
    public IReadOnlyList<string>? Accounts { get; init; }

    /// <summary>For a read: the account.</summary>
    public AccountReading? Reading { get; init; }

    /// <summary>For a statement: the entries, in the order of the answer.</summary>
    public IReadOnlyList<EntryContent>? Entries { get; init; }

    /// <summary>For a lookup, and a read: whether there is such a thing. <see cref="CallRecord.Status"/> is then, for a
    /// lookup, the status on record.</summary>
    public bool? Found { get; init; }

    /// <summary>For a lookup of a transfer: the transaction that it is a part of.</summary>
    public Guid? TransactionId { get; init; }

    /// <summary>For a lookup of a hold that was made: LIVE, POSTED, VOIDED or EXPIRED.</summary>
    public string? HoldState { get; init; }

    /// <summary>For a lookup of a live hold: what is left of it.</summary>
    public UInt128? HoldRemaining { get; init; }
}

/// <summary>What became of a leg.</summary>
public sealed record LegContent(Guid TransferId, string Status, UInt128? Amount);

/// <summary>The counters of an account.</summary>
public sealed record BalancesContent(
    UInt128 DebitsPending,
    UInt128 DebitsPosted,
    UInt128 CreditsPending,
    UInt128 CreditsPosted,
    UInt128 DebitsInDoubt,
    UInt128 CreditsInDoubt);

/// <summary>An account as it was read.</summary>
public sealed record AccountReading
{
    public required ulong Version { get; init; }

    public required BalancesContent Balances { get; init; }

    /// <summary>Posted debits less posted credits, as the answer says it: a signed decimal integer.</summary>
    public required string Balance { get; init; }

    /// <summary>Null when there is no limit; a signed decimal integer.</summary>
    public string? AvailableDebits { get; init; }

    public string? AvailableCredits { get; init; }

    public required ulong EntryCount { get; init; }

    public required int HoldCount { get; init; }

    public required bool IsClosed { get; init; }
}

/// <summary>A line of a statement.</summary>
public sealed record EntryContent
{
    public required ulong Sequence { get; init; }

    public required DateTimeOffset BookTime { get; init; }

    public required Guid TransferId { get; init; }

    public required UInt128 Amount { get; init; }

    /// <summary>Whether this account was debited; otherwise it was credited.</summary>
    public required bool Debit { get; init; }

    public required UInt128 DebitsPosted { get; init; }

    public required UInt128 CreditsPosted { get; init; }
}

/// <summary>One fault, written when it had been healed.</summary>
public sealed record FaultRecord : HistoryRecord
{
    /// <summary>The fault's number in the run, from 0.</summary>
    public required int Number { get; init; }

    public required string Kind { get; init; }

    /// <summary>Node numbers, or what else was struck.</summary>
    public required string Target { get; init; }

    /// <summary>When it began.</summary>
    public required long From { get; init; }

    /// <summary>When it had been healed: the cause was gone.</summary>
    public required long To { get; init; }

    /// <summary>When every probed account was writable again; null when that did not happen in time.</summary>
    public long? Recovered { get; init; }

    /// <summary>What else is worth knowing, for people.</summary>
    public string Note { get; init; } = "";

    /// <summary>What the driver saw that must not be, such as a node that ended where none had to; empty for
    /// nothing.</summary>
    public string Wrong { get; init; } = "";
}

/// <summary>Accounts whose stored rows were damaged, so that nobody could read them for a while.</summary>
public sealed record DamageRecord : HistoryRecord
{
    /// <summary>From when on none of them was awake anywhere: each had been refused for its journal.</summary>
    public required long From { get; init; }

    /// <summary>Up to when they were damaged: the fixing began after this.</summary>
    public required long To { get; init; }

    public required IReadOnlyList<DamagedAccount> Accounts { get; init; }

    /// <summary>When every probed account had been written by a probe that began after <see cref="From"/>; null when
    /// that did not happen in time.</summary>
    public long? OthersWritable { get; init; }

    /// <summary>Whether no other fault was under way, so that nothing else kept calls from being answered.</summary>
    public required bool IsAlone { get; init; }

    /// <summary>When each of the accounts had been read again; null when that did not happen in time.</summary>
    public long? ReadAgain { get; init; }
}

/// <summary>One of them.</summary>
/// <param name="Address">The account.</param>
/// <param name="RowsBefore">How many rows it had when the damage was seen.</param>
/// <param name="RowsAfter">How many it had before it was fixed.</param>
public sealed record DamagedAccount(string Address, long RowsBefore, long RowsAfter);

/// <summary>The last line: the final phase. A history without it, or with one that did not finish, proves
/// nothing.</summary>
public sealed record FinalRecord : HistoryRecord
{
    public required long From { get; init; }

    public required long To { get; init; }

    /// <summary>Whether every account answered and every unknown id was looked up.</summary>
    public required bool Finished { get; init; }

    /// <summary>How many accounts were read.</summary>
    public required int Accounts { get; init; }

    /// <summary>How many ids with an unknown outcome were looked up.</summary>
    public required int Unknowns { get; init; }

    /// <summary>Why it did not finish; empty otherwise.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>The lines' form.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(AmountConverter)])]
[JsonSerializable(typeof(HistoryRecord))]
public sealed partial class HistoryJson : JsonSerializerContext;

/// <summary>Amounts are decimal strings, since readers in other languages would round numbers.</summary>
public sealed class AmountConverter : JsonConverter<UInt128>
{
    public override UInt128 Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        UInt128.Parse(reader.GetString()!, NumberStyles.None, CultureInfo.InvariantCulture);

    public override void Write(Utf8JsonWriter writer, UInt128 value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
    }
}
