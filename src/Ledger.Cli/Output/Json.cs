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
        // The encoder leaves what reverses the order of a line, or is not seen, as it is.
        output.Write(Printable.Json(document.ToJsonString(Indented)));
        output.Write('\n');
    }

    public static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    public static JsonObject Of(OpenAccountResult outcome)
    {
        var json = new JsonObject
        {
            ["address"] = outcome.Address,
            ["status"] = Names.Of(outcome.Status),
        };
        AddTime(json, "createTime", outcome.CreateTime);
        AddText(json, "position", outcome.Position);
        return json;
    }

    public static JsonObject Of(TransferResult outcome)
    {
        var json = new JsonObject
        {
            ["id"] = outcome.Id.ToString("D"),
            ["status"] = Names.Of(outcome.Status),
        };
        AddTime(json, "createTime", outcome.CreateTime);
        json["replayed"] = outcome.Replayed;
        AddBalances(json, outcome.BalanceSeen);
        AddText(json, "amount", outcome.Amount?.ToString() ?? "");
        AddText(json, "position", outcome.Position);
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
        AddBalances(json, record.BalanceSeen);
        AddText(json, "amount", record.Amount?.ToString() ?? "");
        AddId(json, "transactionId", record.TransactionId);
        if (record.Hold is { } hold)
        {
            var held = new JsonObject { ["state"] = Names.Of(hold.State) };
            if (hold.State == HoldState.Live)
            {
                held["remaining"] = hold.Remaining.ToString();
            }

            AddTime(held, "expireTime", hold.ExpireTime);
            json["hold"] = held;
        }

        AddText(json, "principal", record.Principal);
        return json;
    }

    public static JsonObject Of(TransactionResult outcome)
    {
        var json = new JsonObject
        {
            ["id"] = outcome.Id.ToString("D"),
            ["status"] = Names.Of(outcome.Status),
        };
        if (outcome.FailedLeg is { } leg)
        {
            json["failedLeg"] = leg;
        }

        AddTime(json, "createTime", outcome.CreateTime);
        json["replayed"] = outcome.Replayed;
        AddBalances(json, outcome.BalanceSeen);
        json["legs"] = Array(outcome.Legs.Select(Of));
        AddText(json, "position", outcome.Position);
        return json;
    }

    public static JsonObject Of(TransactionRecord record)
    {
        var json = WithoutPrincipal(record);
        AddText(json, "principal", record.Principal);
        return json;
    }

    private static JsonObject WithoutPrincipal(TransactionRecord record) => new()
    {
        ["transaction"] = new JsonObject
        {
            ["id"] = record.Transaction.Id.ToString("D"),
            ["legs"] = Array(record.Transaction.Legs.Select(static leg => leg.Transfer is { } transfer
                ? new JsonObject { ["transfer"] = Of(transfer) }
                : new JsonObject
                {
                    ["opening"] = new JsonObject { ["spec"] = Of(leg.Opening!), ["ifMissing"] = leg.IfMissing },
                })),
        },
        ["result"] = Of(record.Result),
    };

    public static JsonObject Of(ExtendHoldResult extension)
    {
        var json = new JsonObject
        {
            ["holdId"] = extension.HoldId.ToString("D"),
            ["status"] = Names.Of(extension.Status),
        };
        AddTime(json, "expireTime", extension.ExpireTime);
        AddText(json, "position", extension.Position);
        return json;
    }

    public static JsonObject Of(string address, AccountChangeResult outcome)
    {
        var json = new JsonObject { ["address"] = address, ["status"] = Names.Of(outcome.Status) };
        if (outcome.Account is { } account)
        {
            json["account"] = Of(account);
        }

        AddText(json, "position", outcome.Position);
        return json;
    }

    public static JsonObject Of(Account account)
    {
        var json = new JsonObject
        {
            ["spec"] = Of(account.Spec),
            ["createTime"] = Names.Of(account.CreateTime),
        };
        if (account.Doubt is { } doubt)
        {
            json["doubtful"] = new JsonObject
            {
                ["decided"] = Of(account.Balances),
                ["least"] = Of(doubt.Least),
                ["greatest"] = Of(doubt.Greatest),
                ["transactionCount"] = doubt.TransactionCount,
                ["transactions"] = Array([.. doubt.Transactions.Select(static one => (JsonNode)Doubts.Of(one))]),
                ["completeUpTo"] = Names.Of(doubt.CompleteUpTo),
            };
        }
        else
        {
            json["balances"] = Of(account.Balances);
            json["balance"] = account.Balance.ToString();
        }

        AddText(json, "availableDebits", account.AvailableDebits?.ToString() ?? "");
        AddText(json, "availableCredits", account.AvailableCredits?.ToString() ?? "");
        json["entryCount"] = account.EntryCount;
        json["version"] = account.Version;
        json["closed"] = account.IsClosed;
        AddFreeze(json, account.Freeze);
        AddText(json, "closedReason", account.ClosedReason);
        json["holdCount"] = account.HoldCount;
        return json;
    }

    public static JsonObject Of(AccountSummary account)
    {
        var json = new JsonObject
        {
            ["spec"] = Of(account.Spec),
            ["createTime"] = Names.Of(account.CreateTime),
            ["closed"] = account.IsClosed,
        };
        AddFreeze(json, account.Freeze);
        AddText(json, "closedReason", account.ClosedReason);
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
        ["asset"] = entry.Asset,
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
        AddText(json, "kind", transfer.Kind == TransferKind.Direct ? "" : Names.Of(transfer.Kind));
        AddId(json, "holdId", transfer.HoldId);
        AddText(json, "timeout", transfer.Timeout == TimeSpan.Zero ? "" : Names.Of(transfer.Timeout));
        AddFlag(json, "balancingDebit", transfer.BalancingDebit);
        AddFlag(json, "balancingCredit", transfer.BalancingCredit);
        AddFlag(json, "closingDebit", transfer.ClosingDebit);
        AddFlag(json, "closingCredit", transfer.ClosingCredit);
        AddFlag(json, "keepRest", transfer.KeepRest);
        AddFlag(json, "openAccounts", transfer.OpenAccounts);
        AddId(json, "reverses", transfer.Reverses);
        AddText(json, "reason", transfer.Reason);
        AddTime(json, "effectiveTime", transfer.EffectiveTime);
        return json;
    }

    private static JsonObject Of(LegResult leg)
    {
        var json = new JsonObject();
        AddId(json, "transferId", leg.TransferId);
        AddText(json, "transferStatus", leg.Transfer == TransferStatus.Unspecified ? "" : Names.Of(leg.Transfer));
        AddText(json, "accountStatus", leg.Opening == AccountStatus.Unspecified ? "" : Names.Of(leg.Opening));
        AddText(json, "amount", leg.Amount?.ToString() ?? "");
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
        AddFlag(json, "closed", spec.IsClosed);
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

    private static void AddId(JsonObject json, string name, Guid id) =>
        AddText(json, name, id == Guid.Empty ? "" : id.ToString("D"));

    private static void AddFlag(JsonObject json, string name, bool isSet)
    {
        if (isSet)
        {
            json[name] = true;
        }
    }

    private static void AddFreeze(JsonObject json, AccountFreeze? freeze)
    {
        if (freeze is null)
        {
            return;
        }

        var frozen = new JsonObject { ["debits"] = freeze.Debits, ["credits"] = freeze.Credits };
        AddText(frozen, "reason", freeze.Reason);
        AddTime(frozen, "endTime", freeze.EndTime);
        json["freeze"] = frozen;
    }

    private static void AddBalances(JsonObject json, Balances? seen)
    {
        if (seen is { } balances)
        {
            json["balanceSeen"] = Of(balances);
        }
    }

    private static void AddTime(JsonObject json, string name, DateTimeOffset? time) =>
        AddText(json, name, Names.Of(time));

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
