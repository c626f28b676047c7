using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger admin block|unblock|blocks</c>.</summary>
internal static class BlockCommands
{
    private const string PrincipalKind = "principal";
    private const string KeyKind = "key";
    private const string AddressKind = "address";

    public static Command CreateBlock(CliContext context, GlobalOptions options)
    {
        var kind = KindArgument();
        var subject = SubjectArgument();
        var length = new Option<TimeSpan>("--for")
        {
            Description = "For how long, such as 15m, 2h or 7d.",
            HelpName = "TIME", CustomParser = Parse.LongDuration,
            Required = true,
        };
        var by = new Option<string?>("--by")
        {
            Description =
                "Who blocks. Where callers say who they are, the caller is taken; else whoever runs this, where it is "
                    + "not given.",
            HelpName = "WHO",
        };
        var reason =
            new Option<string>("--reason") { Description = "Why: it is kept.", HelpName = "TEXT", Required = true };
        var command = new Command(
            "block", "Has all nodes refuse somebody within two seconds, and end their open streams.")
        {
            kind, subject, length, by, reason,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var block = await client.BlockCallerAsync(
                KindOf(parsed.GetRequiredValue(kind)), parsed.GetRequiredValue(subject), parsed.GetValue(length),
                parsed.GetValue(by) ?? Environment.UserName, parsed.GetRequiredValue(reason),
                cancellationToken: cancellationToken);
            Write(context, options.Format(parsed), [block]);
            return ExitCodes.Applied;
        });
        return command;
    }

    public static Command CreateUnblock(CliContext context, GlobalOptions options)
    {
        var kind = KindArgument();
        var subject = SubjectArgument();
        var command = new Command(
            "unblock",
            "Ends a block. On the node's own machine it may always be called, by whoever has the right admin.")
        {
            kind, subject,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var wasBlocked = await client.UnblockCallerAsync(
                KindOf(parsed.GetRequiredValue(kind)), parsed.GetRequiredValue(subject),
                cancellationToken: cancellationToken);
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, new JsonObject { ["wasBlocked"] = wasBlocked });
            }
            else
            {
                Tables.WriteOne(context, ("was blocked", wasBlocked ? "yes" : "no"));
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    public static Command CreateList(CliContext context, GlobalOptions options)
    {
        var command = new Command("blocks", "Lists who is blocked.");
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            Write(context, options.Format(parsed), await client.ListBlocksAsync(cancellationToken: cancellationToken));
            return ExitCodes.Applied;
        });
        return command;
    }

    private static void Write(CliContext context, string format, IReadOnlyList<CallerBlock> blocks)
    {
        if (format == GlobalOptions.Json)
        {
            Json.Write(context.Out, new JsonObject
            {
                ["blocks"] = Json.Array([.. blocks.Select(static one => (JsonNode)new JsonObject
                {
                    ["kind"] = Names.Of(one.Kind), ["subject"] = one.Subject, ["createTime"] = Names.Of(one.CreateTime),
                    ["expireTime"] = Names.Of(one.ExpireTime), ["principal"] = one.Principal, ["reason"] = one.Reason,
                })]),
            });
            return;
        }

        Tables.Write(
            context, ["kind", "subject", "since", "until", "by", "reason"],
            blocks.Select(static one => new[]
            {
                NameOf(one.Kind), one.Subject, Names.Of(one.CreateTime), Names.Of(one.ExpireTime), one.Principal,
                one.Reason,
            }));
    }

    private static Argument<string> KindArgument()
    {
        var kind = new Argument<string>("KIND") { Description = "What is named: principal, key (its id) or address." };
        kind.AcceptOnlyFromAmong(PrincipalKind, KeyKind, AddressKind);
        return kind;
    }

    private static Argument<string> SubjectArgument() => new("SUBJECT")
    {
        Description = "The principal, the id of the key, or an address or network such as 10.0.0.7 or 10.1.0.0/16.",
    };

    private static CallerBlockKind KindOf(string kind) => kind switch
    {
        PrincipalKind => CallerBlockKind.Principal,
        KeyKind => CallerBlockKind.Key,
        _ => CallerBlockKind.Address,
    };

    private static string NameOf(CallerBlockKind kind) => kind switch
    {
        CallerBlockKind.Principal => PrincipalKind,
        CallerBlockKind.Key => KeyKind,
        CallerBlockKind.Address => AddressKind,
        _ => Names.Of(kind),
    };
}
