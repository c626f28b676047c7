namespace Ledger.Benchmarks.Peers;

/// <summary>A ledger as it is usually built on PostgreSQL, without a mistake that would make it slow: a row for each
/// account with its balances, rows locked in order, entries with the balance after them, ids that are posted
/// once.</summary>
internal static class PlainSql
{
    public const string Script = """
        CREATE TABLE plain_account (
            id TEXT COLLATE "C" PRIMARY KEY,
            is_limited BOOLEAN NOT NULL,
            debits BIGINT NOT NULL DEFAULT 0,
            credits BIGINT NOT NULL DEFAULT 0,
            entries BIGINT NOT NULL DEFAULT 0
        ) WITH (fillfactor = 50);
        CREATE TABLE plain_transfer (
            id UUID PRIMARY KEY,
            debit_account TEXT COLLATE "C" NOT NULL,
            credit_account TEXT COLLATE "C" NOT NULL,
            amount BIGINT NOT NULL CHECK (amount > 0),
            code INTEGER NOT NULL,
            created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
        );
        CREATE TABLE plain_entry (
            account TEXT COLLATE "C" NOT NULL,
            number BIGINT NOT NULL,
            transfer UUID NOT NULL,
            amount BIGINT NOT NULL,
            balance BIGINT NOT NULL,
            PRIMARY KEY (account, number)
        );

        -- One transfer: whether it is posted, now or before.
        CREATE FUNCTION plain_post(t UUID, debit TEXT, credit TEXT, value BIGINT, reason INTEGER) RETURNS BOOLEAN
            LANGUAGE plpgsql AS $$
        DECLARE
            payer plain_account;
            payee plain_account;
        BEGIN
            PERFORM FROM plain_account WHERE id IN (debit, credit) ORDER BY id FOR NO KEY UPDATE;
            INSERT INTO plain_transfer (id, debit_account, credit_account, amount, code)
                VALUES (t, debit, credit, value, reason) ON CONFLICT (id) DO NOTHING;
            IF NOT FOUND THEN
                RETURN TRUE;
            END IF;
            UPDATE plain_account SET debits = debits + value, entries = entries + 1
                WHERE id = debit AND (NOT is_limited OR debits + value <= credits) RETURNING * INTO payer;
            IF NOT FOUND THEN
                DELETE FROM plain_transfer WHERE id = t;
                RETURN FALSE;
            END IF;
            UPDATE plain_account SET credits = credits + value, entries = entries + 1 WHERE id = credit
                RETURNING * INTO payee;
            INSERT INTO plain_entry (account, number, transfer, amount, balance) VALUES
                (debit, payer.entries, t, -value, payer.credits - payer.debits),
                (credit, payee.entries, t, value, payee.credits - payee.debits);
            RETURN TRUE;
        END $$;

        -- Many, each for itself, in one transaction: the accounts are locked and read once, and written once.
        CREATE FUNCTION plain_post_many(ids UUID[], debits_of TEXT[], credits_of TEXT[], amounts BIGINT[])
            RETURNS INTEGER
        LANGUAGE plpgsql AS $$
        DECLARE
            accounts TEXT[];
            place JSONB;
            limited BOOLEAN[];
            debit_sums BIGINT[];
            credit_sums BIGINT[];
            numbers BIGINT[];
            posted UUID[] := '{}';
            e_account TEXT[] := '{}';
            e_number BIGINT[] := '{}';
            e_transfer UUID[] := '{}';
            e_amount BIGINT[] := '{}';
            e_balance BIGINT[] := '{}';
            known UUID[];
            d INTEGER;
            c INTEGER;
            count INTEGER := 0;
            e INTEGER := 0;
        BEGIN
            SELECT array_agg(a.id), array_agg(a.is_limited), array_agg(a.debits), array_agg(a.credits),
                array_agg(a.entries)
                INTO accounts, limited, debit_sums, credit_sums, numbers
                FROM (SELECT * FROM plain_account WHERE id = ANY (debits_of || credits_of)
                    ORDER BY id FOR NO KEY UPDATE) a;
            SELECT jsonb_object_agg(x.id, x.at) INTO place FROM unnest(accounts) WITH ORDINALITY AS x (id, at);
            SELECT coalesce(array_agg(id), '{}') INTO known FROM plain_transfer WHERE id = ANY (ids);
            FOR i IN 1 .. array_length(ids, 1) LOOP
                IF cardinality(known) > 0 AND ids[i] = ANY (known) THEN
                    count := count + 1;
                    CONTINUE;
                END IF;
                d := (place ->> debits_of[i])::integer;
                c := (place ->> credits_of[i])::integer;
                CONTINUE WHEN limited[d] AND debit_sums[d] + amounts[i] > credit_sums[d];
                debit_sums[d] := debit_sums[d] + amounts[i];
                credit_sums[c] := credit_sums[c] + amounts[i];
                numbers[d] := numbers[d] + 1;
                numbers[c] := numbers[c] + 1;
                -- In place: an array that is concatenated is copied.
                posted[cardinality(posted) + 1] := ids[i];
                e := e + 2;
                e_account[e - 1] := debits_of[i];
                e_account[e] := credits_of[i];
                e_number[e - 1] := numbers[d];
                e_number[e] := numbers[c];
                e_transfer[e - 1] := ids[i];
                e_transfer[e] := ids[i];
                e_amount[e - 1] := -amounts[i];
                e_amount[e] := amounts[i];
                e_balance[e - 1] := credit_sums[d] - debit_sums[d];
                e_balance[e] := credit_sums[c] - debit_sums[c];
                count := count + 1;
            END LOOP;
            INSERT INTO plain_transfer (id, debit_account, credit_account, amount, code)
                SELECT r.id, r.debit, r.credit, r.amount, 1
                FROM unnest(ids, debits_of, credits_of, amounts) AS r (id, debit, credit, amount)
                JOIN unnest(posted) AS p (id) ON p.id = r.id;
            INSERT INTO plain_entry (account, number, transfer, amount, balance)
                SELECT * FROM unnest(e_account, e_number, e_transfer, e_amount, e_balance);
            UPDATE plain_account a SET debits = n.debits, credits = n.credits, entries = n.entries
                FROM unnest(accounts, debit_sums, credit_sums, numbers) AS n (id, debits, credits, entries)
                WHERE a.id = n.id AND a.entries <> n.entries;
            RETURN count;
        END $$;
        """;

    public const string PostSql = "SELECT plain_post($1, $2, $3, $4, $5)";

    public const string PostManySql = "SELECT plain_post_many($1, $2, $3, $4)";
}
