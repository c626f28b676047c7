using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Ledger.Grpc.Errors;
using Enum = System.Enum;

namespace Ledger.Grpc;

/// <content>Questions across accounts.</content>
internal static partial class Mapping
{
    /// <summary>Reads a filter for transfers. What it says of numbers that this version does not know is refused: to
    /// leave them out would answer another question.</summary>
    public static bool TryRead(V1.TransferFilter? source, out TransferFilter filter, out RequestError fault)
    {
        filter = null!;
        if (source is null)
        {
            fault = new RequestError(ErrorReasons.FilterTooWide, "The filter is missing.");
            return false;
        }

        if (!TryReadIds(source.Ids, out var ids, out fault)
            || !TryReadMetadata(source.Metadata, out var metadata, out fault)
            || !TryReadAsset(source.Asset, out var asset, out fault)
            || !TryReadAddress(source.Account, "account", out var account, out fault)
            || !TryReadDirection(source.Direction, out var direction, out fault)
            || !TryReadOptional(source.StartTime, "start_time", out var start, out fault)
            || !TryReadOptional(source.EndTime, "end_time", out var end, out fault)
            || !TryReadOptional(source.MinAmount, "min_amount", out var least, out fault)
            || !TryReadOptional(source.MaxAmount, "max_amount", out var most, out fault)
            || !Known(source.Statuses, "statuses", out fault)
            || !Known(source.Kinds, "kinds", out fault)
            || !Known(source.HoldStates, "hold_states", out fault)
            || !TryReadId(source.HoldId, "hold_id", out var hold, out fault)
            || !TryReadId(source.Reverses, "reverses", out var reverses, out fault)
            || !TryReadId(source.TransactionId, "transaction_id", out var transaction, out fault))
        {
            return false;
        }

        filter = new TransferFilter
        {
            Ids = ids,
            References = [.. source.References],
            Metadata = metadata,
            Codes = [.. source.Codes],
            Asset = asset,
            Account = account,
            Direction = direction,
            AccountPrefix = source.AccountPrefix,
            StartTime = start,
            EndTime = end,
            MinAmount = least,
            MaxAmount = most,
            Statuses = [.. source.Statuses.Select(static one => (TransferStatus)one)],
            Kinds = [.. source.Kinds.Select(static one => (TransferKind)one)],
            HoldStates = [.. source.HoldStates.Select(static one => (HoldState)one)],
            HoldId = hold,
            Reverses = reverses,
            TransactionId = transaction,
            Principal = source.Principal,
        };
        return true;
    }

    /// <summary>Reads a filter for accounts; none is every account.</summary>
    public static bool TryRead(V1.AccountFilter? source, out AccountFilter filter, out RequestError fault)
    {
        filter = new AccountFilter();
        fault = default;
        if (source is null)
        {
            return true;
        }

        if (!TryReadMetadata(source.Metadata, out var metadata, out fault)
            || !TryReadAsset(source.Asset, out var asset, out fault)
            || !Known(source.Standings, "standings", out fault))
        {
            return false;
        }

        filter = new AccountFilter
        {
            AddressPrefix = source.AddressPrefix,
            Reference = source.Reference,
            Metadata = metadata,
            Asset = asset,
            Codes = [.. source.Codes],
            Standings = [.. source.Standings.Select(static one => (AccountStanding)one)],
        };
        return true;
    }

    /// <summary>Writes an account as the index has it.</summary>
    public static V1.AccountSummary Write(AccountSummary source)
    {
        var account = new V1.AccountSummary
        {
            Spec = Write(source.Spec),
            CreateTime = Write(source.CreateTime),
            Closed = source.IsClosed,
            ClosedReason = source.ClosedReason,
        };
        if (source.Freeze is { } freeze)
        {
            account.Freeze = Write(freeze);
        }

        return account;
    }

    /// <summary>What a page token of a search is bound to.</summary>
    public static byte[] Canonical(V1.TransferFilter source, bool newestFirst) => Canonical(
        newestFirst ? "transfers newest\0" : "transfers oldest\0", source, source.Metadata);

    /// <summary>What a page token of a search is bound to.</summary>
    public static byte[] Canonical(V1.AccountFilter? source) =>
        Canonical("accounts by filter\0", source ?? new V1.AccountFilter(), source?.Metadata);

    /// <summary>What a page token of holds is bound to.</summary>
    public static byte[] Canonical(AccountAddress account, LedgerTime? before) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"holds {account.Text} {before?.UnixMicroseconds.ToString(CultureInfo.InvariantCulture) ?? "-"}"));

    // A map has no order of its own, in which a caller would send it twice.
    private static byte[] Canonical(string name, IMessage source, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        using var bytes = new MemoryStream();
        bytes.Write(Encoding.UTF8.GetBytes(name));
        foreach (var (key, value) in (metadata ?? []).OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            bytes.Write(Encoding.UTF8.GetBytes($"{key.Length} {key} {value.Length} {value}\0"));
        }

        var bare = source is V1.TransferFilter transfers
            ? WithoutMetadata(transfers.Clone())
            : WithoutMetadata(((V1.AccountFilter)source).Clone());
        bytes.Write(bare.ToByteArray());
        return bytes.ToArray();

        static IMessage WithoutMetadata(IMessage message)
        {
            switch (message)
            {
                case V1.TransferFilter filter:
                    filter.Metadata.Clear();
                    break;
                case V1.AccountFilter filter:
                    filter.Metadata.Clear();
                    break;
                default:
                    break;
            }

            return message;
        }
    }

    private static bool TryReadIds(IEnumerable<string> source, out List<TransferId> ids, out RequestError fault)
    {
        fault = default;
        ids = [];
        foreach (var text in source)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"ids[{ids.Count}]");
            if (!TryReadId(text, field, out var id, out fault))
            {
                return false;
            }

            ids.Add(id);
        }

        return true;
    }

    private static bool TryReadDirection(V1.Direction source, out EntryDirection? direction, out RequestError fault)
    {
        fault = default;
        direction = source switch
        {
            V1.Direction.Debit => EntryDirection.Debit,
            V1.Direction.Credit => EntryDirection.Credit,
            _ => null,
        };
        if (Enum.IsDefined(source))
        {
            return true;
        }

        fault = Unknown("direction", (int)source);
        return false;
    }

    private static bool TryReadOptional(Timestamp? source, string field, out LedgerTime? time, out RequestError fault)
    {
        time = null;
        fault = default;
        if (source is null)
        {
            return true;
        }

        if (!TryReadTime(source, field, out var read, out fault))
        {
            return false;
        }

        time = read;
        return true;
    }

    private static bool TryReadOptional(string source, string field, out Amount? amount, out RequestError fault)
    {
        amount = null;
        fault = default;
        if (source.Length == 0)
        {
            return true;
        }

        if (!TryReadAmount(source, field, out var read, out fault))
        {
            return false;
        }

        amount = read;
        return true;
    }

    private static bool Known<T>(IReadOnlyList<T> source, string field, out RequestError fault)
        where T : struct, Enum
    {
        for (var i = 0; i < source.Count; i++)
        {
            if (!Enum.IsDefined(source[i]))
            {
                fault = Unknown(
                    string.Create(CultureInfo.InvariantCulture, $"{field}[{i}]"),
                    Convert.ToInt32(source[i], CultureInfo.InvariantCulture));
                return false;
            }
        }

        fault = default;
        return true;
    }

    private static RequestError Unknown(string field, int number) => new(
        ErrorReasons.InvalidArgument,
        string.Create(CultureInfo.InvariantCulture, $"The number {number} is not known to this version of the ledger."),
        field);
}
