namespace Ledger.PostgreSql;

/// <summary>The tables of a ledger: those of Akka.Persistence.Sql with its default names, without the indexes on
/// <c>created</c> and <c>sequence_number</c>, which no query uses and every write would pay for.</summary>
public static class PostgreSqlSchema
{
    /// <summary>The script that creates the tables, for production, where the ledger's own role may have no right to.
    /// It can be run again without harm. PostgreSQL 12 or newer.</summary>
    /// <remarks>The ledger's role needs <c>SELECT</c> and <c>INSERT</c> on <c>journal</c> and <c>tags</c>, and all
    /// of <c>SELECT</c>, <c>INSERT</c>, <c>UPDATE</c> and <c>DELETE</c> on <c>snapshot</c> only.</remarks>
    public const string Script = """
        CREATE TABLE IF NOT EXISTS journal (
            ordering BIGINT GENERATED ALWAYS AS IDENTITY,
            created BIGINT NOT NULL,
            deleted BOOLEAN NOT NULL,
            persistence_id VARCHAR(255) COLLATE "C" NOT NULL,
            sequence_number BIGINT NOT NULL,
            message BYTEA NOT NULL,
            manifest VARCHAR(500) NULL,
            identifier INT NULL,
            writer_uuid VARCHAR(128) NULL,
            CONSTRAINT pk_journal PRIMARY KEY (ordering),
            -- Not an optimization: it is what keeps two writers from storing the same row of an account.
            CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number)
        );

        CREATE TABLE IF NOT EXISTS tags (
            ordering_id BIGINT NOT NULL,
            tag VARCHAR(64) NOT NULL,
            sequence_nr BIGINT NOT NULL,
            persistence_id VARCHAR(255) COLLATE "C" NOT NULL,
            CONSTRAINT pk_tags PRIMARY KEY (ordering_id, tag)
        );

        CREATE TABLE IF NOT EXISTS snapshot (
            created BIGINT NOT NULL,
            persistence_id VARCHAR(255) COLLATE "C" NOT NULL,
            sequence_number BIGINT NOT NULL,
            snapshot BYTEA NULL,
            manifest VARCHAR(500) NULL,
            serializer_id INT NULL,
            CONSTRAINT pk_snapshot PRIMARY KEY (persistence_id, sequence_number)
        );

        """;
}
