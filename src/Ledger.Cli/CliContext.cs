using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>What the commands see of the world. Tests give their own.</summary>
internal sealed class CliContext
{
    /// <summary>Where results go: one document, for people or programs.</summary>
    public required TextWriter Out
    {
        get;
        init => field = new ResultWriter(value);
    }

    /// <summary>Where progress, ids and errors go. What is told there can't steer the terminal.</summary>
    public required TextWriter Error
    {
        get;
        init => (field, ErrorTerminal) = (new PrintableWriter(value, () => ErrorWidth), value);
    }

    /// <summary>How many characters a line of the terminal holds that errors go to; null where they go to
    /// none.</summary>
    public int? ErrorWidth { get; init; }

    /// <summary>The same, for what rewrites its line.</summary>
    public TextWriter ErrorTerminal { get; private init; } = TextWriter.Null;

    /// <summary>Where a file that is named <c>-</c> is read from: bytes, since decoding would hide what is not
    /// UTF-8.</summary>
    public Func<Stream> OpenInput { get; init; } = ProcessInput.Open;

    /// <summary>Whether results are read by a person, so that colour helps.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>How many characters a line of the terminal holds; null where it does not say.</summary>
    public int? Width { get; init; }

    /// <summary>Whether progress may rewrite its line.</summary>
    public bool ErrorIsTerminal { get; init; }

    public Func<string, string?> EnvironmentVariable { get; init; } = Environment.GetEnvironmentVariable;

    public Func<LedgerClientOptions, LedgerClient> Connect { get; init; } = options => new LedgerClient(options);

    public IIdGenerator Ids { get; init; } = new UuidV7Generator();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether colour may be used; see no-color.org.</summary>
    public bool UseColor => OutIsTerminal && string.IsNullOrEmpty(EnvironmentVariable("NO_COLOR"));
}
