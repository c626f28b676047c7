using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Ledger.Node.Security;

/// <summary>An issuer's keys in a file, read again when it changes: for networks from which no issuer is reached. A
/// change that can't be used leaves the keys in force that were. Thread-safe.</summary>
internal sealed partial class JwksFile : IConfigurationManager<OpenIdConnectConfiguration>
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    private readonly string path;
    private readonly string issuer;
    private readonly TimeProvider clock;
    private readonly ILogger logger;
    private readonly Lock gate = new();
    private OpenIdConnectConfiguration current;
    private (DateTime Written, long Length) seen;
    private long lookedAt;

    public JwksFile(string path, string issuer, TimeProvider clock, ILogger<JwksFile> logger)
    {
        this.path = path;
        this.issuer = issuer;
        this.clock = clock;
        this.logger = logger;
        seen = Stamp();
        lookedAt = clock.GetTimestamp();
        current = JwksConfiguration.Read(File.ReadAllText(path), issuer);
    }

    public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        lock (gate)
        {
            if (clock.GetElapsedTime(lookedAt) > s_lookEvery)
            {
                lookedAt = clock.GetTimestamp();
                Look();
            }

            return Task.FromResult(current);
        }
    }

    /// <summary>Asked for when a token names a key that is not known.</summary>
    public void RequestRefresh()
    {
        lock (gate)
        {
            Look();
        }
    }

    private void Look()
    {
        try
        {
            var now = Stamp();
            if (now == seen)
            {
                return;
            }

            seen = now;
            current = JwksConfiguration.Read(File.ReadAllText(path), issuer);
            LogTaken(path, current.SigningKeys.Count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            LogRefused(path, e.Message);
        }
    }

    private (DateTime, long) Stamp()
    {
        var file = new FileInfo(path);
        var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return target.Exists ? (target.LastWriteTimeUtc, target.Length) : default;
    }

    [LoggerMessage(1, LogLevel.Information, "The issuer's keys in {Path} have been read anew: {Count}")]
    private partial void LogTaken(string path, int count);

    [LoggerMessage(
        2, LogLevel.Error,
        "The issuer's keys in {Path} have changed and can't be used; those before them stay in force: {Problem}")]
    private partial void LogRefused(string path, string problem);
}
