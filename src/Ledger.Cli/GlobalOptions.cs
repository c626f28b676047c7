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
    private const string TokenVariable = "LEDGER_TOKEN";
    private const string TokenFileVariable = "LEDGER_TOKEN_FILE";
    private const string CertificateVariable = "LEDGER_CLIENT_CERTIFICATE";
    private const string KeyVariable = "LEDGER_CLIENT_KEY";

    private readonly Option<Uri[]> server;
    private readonly Option<string> output;
    private readonly Option<LengthOfTime> timeout;
    private readonly Option<X509Certificate2Collection?> authority;
    private readonly Option<Func<CancellationToken, ValueTask<string>>?> token;
    private readonly Option<string?> certificate;
    private readonly Option<string?> key;

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
            Description =
                "A file of certificates (PEM). With https, servers are trusted whose certificates are of these "
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
        token = new Option<Func<CancellationToken, ValueTask<string>>?>("--token-file")
        {
            Description =
                "A file with the token or key that the ledger is shown; it is read again when it changes. Where it "
                + $"is not given, ${TokenFileVariable} is taken, or the token itself from ${TokenVariable}.",
            HelpName = "FILE",
            Recursive = true,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = static result => Parse.TokenFile(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => context.EnvironmentVariable(TokenFileVariable) is { Length: > 0 } path
                ? Parse.TokenFile(result, path, TokenFileVariable + ": ")
                : context.EnvironmentVariable(TokenVariable) is { Length: > 0 } own
                    ? _ => ValueTask.FromResult(own.Trim())
                    : null,
        };
        certificate = FileOption(
            "--client-certificate", "A file with the certificate (PEM) that the ledger is shown, with --client-key.",
            CertificateVariable, context);
        key = FileOption("--client-key", "A file with the key (PEM) of --client-certificate.", KeyVariable, context);
    }

    public void AddTo(RootCommand root)
    {
        root.Options.Add(server);
        root.Options.Add(output);
        root.Options.Add(timeout);
        root.Options.Add(authority);
        root.Options.Add(token);
        root.Options.Add(certificate);
        root.Options.Add(key);
        root.Validators.Add(result =>
        {
            var servers = result.GetValue(server) ?? [];
            var isShown = result.GetValue(certificate) is not null;
            if (isShown != result.GetValue(key) is not null)
            {
                result.AddError("--client-certificate and --client-key belong together.");
            }

            if (isShown && servers.Any(static one => one.Scheme is "http"))
            {
                result.AddError("--client-certificate is shown over https; --server is http.");
            }
            else if (isShown && result.GetValue(key) is { } keyFile
                && Parse.CertificateProblem(result.GetValue(certificate)!, keyFile) is { } problem)
            {
                result.AddError(problem);
            }

            if (result.GetValue(token) is not null
                && servers.Any(static one => one.Scheme is "http" && !one.IsLoopback))
            {
                result.AddError(
                    "A token would be read by whoever listens on the way to --server, which is http; use https.");
            }
        });
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
            Token = parsed.GetValue(token),
            ClientCertificate = parsed.GetValue(certificate) is { } file
                ? LedgerCredentials.CertificateFromFiles(file, parsed.GetValue(key)!)
                : null,
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

    private static Option<string?> FileOption(string name, string description, string variable, CliContext context) =>
        new(name)
        {
            Description = $"{description} Where it is not given, ${variable} is taken.",
            HelpName = "FILE",
            Recursive = true,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Parse.File(result, result.Tokens[^1].Value, name + ": "),
            DefaultValueFactory = result => context.EnvironmentVariable(variable) is { Length: > 0 } path
                ? Parse.File(result, path, variable + ": ")
                : null,
        };
}
