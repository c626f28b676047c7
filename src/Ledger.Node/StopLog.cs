using Microsoft.Extensions.Logging;

namespace Ledger.Node;

/// <summary>What the log says of a node's stopping.</summary>
internal static partial class StopLog
{
    /// <summary>The node has been told to stop, or must.</summary>
    [LoggerMessage(1, LogLevel.Information, "Stopping: the node finishes the calls that it has, and takes no new ones")]
    public static partial void Stopping(ILogger log);

    /// <summary>Nothing of the node runs any more.</summary>
    [LoggerMessage(2, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);
}
