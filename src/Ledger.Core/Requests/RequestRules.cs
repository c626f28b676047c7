namespace Ledger.Core;

/// <summary>What must be true of a request before any account is asked: its counts, its lengths and its sizes. Each
/// check gives the first problem, or null.</summary>
/// <remarks>What a transfer or an account says is judged elsewhere, by <see cref="TransferContent.CheckShape"/> and
/// <see cref="AccountDecider.CheckShape"/>: such a problem is a result of its item, and the others go on.</remarks>
internal static class RequestRules
{
    /// <summary>Checks how many items a request holds.</summary>
    /// <param name="count">How many.</param>
    /// <param name="field">The list that holds them.</param>
    /// <param name="max">The most.</param>
    public static RequestProblem? CheckCount(int count, string field, int max = LedgerLimits.BatchMax) =>
        count == 0 ? new RequestProblem(RequestProblemKind.EmptyBatch, $"The request holds no {field}", field)
        : count > max ? new RequestProblem(
            RequestProblemKind.BatchTooLarge, $"The request holds {count} {field}", field)
        {
            Allowed = $"at most {max} are allowed", Max = max,
        }
        : null;

    /// <summary>Checks how many items a request holds that asks for the accounts as they are afterwards: an answer
    /// grows by some hundred bytes for each account.</summary>
    /// <param name="count">How many.</param>
    /// <param name="field">The list that holds them.</param>
    public static RequestProblem? CheckReturned(int count, string field) => count <= LedgerLimits.ReturnedBalancesMax
        ? null
        : new RequestProblem(RequestProblemKind.BatchTooLarge, $"The request holds {count} {field}", field)
        {
            Allowed = $"at most {LedgerLimits.ReturnedBalancesMax} are allowed with balances returned",
            Max = LedgerLimits.ReturnedBalancesMax,
        };

    /// <summary>Checks that an account is named.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="field">The field.</param>
    public static RequestProblem? CheckAddress(AccountAddress address, string field) =>
        address.IsNone ? Invalid("The address is empty", field) : null;

    /// <summary>Checks that a transfer is named.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="field">The field.</param>
    public static RequestProblem? CheckId(TransferId id, string field) =>
        id.IsNil ? Invalid("The id is empty", field) : null;

    /// <summary>Checks how much a page may hold.</summary>
    /// <param name="limit">How many entries.</param>
    public static RequestProblem? CheckLimit(int limit) => limit is >= 1 and <= LedgerLimits.PageSizeMax
        ? null
        : Invalid($"The limit is {limit}", "limit") with
        {
            Allowed = $"1 to {LedgerLimits.PageSizeMax} are allowed", Max = LedgerLimits.PageSizeMax,
        };

    /// <summary>Checks the new deadline of a hold.</summary>
    /// <param name="deadline">The deadline.</param>
    public static RequestProblem? CheckHoldDeadline(LedgerTime deadline) =>
        deadline.UnixMicroseconds <= 0 ? Invalid("The new deadline is missing", "deadline") : null;

    /// <summary>Checks who asks.</summary>
    /// <param name="principal">The caller's name.</param>
    public static RequestProblem? CheckPrincipal(string principal) =>
        Principals.Check(principal) is { } problem ? Invalid($"The principal {problem}", "principal") : null;

    /// <summary>Checks a reference.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="place">The item that has it.</param>
    public static RequestProblem? CheckReference(string reference, RequestPlace place = default)
    {
        const string Name = "reference";
        if (reference.Length > LedgerLimits.ReferenceLengthMax)
        {
            return new RequestProblem(
                RequestProblemKind.ReferenceTooLong, $"The reference has {reference.Length} characters", place.Of(Name))
            {
                Allowed = $"at most {LedgerLimits.ReferenceLengthMax} are allowed",
                Max = LedgerLimits.ReferenceLengthMax,
            };
        }

        return LedgerLimits.IsWellFormed(reference)
            ? null
            : Invalid("The reference holds half of a surrogate pair, which is no character", place.Of(Name));
    }

    /// <summary>Checks how many pairs of metadata there are.</summary>
    /// <param name="count">How many.</param>
    /// <param name="place">The item that has them.</param>
    public static RequestProblem? CheckMetadataCount(int count, RequestPlace place = default) =>
        count <= LedgerLimits.MetadataPairsMax
            ? null
            : new RequestProblem(
                RequestProblemKind.MetadataTooLarge, $"The metadata has {count} entries", place.Of("metadata"))
            {
                Allowed = $"at most {LedgerLimits.MetadataPairsMax} are allowed", Max = LedgerLimits.MetadataPairsMax,
            };

    /// <summary>Checks metadata.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="place">The item that has it.</param>
    public static RequestProblem? CheckMetadata(Metadata metadata, RequestPlace place = default) =>
        CheckMetadataCount(metadata.Pairs.Length, place)
        ?? (LedgerLimits.Check(metadata) is { } problem
            ? new RequestProblem(RequestProblemKind.MetadataTooLarge, $"The metadata {problem}", place.Of("metadata"))
            : null);

    /// <summary>Checks a reason.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="place">The item that has it.</param>
    public static RequestProblem? CheckReason(string reason, RequestPlace place = default)
    {
        var isTooLong = reason.Length > LedgerLimits.ReasonLengthMax;
        return !isTooLong && LedgerLimits.IsWellFormed(reason)
            ? null
            : new RequestProblem(
                isTooLong ? RequestProblemKind.ReasonTooLong : RequestProblemKind.InvalidArgument,
                $"The reason has {reason.Length} characters", place.Of("reason"))
            {
                Allowed = $"at most {LedgerLimits.ReasonLengthMax}, well-formed, are allowed",
                Max = LedgerLimits.ReasonLengthMax,
            };
    }

    /// <summary>Checks an effective time: what can't be printed could be written down, and then neither read nor
    /// sent.</summary>
    /// <param name="time">The time; null for none.</param>
    /// <param name="place">The item that has it.</param>
    public static RequestProblem? CheckEffectiveTime(LedgerTime? time, RequestPlace place = default) =>
        time is { } given && (given < LedgerLimits.EffectiveTimeMin || given > LedgerLimits.EffectiveTimeMax)
            ? Invalid("An effective time is in the years 1 to 9999", place.Of("effective_time"))
            : null;

    /// <summary>Checks a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="place">Where it stands.</param>
    public static RequestProblem? Check(Transfer transfer, RequestPlace place = default) =>
        CheckReference(transfer.Reference, place)
        ?? CheckMetadata(transfer.Metadata, place)
        ?? CheckReason(transfer.Reason, place)
        ?? CheckEffectiveTime(transfer.EffectiveTime, place)
        ?? (transfer.Timeout < TimeSpan.Zero || transfer.Timeout.Ticks % TimeSpan.TicksPerMicrosecond != 0
            ? Invalid("A timeout is not negative, and of whole microseconds", place.Of("timeout"))
            : null);

    /// <summary>Checks what an account is opened with.</summary>
    /// <param name="spec">What it is opened with.</param>
    /// <param name="place">Where it stands.</param>
    public static RequestProblem? Check(AccountSpec spec, RequestPlace place = default) =>
        CheckReference(spec.Reference, place) ?? CheckMetadata(spec.Metadata, place);

    /// <summary>Checks a leg.</summary>
    /// <param name="leg">The leg.</param>
    /// <param name="place">Where it stands.</param>
    public static RequestProblem? Check(TransactionLeg leg, RequestPlace place) =>
        leg.Transfer is { } transfer ? Check(transfer, place) : Check(leg.Opening!, place);

    /// <summary>Checks a transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    public static RequestProblem? Check(Transaction transaction) =>
        CheckCount(transaction.Legs.IsDefault ? 0 : transaction.Legs.Length, "legs")
        ?? CheckAll(transaction.Legs, "legs", Check);

    /// <summary>Checks all items of a list.</summary>
    /// <param name="items">The items.</param>
    /// <param name="list">The list that holds them.</param>
    /// <param name="check">Checks one of them.</param>
    public static RequestProblem? CheckAll<T>(
        IReadOnlyList<T> items, string list, Func<T, RequestPlace, RequestProblem?> check)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (check(items[i], new RequestPlace(list, i)) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    /// <summary>Checks a change of an account.</summary>
    /// <param name="change">The change.</param>
    public static RequestProblem? Check(AccountChange change) => change switch
    {
        FreezeAccount(var freeze) => CheckReason(freeze.Reason)
            ?? (freeze.Debits || freeze.Credits
                ? null
                : Invalid("A freeze is of debits, of credits, or of both", "debits")),
        UnfreezeAccount(var reason) => CheckReason(reason),
        CloseAccount(var reason) => CheckReason(reason),
        ReopenAccount(var reason) => CheckReason(reason),
        _ => null,
    };

    /// <summary>Checks how many bytes a transaction has, before anything is looked up or done: what can't be stored,
    /// sent and shown must not be decided (R17). The accounts check it again, of what they make of it, which is never
    /// more.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="field">The field that holds it; null for the request itself.</param>
    public static RequestProblem? CheckSize(Transaction transaction, string? field = null) =>
        transaction.Legs.Length > 1
        && EncodedSize.OfTransaction(OpeningsPlan.Of(transaction).Whole) is var size and > LedgerSizes.TransactionMax
            ? TransactionTooLarge(size, LedgerSizes.TransactionMax, field)
            : null;

    /// <summary>Checks how many bytes an answer would have.</summary>
    /// <param name="size">How many.</param>
    /// <param name="field">The list that asks for it.</param>
    public static RequestProblem? CheckAnswer(long size, string field) => size <= LedgerSizes.AnswerMax
        ? null
        : new RequestProblem(RequestProblemKind.BatchTooLarge, $"The answer would have {size} bytes", field)
        {
            Allowed = $"at most {LedgerSizes.AnswerMax} are sent. Ask for fewer",
            Size = size,
            SizeMax = LedgerSizes.AnswerMax,
        };

    /// <summary>Says that a transaction has too many bytes.</summary>
    /// <param name="size">How many.</param>
    /// <param name="max">The most.</param>
    /// <param name="field">The field that holds it; null for the request itself.</param>
    public static RequestProblem TransactionTooLarge(long size, long max, string? field = null) => new(
        RequestProblemKind.TransactionTooLarge,
        $"The transaction has {size} bytes, with the accounts that it opens", field)
    {
        Allowed = $"at most {max} are allowed. Split it", Size = size, SizeMax = max,
    };

    private static RequestProblem Invalid(string what, string field) =>
        new(RequestProblemKind.InvalidArgument, what, field);
}
