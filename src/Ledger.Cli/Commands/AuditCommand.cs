using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json.Nodes;
using Ledger.Audit;
using Ledger.Cli.Output;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger audit verify|show</c>: reads the audit log of a node from its files, without a node.</summary>
internal static class AuditCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("audit", "Reads and verifies the audit log of a node, from its files.")
        {
            CreateVerify(context, options),
            CreateShow(context, options),
        };

    private static Command CreateVerify(CliContext context, GlobalOptions options)
    {
        var path = PathArgument();
        var head = new Option<AuditHead?>("--head")
        {
            Description =
                "The head of a record that is known from elsewhere, as the node's log tells it each minute. Without "
                + "it nobody can say whether the end was cut off.",
            HelpName = "NUMBER:HASH",
            CustomParser = static result =>
            {
                if (AuditHead.TryParse(result.Tokens[^1].Value, out var parsed))
                {
                    return parsed;
                }

                result.AddError("--head is written NUMBER:HASH, as 1024:9f86d0... with 64 hexadecimal digits.");
                return null;
            },
        };
        var command = new Command(
            "verify", "Proves that no record was changed, added or taken out. Exit code 3 where one was.") { path,
                head };
        options.RefuseCsv(command);
        command.SetAction((parsed, _) => RunAsync(context, () =>
        {
            var reader = new AuditReader(parsed.GetRequiredValue(path), parsed.GetValue(head));
            foreach (var _ in reader.Read())
            {
                // Verified on the way.
            }

            Tell(context, options.Format(parsed) == GlobalOptions.Json, reader);
            return reader.Findings.Any(static one => one.IsFault) ? ExitCodes.Rejected : ExitCodes.Applied;
        }));
        return command;
    }

    private static Command CreateShow(CliContext context, GlobalOptions options)
    {
        var path = PathArgument();
        var principal =
            new Option<string?>("--principal") { Description = "Records of this principal.", HelpName = "NAME" };
        var address =
            new Option<string?>("--address") { Description = "Records of calls from here.", HelpName = "ADDRESS" };
        var kind = new Option<string[]>("--kind")
        {
            Description = "Records of this kind; may be given several times.", HelpName = "KIND",
        };
        kind.AcceptOnlyFromAmong([.. AuditKindNames.All.Keys.Order(StringComparer.Ordinal)]);
        var from = Time("--from", "Records of this time or later; UTC unless it says otherwise.");
        var to = Time("--to", "Records before this time.");
        var command = new Command("show", "Shows records, the oldest first, and verifies the log on the way.")
        {
            path, principal, address, kind, from, to,
        };
        options.RefuseCsv(command);
        command.SetAction((parsed, _) => RunAsync(context, () =>
        {
            var reader = new AuditReader(parsed.GetRequiredValue(path));
            var kinds = (parsed.GetValue(kind) ?? []).Select(static name => AuditKindNames.All[name]).ToHashSet();
            var found = reader.Read().Where(record =>
                Is(parsed.GetValue(principal), record.Event.Principal)
                && Is(parsed.GetValue(address), record.Event.Address)
                && (kinds.Count == 0 || kinds.Contains(record.Event.Kind))
                && !(record.Time < parsed.GetValue(from)) && !(record.Time >= parsed.GetValue(to)));
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, new JsonObject { ["records"] = Json.Array(found.Select(Of)) });
            }
            else
            {
                Tables.Write(
                    context,
                    [">record", "time", "kind", "principal", "credential", "address", "method", "target", "outcome",
                        ">count", "detail"],
                    found.Select(static record => new[]
                    {
                        Text(record.Number), Names.Of(record.Time), AuditKindNames.Of(record.Event.Kind),
                        record.Event.Principal ?? "", record.Event.Credential ?? "", record.Event.Address ?? "",
                        record.Event.Method ?? "", record.Event.Target ?? "", record.Event.Outcome ?? "",
                        record.Count == 0 ? "" : Text(record.Count), record.Event.Detail ?? "",
                    }));
            }

            foreach (var fault in reader.Findings.Where(static one => one.IsFault))
            {
                context.Error.WriteLine($"warning: {fault.File}: {fault.Text}");
            }

            return reader.Findings.Any(static one => one.IsFault) ? ExitCodes.Rejected : ExitCodes.Applied;
        }));
        return command;
    }

    private static void Tell(CliContext context, bool asJson, AuditReader reader)
    {
        if (asJson)
        {
            Json.Write(context.Out, new JsonObject
            {
                ["verified"] = !reader.Findings.Any(static one => one.IsFault),
                ["files"] = reader.Files,
                ["records"] = reader.Records,
                ["head"] = reader.Head.ToString(),
                ["findings"] = Json.Array(reader.Findings.Select(static one => (JsonNode)new JsonObject
                {
                    ["kind"] = Names.Of(one.Kind), ["file"] = one.File, ["record"] = one.Number, ["text"] = one.Text,
                    ["fault"] = one.IsFault,
                })),
            });
            return;
        }

        Tables.WriteOne(
            context, ("files", Text(reader.Files)), ("records", Text(reader.Records)), ("head", reader.Head.ToString()),
            ("verified", reader.Findings.Any(static one => one.IsFault) ? "no" : "yes"));
        if (reader.Findings.Count > 0)
        {
            Tables.Write(
                context, ["finding", "file", ">record", "what it means"],
                reader.Findings.Select(
                    static one => new[] { Names.Of(one.Kind), one.File, Text(one.Number), one.Text }));
        }
    }

    private static JsonNode Of(AuditRecord record)
    {
        var json = new JsonObject
        {
            ["record"] = record.Number, ["time"] = Names.Of(record.Time), ["node"] = record.Node,
            ["kind"] = AuditKindNames.Of(record.Event.Kind),
        };
        foreach (var (name, text) in new[]
        {
            ("principal", record.Event.Principal), ("credential", record.Event.Credential),
            ("address", record.Event.Address),
            ("method", record.Event.Method), ("target", record.Event.Target), ("outcome", record.Event.Outcome),
            ("detail", record.Event.Detail), ("correlation", record.Event.Correlation),
            ("since", record.Since is { } since ? Names.Of(since) : null),
        })
        {
            if (text is not null)
            {
                json[name] = text;
            }
        }

        if (record.Count != 0)
        {
            json["count"] = record.Count;
        }

        return json;
    }

    private static async Task<int> RunAsync(CliContext context, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (AuditException e)
        {
            await context.Error.WriteLineAsync("error: " + LedgerCli.OneLine(e.Message));
            return ExitCodes.Usage;
        }
        catch (OutputException e)
        {
            await context.Error.WriteLineAsync("error: the result can't be written: " + e.Message);
            return ExitCodes.Defect;
        }
    }

    private static bool Is(string? wanted, string? found) =>
        wanted is null || string.Equals(wanted, found, StringComparison.Ordinal);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static Argument<string> PathArgument() => new("PATH")
    {
        Description = "The directory of the log (Ledger:Audit:Path), or one of its files.",
    };

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description, HelpName = "TIME", CustomParser = Parse.Time,
    };
}
