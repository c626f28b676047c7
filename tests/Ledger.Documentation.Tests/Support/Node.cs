using System.Net;
using Ledger.Cli;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Documentation.Tests.Support;

/// <summary>A ledger on a new SQLite file, embedded and served over gRPC: the whole stack, in this process.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly string directory;

    private Node(WebApplication app, string directory)
    {
        this.app = app;
        this.directory = directory;
    }

    public ILedger Ledger => app.Services.GetRequiredService<ILedger>();

    /// <summary>Where the journal is kept.</summary>
    public string File => Path.Combine(directory, "ledger.db");

    /// <summary>Where JSON is served.</summary>
    public Uri JsonUrl => new(app.Urls.Last());

    /// <summary>Where the files of a page are.</summary>
    public string Directory => directory;

    public static async Task<Node> StartAsync(Action<LedgerOptions>? configure = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("ledger-recipe-").FullName;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging();
        builder.Services.AddLedger(options =>
        {
            options.UseSqlite(Path.Combine(directory, "ledger.db"));
            configure?.Invoke(options);
        });
        builder.Services.AddLedgerGrpc();
        var app = builder.Build();
        app.UseRouting();
        app.MapLedgerGrpc();
        await app.StartAsync();
        return new Node(app, directory);
    }

    /// <summary>Runs one command line of <c>ledger</c>; what it prints to both streams comes in order.</summary>
    /// <param name="arguments">The arguments. One that names a file of the page is that file.</param>
    /// <param name="files">The files of the page.</param>
    public async Task<(int ExitCode, string Printed)> CliAsync(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> files)
    {
        foreach (var (name, content) in files)
        {
            await System.IO.File.WriteAllTextAsync(Path.Combine(directory, name), content);
        }

        var printed = new StringWriter();
        var context = new CliContext
        {
            Out = printed,
            Error = printed,
            EnvironmentVariable = name => name == "LEDGER_SERVER" ? app.Urls.First() : null,
        };
        var exitCode = await LedgerCli.RunAsync(
            [.. arguments.Select(one => files.ContainsKey(one) ? Path.Combine(directory, one) : one)], context);

        // Of files by their names: the directory is another one each time.
        return (
            exitCode,
            printed.ToString().Replace(directory + Path.DirectorySeparatorChar, "", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        System.IO.Directory.Delete(directory, recursive: true);
    }
}
