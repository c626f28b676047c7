using System.ComponentModel.DataAnnotations;

namespace Ledger;

/// <summary>The options of <see cref="LedgerGrpcExtensions.AddLedgerGrpc"/>.</summary>
public sealed class LedgerGrpcOptions
{
    /// <summary>The deadline of a call whose client sets none.</summary>
    /// <value>The default value is 10 seconds: moving an account to another node takes seconds, and an answer that
    /// comes late is worth more than an unknown outcome. From 100 milliseconds to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan DefaultDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest time that a call is worked on; a later deadline is cut to it, and not refused.</summary>
    /// <value>The default value is 60 seconds. From 100 milliseconds to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan MaxDeadline { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long before the client's deadline the ledger's answer is due, so that it can still travel. At most
    /// a tenth of the remaining time is taken.</summary>
    /// <value>The default value is 100 milliseconds. From 0 to 5 seconds.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:05")]
    public TimeSpan DeadlineMargin { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How many transfers of one stream are between their reading and the sending of their answer; further
    /// ones are not read. Of a stream that calls share: how many calls; further ones are answered
    /// <c>OVERLOADED</c>.</summary>
    /// <value>The default value is 1,024. From 1 to 100,000.</value>
    [Range(1, 100_000)]
    public int StreamInFlightMax { get; set; } = 1024;

    /// <summary>The largest request message, in bytes.</summary>
    /// <value>
    /// The default value is 4 MiB: 512 bytes for each transfer of a full batch of 8,190; who stores much metadata sends
    /// fewer at once. A transaction has at most 2 MiB, however large a request may be. JSON bodies may have twice as
    /// many bytes, since they repeat the field names. From 64 KiB to 256 MiB.
    /// </value>
    [Range(64 * 1024, 256 * 1024 * 1024)]
    public int MaxReceiveMessageBytes { get; set; } = LedgerSizes.RequestMax;

    /// <summary>The largest response message, in bytes.</summary>
    /// <value>
    /// The default value is 4 MiB, which is what gRPC clients receive by default. Answers are made so that they stay
    /// below 3.5 MiB: the largest to a write, 8,190 rejections with the longest balances, has 2.5 MB, and pages end
    /// early. An answer must never be refused for its size, since a write that it belongs to has been applied. From 4
    /// MiB to 256 MiB.
    /// </value>
    [Range(4 * 1024 * 1024, 256 * 1024 * 1024)]
    public int MaxSendMessageBytes { get; set; } = LedgerSizes.RequestMax;

    /// <summary>Whether gRPC server reflection is served: to whoever reaches the address, without being asked who they
    /// are.</summary>
    /// <value>The default value is false. A node serves it where nobody but its own machine reaches it.</value>
    public bool EnableReflection { get; set; }

    /// <summary>Whether the JSON form is served under <c>/v1</c>.</summary>
    /// <value>The default value is true. A node serves it where nobody but its own machine reaches it.</value>
    public bool EnableJson { get; set; } = true;

    /// <summary>How long one probe of the readiness check may take.</summary>
    /// <value>The default value is 1 second. From 10 milliseconds to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:01:00")]
    public TimeSpan ReadinessTimeout { get; set; } = TimeSpan.FromSeconds(1);
}
