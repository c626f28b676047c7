namespace Ledger.PostgreSql;

/// <summary>The tables of a ledger: those of Akka.Persistence.Sql with its default names, without the indexes on
/// <c>created</c> and <c>sequence_number</c>, which no query uses and every write would pay for.</summary>
public static class PostgreSqlSchema
{
    /// <summary>The script that creates the tables, for production, where the ledger's own role may have no right to.
    /// It can be run again without harm. PostgreSQL 12 or newer.</summary>
    /// <remarks>The ledger's role needs <c>SELECT</c> and <c>INSERT</c> on <c>journal</c>, <c>tags</c> and
    /// <c>ledger_loss</c>,
    /// <c>SELECT</c> on <c>ledger_identity</c>, and all of <c>SELECT</c>, <c>INSERT</c>, <c>UPDATE</c> and
    /// <c>DELETE</c> on <c>snapshot</c> and on the other tables whose names begin with <c>ledger_</c>, and
    /// <c>TRUNCATE</c> on those of the index of transfers and accounts, only. Whoever begins an epoch also needs
    /// <c>INSERT</c> on <c>ledger_identity</c>. That one says which ledger this is and belongs to the journal: it is
    /// backed up and restored with it, and never dropped, and so is <c>ledger_loss</c>. The others follow from the
    /// journal: dropped, all of them, while the ledger is stopped, and created again, they are filled again. Of
    /// <c>ledger_id</c> that is done account by account, when a look-up first needs it: all rows of the account are
    /// read then.</remarks>
    public static string Script { get; } = """
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

        -- Where in a stream ids are brought up, but for those that their own time leads to. Written in the
        -- transactions of the rows. The entry of no stream says up to which place of the journal there is no index of
        -- this kind; the number in it is that of the kind. An entry of the nil id says of a stream that it is in the
        -- index from its first row on (0), or that the entry before those of this row was missing when it was stored.
        CREATE TABLE IF NOT EXISTS ledger_id (
            id UUID NOT NULL,
            persistence_id VARCHAR(255) COLLATE "C" NOT NULL,
            sequence_number BIGINT NOT NULL,
            CONSTRAINT pk_ledger_id PRIMARY KEY (persistence_id, id, sequence_number)
        );
        DO $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM ledger_id WHERE persistence_id = '' AND id = '00000000-0000-0000-0000-000000000002') THEN
                -- What is under way may have taken its place already, and be committed later.
                LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE;
                INSERT INTO ledger_id (id, persistence_id, sequence_number)
                SELECT '00000000-0000-0000-0000-000000000002', '', coalesce(max(ordering), 0) FROM journal;
                DELETE FROM ledger_id WHERE persistence_id = '' AND id <> '00000000-0000-0000-0000-000000000002';
            END IF;
        END $$;

        -- Which ledger this is: one row for each epoch. Rows are added and never changed, and all have the same id and
        -- constants.
        CREATE TABLE IF NOT EXISTS ledger_identity (
            epoch BIGINT NOT NULL,
            ledger_id UUID NOT NULL,
            begun_by TEXT NOT NULL,
            begun_at TIMESTAMPTZ NOT NULL,
            reason TEXT NOT NULL,
            id_window_ms BIGINT NOT NULL,
            CONSTRAINT pk_ledger_identity PRIMARY KEY (epoch),
            CONSTRAINT ledger_identity_epoch CHECK (epoch > 0)
        );
        DO $$
        DECLARE
            new_id UUID;
        BEGIN
            IF NOT EXISTS (SELECT FROM ledger_identity) THEN
                IF current_setting('server_version_num')::INT >= 130000 THEN
                    new_id := gen_random_uuid();
                ELSE
                    new_id := md5(random()::TEXT || random()::TEXT || clock_timestamp()::TEXT
                        || pg_backend_pid()::TEXT)::UUID;
                END IF;
                -- Of several that come at once one is first.
                INSERT INTO ledger_identity (epoch, ledger_id, begun_by, begun_at, reason, id_window_ms)
                VALUES (1, new_id, session_user, clock_timestamp(),
                    CASE WHEN EXISTS (SELECT FROM journal)
                        THEN 'The identity was made beside a journal that had rows already.'
                        ELSE 'The ledger was made.' END, 2000)
                ON CONFLICT (epoch) DO NOTHING;
            END IF;
        END $$;

        -- Epochs in which the database has lost rows that it had acknowledged, with the first evidence. Where the
        -- newest epoch is among them no node serves.
        CREATE TABLE IF NOT EXISTS ledger_loss (
            epoch BIGINT NOT NULL,
            noticed_by TEXT NOT NULL,
            noticed_at TIMESTAMPTZ NOT NULL,
            evidence TEXT NOT NULL,
            CONSTRAINT pk_ledger_loss PRIMARY KEY (epoch)
        );

        -- What falls due later. state: 0 live, 1 ended.
        CREATE TABLE IF NOT EXISTS ledger_hold (
            hold_id UUID NOT NULL,
            debit_account TEXT COLLATE "C" NOT NULL,
            credit_account TEXT COLLATE "C" NOT NULL,
            due_us BIGINT NULL,
            state SMALLINT NOT NULL,
            CONSTRAINT pk_ledger_hold PRIMARY KEY (hold_id)
        );
        CREATE INDEX IF NOT EXISTS ledger_hold_due ON ledger_hold (due_us, hold_id)
            WHERE state = 0 AND due_us IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_hold_account ON ledger_hold (debit_account, due_us)
            WHERE state = 0 AND due_us IS NOT NULL;

        CREATE TABLE IF NOT EXISTS ledger_work_checkpoint (
            name TEXT COLLATE "C" NOT NULL,
            ordering BIGINT NOT NULL,
            version BIGINT NOT NULL,
            CONSTRAINT pk_ledger_work_checkpoint PRIMARY KEY (name)
        );
        INSERT INTO ledger_work_checkpoint (name, ordering, version) VALUES ('holds', 0, 0), ('recovered', 0, 0)
            ON CONFLICT (name) DO NOTHING;

        -- Accounts that have been in doubt for long.
        CREATE TABLE IF NOT EXISTS ledger_unfinished (
            account TEXT COLLATE "C" NOT NULL,
            since_us BIGINT NOT NULL,
            CONSTRAINT pk_ledger_unfinished PRIMARY KEY (account)
        );

        -- The index of transfers and accounts: empty where it is off, made from the journal where it is on. Times are
        -- in microseconds since the Unix epoch; place is that of the journal row that decides, item the number of the
        -- transfer there; amounts are 16 bytes, the highest first. What is absent is NULL, so that no index has it.
        CREATE TABLE IF NOT EXISTS ledger_transfer (
            time_us BIGINT NOT NULL,
            place BIGINT NOT NULL,
            item INTEGER NOT NULL,
            id UUID NOT NULL,
            transaction_id UUID NULL,
            debit_account TEXT COLLATE "C" NOT NULL,
            credit_account TEXT COLLATE "C" NOT NULL,
            asset TEXT COLLATE "C" NOT NULL,
            amount BYTEA NOT NULL,
            code BIGINT NOT NULL,
            kind INTEGER NOT NULL,
            status INTEGER NOT NULL,
            reference TEXT COLLATE "C" NULL,
            hold_id UUID NULL,
            reverses UUID NULL,
            principal TEXT COLLATE "C" NULL,
            hold_state INTEGER NOT NULL,
            hold_remaining BYTEA NULL,
            due_us BIGINT NULL,
            content BYTEA NOT NULL,
            CONSTRAINT pk_ledger_transfer PRIMARY KEY (time_us, place, item)
        );
        CREATE INDEX IF NOT EXISTS ledger_transfer_id ON ledger_transfer (id);
        CREATE INDEX IF NOT EXISTS ledger_transfer_debit ON ledger_transfer (debit_account, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_credit ON ledger_transfer (credit_account, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_code ON ledger_transfer (code, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_transaction ON ledger_transfer (transaction_id, time_us, place, item)
            WHERE transaction_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_reference ON ledger_transfer (reference, time_us, place, item)
            WHERE reference IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_hold ON ledger_transfer (hold_id, time_us, place, item)
            WHERE hold_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_reverses ON ledger_transfer (reverses, time_us, place, item)
            WHERE reverses IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_principal ON ledger_transfer (principal, time_us, place, item)
            WHERE principal IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_live ON ledger_transfer (time_us, place, item) WHERE hold_state = 1;
        CREATE INDEX IF NOT EXISTS ledger_transfer_refused ON ledger_transfer (time_us, place, item)
            WHERE status <> 1000;

        -- A pair is half of the SHA-256 of a key and its value.
        CREATE TABLE IF NOT EXISTS ledger_transfer_metadata (
            pair BYTEA NOT NULL,
            time_us BIGINT NOT NULL,
            place BIGINT NOT NULL,
            item INTEGER NOT NULL,
            CONSTRAINT pk_ledger_transfer_metadata PRIMARY KEY (pair, time_us, place, item)
        );

        CREATE TABLE IF NOT EXISTS ledger_account (
            address TEXT COLLATE "C" NOT NULL,
            asset TEXT COLLATE "C" NOT NULL,
            code BIGINT NOT NULL,
            reference TEXT COLLATE "C" NULL,
            is_closed INTEGER NOT NULL,
            frozen_until_us BIGINT NULL,
            content BYTEA NOT NULL,
            CONSTRAINT pk_ledger_account PRIMARY KEY (address)
        );
        CREATE INDEX IF NOT EXISTS ledger_account_reference ON ledger_account (reference, address)
            WHERE reference IS NOT NULL;
        CREATE TABLE IF NOT EXISTS ledger_account_metadata (
            pair BYTEA NOT NULL,
            address TEXT COLLATE "C" NOT NULL,
            CONSTRAINT pk_ledger_account_metadata PRIMARY KEY (pair, address)
        );

        -- Transactions of several legs that are prepared and not decided.
        CREATE TABLE IF NOT EXISTS ledger_index_prepared (
            account TEXT COLLATE "C" NOT NULL,
            attempt UUID NOT NULL,
            content BYTEA NOT NULL,
            CONSTRAINT pk_ledger_index_prepared PRIMARY KEY (account, attempt)
        );

        -- How far the index has got, and which process folds; form is the number of what it stores.
        CREATE TABLE IF NOT EXISTS ledger_index (
            name TEXT COLLATE "C" NOT NULL,
            form INTEGER NOT NULL,
            ordering BIGINT NOT NULL,
            version BIGINT NOT NULL,
            as_of_us BIGINT NOT NULL,
            last_account TEXT COLLATE "C" NOT NULL,
            last_row BIGINT NOT NULL,
            holder UUID NULL,
            seen_at TIMESTAMPTZ NULL,
            CONSTRAINT pk_ledger_index PRIMARY KEY (name)
        );
        INSERT INTO ledger_index (name, form, ordering, version, as_of_us, last_account, last_row)
            VALUES ('transfers', 1, 0, 0, 0, '', 0) ON CONFLICT (name) DO NOTHING;

        -- Whose calls are refused, and until when. kind: 1 a principal, 2 a key by its id, 3 an address or a network.
        -- It follows from nothing else: it is backed up with the journal.
        CREATE TABLE IF NOT EXISTS ledger_block (
            kind INTEGER NOT NULL,
            subject TEXT COLLATE "C" NOT NULL,
            since_us BIGINT NOT NULL,
            until_us BIGINT NOT NULL,
            blocked_by TEXT COLLATE "C" NOT NULL,
            reason TEXT NOT NULL,
            CONSTRAINT pk_ledger_block PRIMARY KEY (kind, subject)
        );

        -- Who may speak for accounts, and since when. Updated in place a few times a second and node.
        CREATE TABLE IF NOT EXISTS ledger_lease (
            holder UUID NOT NULL,
            address TEXT COLLATE "C" NOT NULL,
            uid BIGINT NOT NULL,
            shards INTEGER NOT NULL,
            duration_ms BIGINT NOT NULL,
            renewed_at TIMESTAMPTZ NOT NULL,
            -- By how much the holder's ledger time was ahead of renewed_at; negative when it was behind.
            ledger_lead_us BIGINT NULL,
            is_leaving BOOLEAN NOT NULL,
            is_revoked BOOLEAN NOT NULL,
            CONSTRAINT pk_ledger_lease PRIMARY KEY (holder)
        ) WITH (fillfactor = 20);

        -- How often it has been renewed, which its holder compares; and in which life of which server it was last.
        ALTER TABLE ledger_lease ADD COLUMN IF NOT EXISTS renewals BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE ledger_lease ADD COLUMN IF NOT EXISTS seen TEXT NULL;

        -- Which of them has a shard of the accounts.
        CREATE TABLE IF NOT EXISTS ledger_shard (
            shard TEXT COLLATE "C" NOT NULL,
            holder UUID NOT NULL,
            number BIGINT NOT NULL,
            CONSTRAINT pk_ledger_shard PRIMARY KEY (shard)
        );

        DO $$
        DECLARE
            lock_timeout_before TEXT := current_setting('lock_timeout');
        BEGIN
            IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'snapshot'::regclass AND attname = 'snapshot'
                AND attstorage <> 'e') THEN
                -- Most of it is ids and digests. To try to compress them would cost more than to store them. It is of
                -- use, and not needed, and comes last, since what is locked stays so to the end of the transaction.
                SET LOCAL lock_timeout = '2s';
                ALTER TABLE snapshot ALTER COLUMN snapshot SET STORAGE EXTERNAL;
                PERFORM set_config('lock_timeout', lock_timeout_before, true);
            END IF;
        EXCEPTION WHEN insufficient_privilege OR lock_not_available THEN
            RAISE NOTICE 'snapshot.snapshot is compressed in vain: %', SQLERRM;
        END $$;

        """;
}
