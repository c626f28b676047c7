using System.ComponentModel.DataAnnotations;

namespace Ledger;

/// <summary>The options of <c>UsePostgreSql(...)</c>.</summary>
public sealed class PostgreSqlStorageOptions
{
    /// <summary>Whether missing tables are created at start. Several nodes may start at once. Without it, apply
    /// <see cref="PostgreSql.PostgreSqlSchema.Script"/> beforehand.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool AutoInitialize { get; set; } = true;

    /// <summary>Whether a start is refused where the ledger's role could change what is never changed: where it has
    /// <c>UPDATE</c>, <c>DELETE</c> or <c>TRUNCATE</c> on the journal, by a grant, as the owner or as a superuser. Else
    /// it is told as a warning, and of a role that makes its own tables (<see cref="AutoInitialize"/>) not at
    /// all.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool RefuseExcessRights { get; set; }

    /// <summary>Whether a server is accepted that may lose acknowledged writes: one with <c>fsync</c>,
    /// <c>full_page_writes</c> or <c>synchronous_commit</c> off. For throw-away tests only.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool AllowUnsafeDurability { get; set; }

    /// <summary>How many transactions of the journal may be under way at once, each on a connection of its own. With
    /// two, the next batch is sent while the server waits for its disk: when 32 writes wait, or the first has taken two
    /// milliseconds. With a fast disk and little to do one transaction after the other costs the server less.</summary>
    /// <value>The default value is 2. From 1 to 4.</value>
    [Range(1, 4)]
    public int Writers { get; set; } = 2;

    /// <summary>How long one statement may run. Must be shorter than the five seconds after which the journal's
    /// caller gives up. Used where the connection string does not say.</summary>
    /// <value>The default value is 4 seconds. From 100 milliseconds to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan StatementTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a row waits for another transaction on the same row, such as that of a node which froze.
    /// Used where the connection string does not say.</summary>
    /// <value>The default value is 2 seconds. From 100 milliseconds to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan LockTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a transaction may stand idle before the server ends it. It is a part of failover: until then a
    /// frozen node's open transaction keeps others from its rows. Used where the connection string does not say.
    /// </summary>
    /// <value>The default value is 2 seconds. From 100 milliseconds to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan IdleInTransactionTimeout { get; set; } = TimeSpan.FromSeconds(2);

    internal void Validate()
    {
        if (Writers is < 1 or > 4)
        {
            throw new ArgumentException($"{nameof(Writers)} is {Writers}; it must be from 1 to 4.");
        }

        Check(StatementTimeout, nameof(StatementTimeout));
        Check(LockTimeout, nameof(LockTimeout));
        Check(IdleInTransactionTimeout, nameof(IdleInTransactionTimeout));
    }

    private static void Check(TimeSpan value, string name)
    {
        if (value < TimeSpan.FromMilliseconds(100) || value > TimeSpan.FromMinutes(1))
        {
            throw new ArgumentException($"{name} is {value}; it must be from 100 milliseconds to 1 minute.");
        }
    }
}
