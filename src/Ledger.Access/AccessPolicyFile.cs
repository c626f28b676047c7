using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Ledger.Access;

/// <summary>A policy in a file, which is read again when the file changes. A change that can't be used leaves the
/// policy in force that was, and is told by <see cref="Problem"/> and the log. Thread-safe.</summary>
public sealed partial class AccessPolicyFile : IAccessPolicySource, IDisposable
{
    /// <summary>How often the file is looked at.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly ILogger logger;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private Stamp seen;
    private volatile AccessPolicy current;
    private volatile string? problem;

    /// <summary>Reads the file.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="clock">By which it is looked at.</param>
    /// <param name="logger">Where changes are told.</param>
    /// <exception cref="AccessPolicyException">It can't be read, or says what has no meaning.</exception>
    public AccessPolicyFile(string path, TimeProvider clock, ILogger<AccessPolicyFile> logger)
    {
        ArgumentNullException.ThrowIfNull(clock);
        Path = path;
        this.logger = logger;
        seen = Stamp.Of(path);
        (current, Hash) = ReadWithHash(path);
        timer = clock.CreateTimer(static self => ((AccessPolicyFile)self!).Look(), this, LookEvery, LookEvery);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public AccessPolicy Current => current;

    /// <summary>SHA-256 of the file as it was when the policy in force was read: 64 hexadecimal digits.</summary>
    public string Hash { get; private set; }

    /// <summary>Called after a look that has found the file changed, whether the policy is in force then or
    /// <see cref="Problem"/> says why it is not.</summary>
    public Action? Changed { get; set; }

    /// <summary>Why the file as it is now is not in force; null while it is.</summary>
    public string? Problem => problem;

    /// <summary>Reads a policy without watching it.</summary>
    /// <param name="path">Where it is.</param>
    /// <exception cref="AccessPolicyException">It can't be read, or says what has no meaning.</exception>
    public static AccessPolicy Read(string path) => ReadWithHash(path).Policy;

    /// <summary>Looks whether the file has changed, and takes it when it has.</summary>
    public void Look()
    {
        var isChanged = false;
        lock (gate)
        {
            try
            {
                var now = Stamp.Of(Path);
                if (now == seen)
                {
                    return;
                }

                // Taken before it is read: what is written meanwhile is seen the next time.
                seen = now;
                isChanged = true;
                (var next, Hash) = ReadWithHash(Path);
                current = next;
                problem = null;
                LogTaken(Path, next.PrincipalCount, next.KeyCount);
            }
            catch (AccessPolicyException e)
            {
                problem = e.Message;
                LogRefused(e.Message);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is being replaced, or its disk is unavailable.
                if (problem is null)
                {
                    problem = e.Message;
                    LogRefused(e.Message);
                }
            }
        }

        if (isChanged)
        {
            Changed?.Invoke();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => timer.Dispose();

    private static (AccessPolicy Policy, string Hash) ReadWithHash(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            return (AccessPolicy.Parse(bytes), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new AccessPolicyException($"The policy {path} can't be read: {e.Message}", e);
        }
    }

    [LoggerMessage(
        1, LogLevel.Information, "The policy {Path} is in force: {Principals} principals and {Keys} keys")]
    private partial void LogTaken(string path, int principals, int keys);

    [LoggerMessage(
        2, LogLevel.Error,
        "The changed policy is not used, and the one before it stays in force: {Problem} Correct the file; it is read "
            + "again by itself")]
    private partial void LogRefused(string problem);

    // By the file behind a link: that is how mounted files change.
    private readonly record struct Stamp(DateTime Written, long Length, string Target)
    {
        public static Stamp Of(string path)
        {
            var file = new FileInfo(path);
            var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            return target.Exists ? new Stamp(target.LastWriteTimeUtc, target.Length, target.FullName) : default;
        }
    }
}
