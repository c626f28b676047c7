namespace Ledger.Node.Security;

/// <summary>Says at the start and each hour that whoever reaches the node may move all money.</summary>
internal sealed partial class AnonymousReminder(ILogger<AnonymousReminder> logger) : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every);
        do
        {
            LogOpen();
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(
        1, LogLevel.Warning,
        "Nobody is asked who they are, and other machines reach this node: whoever does may move all money "
            + "(Ledger:Security:AllowAnonymous). docs/operating/security.md tells how to close it")]
    private partial void LogOpen();
}
