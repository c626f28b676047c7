using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    public const string Table = "table";
    public const string Json = "json";
    public const string Csv = "csv";

    private const string ServerVariable = "LEDGER_SERVER";
    private const string AuthorityVariable = "LEDGER_AUTHORITY";

    private readonly Option<Uri[]> server;
    private readonly Option<string> output;
    private readonly Option<LengthOfTime> timeout;
    private readonly Option<X509Certificate2Collection?> authority;

    public GlobalOptions(CliContext context)
    {
        server = new Option<Uri[]>("--server")
        {
            Description = "The node's address, or several separated by commas. http is plaintext HTTP/2, https is TLS. "
                + $"Where it is not given, ${ServerVariable} is taken.",
            HelpName = "URL",
            Recursive = true,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Parse.Servers(result, result.Tokens[^1].Value) ?? [],
            // Not a default value of the option: a bad variable must be an error that names it.
            DefaultValueFactory = result =>
            {
                var text = context.EnvironmentVariable(ServerVariable);
                return string.IsNullOrWhiteSpace(text)
                    ? [LedgerClientOptions.DefaultAddress]
                    : Parse.Servers(result, text, ServerVariable + ": ") ?? [];
            },
        };
        output = new Option<string>("--output")
        {
            Description = "How the result is written: table, json, or, for balances and statements, csv.",
            HelpName = "FORMAT",
            Recursive = true,
            DefaultValueFactory = _ => Table,
        };
        output.AcceptOnlyFromAmong(Table, Json, Csv);
        timeout = new Option<LengthOfTime>("--timeout")
        {
            Description = "How long one attempt may take, such as 10s or 500ms.",
            HelpName = "TIME",
            Recursive = true,
            CustomParser = Parse.PositiveDuration,
            DefaultValueFactory = _ => new LengthOfTime(TimeSpan.FromSeconds(10)),
        };
        authority = new Option<X509Certificate2Collection?>("--authority")
        {
            Description = "A file of certificates (PEM). With https, servers are trusted whose certificates are of these "
                + $"authorities, and no others. Where it is not given, ${AuthorityVariable} is taken, and else the "
                + "authorities that the machine trusts.",
            HelpName = "FILE",
            Recursive = true,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = static result => Parse.Authorities(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => context.EnvironmentVariable(AuthorityVariable) is { Length: > 0 } path
                ? Parse.Authorities(result, path, AuthorityVariable + ": ")
                : null,
        };
    }

    public void AddTo(RootCommand root)
    {
        root.Options.Add(server);
        root.Options.Add(output);
        root.Options.Add(timeout);
        root.Options.Add(authority);
    }

    public LedgerClient Connect(CliContext context, ParseResult parsed)
    {
        var limit = parsed.GetValue(timeout).Value;
        return context.Connect(new LedgerClientOptions
        {
            Addresses = parsed.GetRequiredValue(server),
            WriteTimeout = limit,
            ReadTimeout = limit,
            TimeProvider = context.Time,
            CertificateAuthorities = parsed.GetValue(authority),
        });
    }

    public string Format(ParseResult parsed) => parsed.GetRequiredValue(output);

    public string Servers(ParseResult parsed) =>
        string.Join(',', parsed.GetRequiredValue(server).Select(address => address.OriginalString));

    /// <summary>Refuses csv where the result is not a list of like lines.</summary>
    public void RefuseCsv(Command command) => command.Validators.Add(result =>
    {
        if (string.Equals(result.GetValue(output), Csv, StringComparison.Ordinal))
        {
            result.AddError("--output csv is for balances, for accounts statement and for lists; use table or json.");
        }
    });
}
