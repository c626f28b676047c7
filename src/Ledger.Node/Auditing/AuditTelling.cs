using Ledger.Audit;

namespace Ledger.Node.Auditing;

/// <summary>Tells of the audit log in the node's own log: what is wrong with it; once a minute its newest record, which
/// whoever keeps logs elsewhere can verify it by; and, where the level asks for it, each record.</summary>
internal sealed partial class AuditTelling(ILoggerFactory loggers)
{
    /// <summary>The category of records.</summary>
    public const string RecordCategory = "Ledger.Audit.Record";

    private readonly ILogger log = loggers.CreateLogger<AuditLog>();
    private readonly ILogger records = loggers.CreateLogger(RecordCategory);

    public void Failed(string problem) => LogFailed(log, problem);

    public void HeadMoved(AuditHead head) => LogHead(log, head.ToString());

    /// <summary>Passes a record on. The number of its kind is that of the event.</summary>
    public void Recorded(AuditRecord record)
    {
        if (records.IsEnabled(LogLevel.Information))
        {
            var entry = record.Event;
            records.Log(
                LogLevel.Information, new EventId((int)entry.Kind, AuditKindNames.Of(entry.Kind)),
                "Audit {Number} {Kind} principal {Principal} credential {Credential} address {Address} method {Method}"
                + " target {Target} outcome {Outcome} count {Count}: {Detail}",
                record.Number, AuditKindNames.Of(entry.Kind), entry.Principal, entry.Credential, entry.Address,
                entry.Method, entry.Target, entry.Outcome, record.Count, entry.Detail);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "{Problem} docs/operating/audit.md says what to do")]
    private static partial void LogFailed(ILogger log, string problem);

    [LoggerMessage(
        2, LogLevel.Information,
        "The newest record of the audit log has the head {Head}; ledger audit verify --head proves by it that nothing"
        + " before it was changed or lost")]
    private static partial void LogHead(ILogger log, string head);
}
