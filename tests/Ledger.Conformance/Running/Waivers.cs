using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Running;

/// <summary>Why a row is not judged. Everything that is not here counts.</summary>
internal static class Waivers
{
    public const string Imported = "imported events: this ledger's clock is its own";
    public const string Reserved = "reserved and padding fields: there are none";
    public const string Timestamp = "a timestamp set by the caller: there is no such field";
    public const string Counters = "counters set by the caller: there is no such field, so it can't be asked for";
    public const string ReadSide = "waits for the read side";

    /// <summary>Why this row by itself is not judged, or null when it is.</summary>
    /// <remarks>A row that carries such a field counts as long as the status that is expected is about something
    /// else.</remarks>
    public static string? Of(Row row) => row switch
    {
        QueryRow => ReadSide,
        EventRow { Imported: true } => Imported,
        EventRow @event => @event.Status switch
        {
            "reserved_flag" or "reserved_field" => Reserved,
            "timestamp_must_be_zero" => Timestamp,
            "debits_pending_must_be_zero" or "debits_posted_must_be_zero" or "credits_pending_must_be_zero"
                or "credits_posted_must_be_zero" => Counters,
            _ when @event.Status.StartsWith("imported_event_", StringComparison.Ordinal) => Imported,
            _ => null,
        },
        _ => null,
    };
}
