using System.Globalization;
using Ledger.Actors.Index;

namespace Ledger.Actors;

/// <summary>Which filters are served. One that is not is refused, and never answered by an empty page.</summary>
internal static class SearchRules
{
    /// <summary>Refuses a filter for transfers that is malformed or too wide.</summary>
    /// <exception cref="LedgerException">It is.</exception>
    public static void Check(TransferFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        List(filter.Ids, "ids");
        List(filter.References, "references");
        List(filter.Codes, "codes");
        List(filter.Statuses, "statuses", Enum.GetValues<TransferStatus>().Length);
        List(filter.Kinds, "kinds");
        List(filter.HoldStates, "hold_states");
        for (var i = 0; i < filter.References.Count; i++)
        {
            Text(filter.References[i], LedgerLimits.ReferenceLengthMax, Field("references", i));
        }

        for (var i = 0; i < filter.Kinds.Count; i++)
        {
            Refuse(!Enum.IsDefined(filter.Kinds[i]), "There is no such kind.", Field("kinds", i));
        }

        for (var i = 0; i < filter.Statuses.Count; i++)
        {
            Refuse(
                !Enum.IsDefined(filter.Statuses[i]) || filter.Statuses[i] == TransferStatus.None,
                "There is no such status.",
                Field("statuses", i));
        }

        for (var i = 0; i < filter.HoldStates.Count; i++)
        {
            Refuse(
                !Enum.IsDefined(filter.HoldStates[i]) || filter.HoldStates[i] == HoldState.None,
                "There is no such state of a hold.",
                Field("hold_states", i));
        }

        for (var i = 0; i < filter.Ids.Count; i++)
        {
            Refuse(filter.Ids[i].IsNil, "The id is empty.", Field("ids", i));
        }

        Pairs(filter.Metadata);
        Prefix(filter.AccountPrefix, "account_prefix");
        Refuse(
            filter.Direction is { } side && !Enum.IsDefined(side), "The direction is neither debit nor credit.",
            "direction");
        Refuse(
            filter.Direction is not null && filter.Account.IsNone && filter.AccountPrefix.Length == 0,
            "A direction says on which side an account or a prefix is, and neither is given.", "direction");
        Refuse(
            filter.StartTime is { } start && filter.EndTime is { } end && start >= end,
            "The range of time ends before it begins.", "end_time");
        Refuse(
            filter.MinAmount is { } least && filter.MaxAmount is { } most && least > most,
            "The least amount is more than the greatest.", "max_amount");
        if (filter.Principal.Length > 0 && Principals.CheckText(filter.Principal) is { } problem)
        {
            throw Invalid($"The principal {problem}.", "principal");
        }

        if (!TransferStatements.CanServe(filter))
        {
            throw new LedgerException(
                LedgerErrorReason.FilterTooWide,
                "The filter names nothing by which transfers are found. Give one of ids, transaction_id, hold_id, "
                + "reverses, references, metadata, account, principal, account_prefix, codes, live holds, refused "
                + $"statuses, or a start_time and an end_time of up to {TransferFilter.TimeRangeMax.TotalDays:0} days.",
                "filter");
        }
    }

    /// <summary>Refuses a filter for accounts that is malformed.</summary>
    /// <exception cref="LedgerException">It is.</exception>
    public static void Check(AccountFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        Prefix(filter.AddressPrefix, "address_prefix");
        Text(filter.Reference, LedgerLimits.ReferenceLengthMax, "reference");
        Pairs(filter.Metadata);
        List(filter.Codes, "codes");
        List(filter.Standings, "standings");
        for (var i = 0; i < filter.Standings.Count; i++)
        {
            Refuse(!Enum.IsDefined(filter.Standings[i]), "There is no such standing.", Field("standings", i));
        }
    }

    private static void List<T>(IReadOnlyList<T> values, string field, int max = TransferFilter.ListMax) => Refuse(
        values.Count > max,
        string.Create(CultureInfo.InvariantCulture, $"The list has {values.Count} values; at most {max} are allowed."),
        field);

    private static void Pairs(Metadata metadata)
    {
        Refuse(
            metadata.Pairs.Length > TransferFilter.MetadataPairsMax,
            string.Create(
                CultureInfo.InvariantCulture,
                $"The filter has {metadata.Pairs.Length} pairs of metadata; at most {TransferFilter.MetadataPairsMax} "
                    + $"are allowed."),
            "metadata");
        if (LedgerLimits.Check(metadata) is { } problem)
        {
            throw Invalid($"The metadata {problem}.", "metadata");
        }
    }

    private static void Prefix(string prefix, string field) => Refuse(
        prefix.Length > AccountAddress.LengthMax
            || prefix.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or ':')),
        "What an address begins with is of A-Z, a-z, 0-9, '_', '-' and ':', and has at most 128 characters.", field);

    // PostgreSQL stores no zero character as text, so none is found by it.
    private static void Text(string text, int lengthMax, string field) => Refuse(
        text.Length > lengthMax || !LedgerLimits.IsWellFormed(text) || text.Contains('\0', StringComparison.Ordinal),
        string.Create(
            CultureInfo.InvariantCulture,
            $"A text that is searched for has at most {lengthMax} characters, no half of a surrogate pair and no zero "
                + $"character."),
        field);

    private static string Field(string list, int place) =>
        string.Create(CultureInfo.InvariantCulture, $"{list}[{place}]");

    private static void Refuse(bool isWrong, string message, string field)
    {
        if (isWrong)
        {
            throw Invalid(message, field);
        }
    }

    private static LedgerException Invalid(string message, string field) =>
        new(LedgerErrorReason.InvalidArgument, message, $"filter.{field}");
}
