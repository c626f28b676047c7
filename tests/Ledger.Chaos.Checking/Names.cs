using System.Collections.Frozen;
using System.Text;

namespace Ledger.Chaos.Checking;

/// <summary>The names of the protocol: statuses, and the errors that a call may end with.</summary>
internal static class Names
{
    /// <summary>The ledger's reasons for a call that failed as a whole: the gRPC status of each, and whether it leaves
    /// open what was applied. A test holds this against the facade.</summary>
    public static readonly FrozenDictionary<string, (string Code, bool IsUnknown)> Reasons =
        new Dictionary<string, (string, bool)>(StringComparer.Ordinal)
        {
            ["INVALID_ARGUMENT"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_REQUEST"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_ADDRESS"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_ASSET"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_ID"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_TIME"] = ("INVALID_ARGUMENT", false),
            ["UNKNOWN_FIELD"] = ("INVALID_ARGUMENT", false),
            ["DUPLICATE_FIELD"] = ("INVALID_ARGUMENT", false),
            ["NUMBER_NOT_EXACT"] = ("INVALID_ARGUMENT", false),
            ["AMOUNT_NOT_A_NUMBER"] = ("INVALID_ARGUMENT", false),
            ["AMOUNT_NEGATIVE"] = ("INVALID_ARGUMENT", false),
            ["AMOUNT_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["TRANSFER_MISSING"] = ("INVALID_ARGUMENT", false),
            ["TRANSACTION_MISSING"] = ("INVALID_ARGUMENT", false),
            ["STEP_MISSING"] = ("INVALID_ARGUMENT", false),
            ["ASSET_MISSING"] = ("INVALID_ARGUMENT", false),
            ["UNKNOWN_KIND"] = ("INVALID_ARGUMENT", false),
            ["KIND_RESERVED"] = ("INVALID_ARGUMENT", false),
            ["MALFORMED_TIMEOUT"] = ("INVALID_ARGUMENT", false),
            ["TIMEOUT_NEGATIVE"] = ("INVALID_ARGUMENT", false),
            ["TIMEOUT_TOO_FINE"] = ("INVALID_ARGUMENT", false),
            ["REASON_TOO_LONG"] = ("INVALID_ARGUMENT", false),
            ["FREEZE_MISSING"] = ("INVALID_ARGUMENT", false),
            ["RESOLUTION_MISSING"] = ("INVALID_ARGUMENT", false),
            ["EMPTY_BATCH"] = ("INVALID_ARGUMENT", false),
            ["BATCH_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["REFERENCE_TOO_LONG"] = ("INVALID_ARGUMENT", false),
            ["METADATA_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["INVALID_PAGE_TOKEN"] = ("INVALID_ARGUMENT", false),
            ["PAGE_TOKEN_OF_ANOTHER_EPOCH"] = ("INVALID_ARGUMENT", false),
            ["INVALID_PAGE_SIZE"] = ("INVALID_ARGUMENT", false),
            ["INVALID_RANGE"] = ("INVALID_ARGUMENT", false),
            ["REQUEST_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["TRANSACTION_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["MESSAGE_TOO_LARGE"] = ("INVALID_ARGUMENT", false),
            ["ANSWER_TOO_LARGE"] = ("INTERNAL", true),
            ["NOT_FOUND"] = ("NOT_FOUND", false),
            ["TRANSACTION_NOT_FOUND"] = ("NOT_FOUND", false),
            ["ACCOUNT_NOT_FOUND"] = ("NOT_FOUND", false),
            ["TRANSFER_NOT_FOUND"] = ("NOT_FOUND", false),
            ["NOT_IN_DOUBT"] = ("NOT_FOUND", false),
            ["VERDICT_REFUSED"] = ("FAILED_PRECONDITION", false),
            ["TRANSFER_NOT_REMEMBERED"] = ("FAILED_PRECONDITION", false),
            ["METHOD_NOT_FOUND"] = ("UNIMPLEMENTED", false),
            ["METHOD_NOT_ALLOWED"] = ("UNIMPLEMENTED", false),
            ["CALLER_BLOCKED"] = ("PERMISSION_DENIED", false),
            ["OVERLOADED"] = ("RESOURCE_EXHAUSTED", false),
            ["DEADLINE_EXPIRED"] = ("DEADLINE_EXCEEDED", false),
            ["DEADLINE_EXCEEDED"] = ("DEADLINE_EXCEEDED", true),
            ["CANCELLED"] = ("CANCELLED", true),
            ["UNAVAILABLE"] = ("UNAVAILABLE", true),
            ["JOURNAL_UNAVAILABLE"] = ("UNAVAILABLE", true),
            ["LEDGER_HALTED"] = ("UNAVAILABLE", false),
            ["LEASE_LOST"] = ("UNAVAILABLE", false),
            ["FILTER_TOO_WIDE"] = ("INVALID_ARGUMENT", false),
            ["TRANSFER_ID_AMBIGUOUS"] = ("FAILED_PRECONDITION", false),
            ["INDEX_OFF"] = ("UNIMPLEMENTED", false),
            ["INDEX_BEHIND"] = ("UNAVAILABLE", false),
            ["REQUEST_INCOMPLETE"] = ("DEADLINE_EXCEEDED", false),
            ["COMPRESSION_NOT_ACCEPTED"] = ("UNIMPLEMENTED", false),
            ["HOST_NOT_ALLOWED"] = ("PERMISSION_DENIED", false),
            ["ORIGIN_NOT_ALLOWED"] = ("PERMISSION_DENIED", false),
            ["STREAM_ENDED"] = ("UNAVAILABLE", false),
            ["LOOPBACK_ONLY"] = ("PERMISSION_DENIED", false),
            ["PERMISSION_DENIED"] = ("PERMISSION_DENIED", false),
            ["UNAUTHENTICATED"] = ("UNAUTHENTICATED", false),
            ["ACCOUNT_IN_DOUBT"] = ("UNAVAILABLE", false),
            ["COUNTERPARTY_UNAVAILABLE"] = ("UNAVAILABLE", false),
            ["INTERNAL"] = ("INTERNAL", true),
            ["DECISION_FAILED"] = ("INTERNAL", false),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The statuses that a call may end with on its way, without the ledger's having said anything.</summary>
    public static readonly FrozenSet<string> WayCodes =
        FrozenSet.ToFrozenSet(
            ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"], StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, TransferStatus> TransferStatuses =
        Enum.GetValues<TransferStatus>().Where(static status => status != TransferStatus.None)
            .ToFrozenDictionary(static status => Snake(status.ToString()), StringComparer.Ordinal);

    private static readonly FrozenDictionary<TransferStatus, string> Texts =
        TransferStatuses.ToFrozenDictionary(static one => one.Value, static one => one.Key);

    private static readonly FrozenSet<string> AccountStatuses =
        Enum.GetValues<AccountStatus>().Where(static status => status != AccountStatus.None)
            .Select(static status => Snake(status.ToString())).ToFrozenSet(StringComparer.Ordinal);

    public static string Of(TransferStatus status) => Texts.GetValueOrDefault(status, status.ToString());

    public static bool TryTransferStatus(string name, out TransferStatus status) =>
        TransferStatuses.TryGetValue(name, out status);

    public static bool IsAccountStatus(string name) => AccountStatuses.Contains(name);

    /// <summary>Whether a status says that an id is known for something else, which rests on another request's
    /// record.</summary>
    public static bool IsAboutAnother(TransferStatus status) =>
        status is TransferStatus.Exists or TransferStatus.IdAlreadyFailed
        || Of(status).StartsWith("EXISTS_WITH_DIFFERENT_", StringComparison.Ordinal);

    /// <summary>Whether a status is about the request alone, so that nothing is recorded.</summary>
    public static bool IsAboutShape(TransferStatus status) =>
        (int)status is (>= 2 and <= 20) or 53 or 64 or (int)TransferStatus.ReasonMissing
        or (int)TransferStatus.IdFromTheFuture;

    public static string Snake(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(letter));
        }

        return text.ToString();
    }
}
