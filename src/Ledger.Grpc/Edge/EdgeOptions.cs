using System.ComponentModel.DataAnnotations;

namespace Ledger.Grpc.Edge;

/// <summary>Section <c>Ledger:Edge</c> of a node: what a caller may cost before anything is known of it.</summary>
/// <remarks>An application that serves the ledger itself has the defaults. Its own server has the limits of
/// connections.</remarks>
internal sealed class EdgeOptions
{
    private const long MebiByte = 1024 * 1024;

    // What a call that waits takes, about, with all that the server keeps of it.
    private const long CallBytes = 16 * 1024;

    // What a call takes of which nothing has been looked at.
    private const long BareCallBytes = 4 * 1024;

    // Most clients keep to one connection: with the usual number the calls beyond it wait in the client for a place,
    // while group commit gets the cheaper the more of them are here.
    private const int UsualCallsPerConnection = 100;
    private const int ManyCallsPerConnection = 1024;

    // Of the memory of the process a quarter is for requests, and of that a quarter for one connection.
    private const int Parts = 4;
    private const long ConnectionBytesMax = 64 * MebiByte;

    /// <summary>How many bytes of requests a node holds at once, read or being read, before <c>OVERLOADED</c>. What a
    /// message becomes in memory counts, not what it is on the wire.</summary>
    /// <value>The default value is null: a quarter of what the process may use. From 8 MiB.</value>
    [Range(8 * MebiByte, long.MaxValue)]
    public long? InFlightBytesMax { get; set; }

    /// <summary>How many of them one connection may hold.</summary>
    /// <value>The default value is null: 64 MiB, and at most a quarter of those of the node. From 8 MiB.</value>
    [Range(8 * MebiByte, long.MaxValue)]
    public long? ConnectionInFlightBytesMax { get; set; }

    /// <summary>How long a request may take to be whole, from its headers on; of a stream, each message from its first
    /// byte on.</summary>
    /// <value>The default value is 10 seconds. From 1 second to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many bytes of a body must come in each second, on average, after <see cref="BodyGrace"/>.</summary>
    /// <value>The default value is 16 KiB. From 1 byte to 1 MiB.</value>
    [Range(1, 1024 * 1024)]
    public int BodyBytesPerSecondMin { get; set; } = 16 * 1024;

    /// <summary>How long a body may come more slowly.</summary>
    /// <value>The default value is 5 seconds. From 2 seconds to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:02", "00:10:00")]
    public TimeSpan BodyGrace { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the headers of a request may take.</summary>
    /// <value>The default value is 5 seconds. From 1 second to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan HeadersTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How many bytes the headers of a request may have.</summary>
    /// <value>The default value is 16 KiB. From 4 KiB to 1 MiB.</value>
    [Range(4 * 1024, 1024 * 1024)]
    public int HeaderBytesMax { get; set; } = 16 * 1024;

    /// <summary>How many connections a node takes, at all its addresses together. It takes fewer where it may have
    /// fewer files open.</summary>
    /// <value>The default value is 4,096. From 1 to 1,000,000.</value>
    [Range(1, 1_000_000)]
    public int ConnectionsMax { get; set; } = 4096;

    /// <summary>How many of them may come from one address. Whatever is behind one proxy shares them.</summary>
    /// <value>The default value is 256. From 1 to 1,000,000.</value>
    [Range(1, 1_000_000)]
    public int ConnectionsPerAddressMax { get; set; } = 256;

    /// <summary>How many connections are taken beyond these, to ask for health and for nothing else.</summary>
    /// <value>The default value is 64. From 0 to 10,000.</value>
    [Range(0, 10_000)]
    public int HealthConnectionsMax { get; set; } = 64;

    /// <summary>How old a connection becomes before the node ends it in good order; by up to a tenth less, so that not
    /// all of them end together.</summary>
    /// <value>The default value is 1 hour. From 10 seconds to 30 days.</value>
    [Range(typeof(TimeSpan), "00:00:10", "30.00:00:00")]
    public TimeSpan ConnectionAgeMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How old a stream of transfers becomes before the node ends it in good order.</summary>
    /// <value>The default value is 1 hour. From 1 second to 30 days.</value>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan StreamAgeMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long nothing may come on a stream of transfers before the node ends it.</summary>
    /// <value>The default value is 5 minutes. From 1 second to 30 days.</value>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan StreamIdleTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether requests may be compressed.</summary>
    /// <value>The default value is false: a few bytes would become megabytes.</value>
    public bool AcceptCompression { get; set; }

    /// <summary>How many times as long a compressed request may become.</summary>
    /// <value>The default value is 20. From 1 to 1,000.</value>
    [Range(1, 1000)]
    public int CompressionRatioMax { get; set; } = 20;

    /// <summary>How many calls a node has under way at once, streams that are open and calls that wait for their turn
    /// among them, before <c>OVERLOADED</c>.</summary>
    /// <value>The default value is null: one for each 16 KiB of <see cref="InFlightBytesMax"/>. From 16 to
    /// 10,000,000.</value>
    [Range(16, 10_000_000)]
    public int? CallsMax { get; set; }

    /// <summary>How many of them one caller may have: one principal, or one address where nobody says who they
    /// are.</summary>
    /// <value>The default value is null: half of them. From 8 to 10,000,000.</value>
    [Range(8, 10_000_000)]
    public int? CallsPerCallerMax { get; set; }

    /// <summary>How many calls one connection may have open at once: further ones wait in the client.</summary>
    /// <value>The default value is null: 1,024, and fewer where what is <see cref="InFlightBytesMax"/> would not hold
    /// those of all connections of one address, at 4 KiB each; 100 at least. From 1 to 100,000.</value>
    [Range(1, 100_000)]
    public int? CallsPerConnectionMax { get; set; }

    /// <summary>How long work may wait for a thread before calls of callers with more than others are worked on by
    /// turns; 0 for never.</summary>
    /// <remarks>A call takes its turn when its message is whole. Its deadline goes on while it waits.</remarks>
    /// <value>The default value is 5 ms. From 0 to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan LatenessMax { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The calls of a connection in effect.</summary>
    internal int CallsPerConnection => CallsPerConnectionMax
        ?? (int)Math.Clamp(
            NodeBytes / BareCallBytes / ConnectionsPerAddressMax, UsualCallsPerConnection, ManyCallsPerConnection);

    /// <summary>The calls of a node in effect.</summary>
    internal int Calls => CallsMax ?? (int)Math.Min(int.MaxValue, NodeBytes / CallBytes);

    /// <summary>The calls of a caller in effect.</summary>
    internal int CallsPerCaller => CallsPerCallerMax ?? Math.Max(1, Calls / 2);

    /// <summary>The bytes of a node in effect.</summary>
    internal long NodeBytes => InFlightBytesMax
        ?? Math.Max(8 * MebiByte, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Parts);

    /// <summary>The bytes of a connection in effect.</summary>
    internal long ConnectionBytes => ConnectionInFlightBytesMax
        ?? Math.Max(8 * MebiByte, Math.Min(ConnectionBytesMax, NodeBytes / Parts));
}
