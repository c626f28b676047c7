using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ledger.Client;

namespace Ledger.Cli.Output;

/// <summary>The JSON documents. Names are those of the API's JSON; amounts are strings, since many readers of JSON lose
/// digits of large numbers; counts and sequences are numbers; what is empty is left out.</summary>
internal static class Json
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(TextWriter output, JsonNode document)
    {
        output.Write(document.ToJsonString(Indented));
        output.Write('\n');
    }

    public static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    public static JsonObject Of(AccountOutcome outcome)
    {
        var json = new JsonObject
        {
            ["address"] = outcome.Address,
            ["status"] = Names.Of(outcome.Status),
        };
        AddTime(json, "createTime", outcome.CreateTime);
        return json;
    }

    public static JsonObject Of(TransferOutcome outcome)
    {
        var json = new JsonObject
        {
            ["id"] = outcome.Id.ToString("D"),
            ["status"] = Names.Of(outcome.Status),
        };
        AddTime(json, "createTime", outcome.CreateTime);
        json["replayed"] = outcome.Replayed;
        if (outcome.BalanceSeen is { } seen)
        {
            json["balanceSeen"] = Of(seen);
        }

        return json;
    }

    public static JsonObject Of(TransferRecord record)
    {
        var json = new JsonObject
        {
            ["transfer"] = Of(record.Transfer),
            ["status"] = Names.Of(record.Status),
            ["createTime"] = Names.Of(record.CreateTime),
        };
        if (record.BalanceSeen is { } seen)
        {
            json["balanceSeen"] = Of(seen);
        }

        return json;
    }

    public static JsonObject Of(Account account)
    {
        var json = new JsonObject
        {
            ["spec"] = Of(account.Spec),
            ["createTime"] = Names.Of(account.CreateTime),
            ["balances"] = Of(account.Balances),
            ["balance"] = account.Balance.ToString(),
        };
        AddText(json, "availableDebits", account.AvailableDebits?.ToString() ?? "");
        AddText(json, "availableCredits", account.AvailableCredits?.ToString() ?? "");
        json["entryCount"] = account.EntryCount;
        json["version"] = account.Version;
        json["closed"] = account.IsClosed;
        return json;
    }

    public static JsonObject Of(StatementEntry entry) => new()
    {
        ["sequence"] = entry.Sequence,
        ["bookTime"] = Names.Of(entry.BookTime),
        ["transfer"] = Of(entry.Transfer),
        ["createTime"] = Names.Of(entry.CreateTime),
        ["direction"] = Names.Of(entry.Direction),
        ["debitsPosted"] = entry.DebitsPosted.ToString(),
        ["creditsPosted"] = entry.CreditsPosted.ToString(),
        ["balance"] = entry.Balance.ToString(),
    };

    private static JsonObject Of(Transfer transfer)
    {
        var json = new JsonObject
        {
            ["id"] = transfer.Id.ToString("D"),
            ["debitAccount"] = transfer.DebitAccount,
            ["creditAccount"] = transfer.CreditAccount,
            ["amount"] = transfer.Amount.ToString(),
        };
        AddText(json, "asset", transfer.Asset);
        json["code"] = transfer.Code;
        AddText(json, "reference", transfer.Reference);
        AddMetadata(json, transfer.Metadata);
        return json;
    }

    private static JsonObject Of(AccountSpec spec)
    {
        var json = new JsonObject
        {
            ["address"] = spec.Address,
            ["asset"] = spec.Asset,
            ["code"] = spec.Code,
        };
        AddText(json, "reference", spec.Reference);
        AddMetadata(json, spec.Metadata);
        AddLimit(json, "debitsMustNotExceedCredits", spec.DebitsMustNotExceedCredits);
        AddLimit(json, "creditsMustNotExceedDebits", spec.CreditsMustNotExceedDebits);
        return json;
    }

    private static JsonObject Of(Balances balances) => new()
    {
        ["debitsPending"] = balances.DebitsPending.ToString(),
        ["debitsPosted"] = balances.DebitsPosted.ToString(),
        ["creditsPending"] = balances.CreditsPending.ToString(),
        ["creditsPosted"] = balances.CreditsPosted.ToString(),
        ["debitsInDoubt"] = balances.DebitsInDoubt.ToString(),
        ["creditsInDoubt"] = balances.CreditsInDoubt.ToString(),
    };

    private static void AddText(JsonObject json, string name, string text)
    {
        if (text.Length > 0)
        {
            json[name] = text;
        }
    }

    private static void AddTime(JsonObject json, string name, DateTimeOffset? time) => AddText(json, name, Names.Of(time));

    private static void AddLimit(JsonObject json, string name, AccountLimit? limit)
    {
        if (limit is { } value)
        {
            json[name] = new JsonObject { ["allowance"] = value.Allowance.ToString() };
        }
    }

    private static void AddMetadata(JsonObject json, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count > 0)
        {
            json["metadata"] = new JsonObject(metadata
                .OrderBy(entry => entry.Key, StringComparer.Ordinal)
                .Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value)));
        }
    }
}
