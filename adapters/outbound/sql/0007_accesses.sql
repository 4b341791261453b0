-- Who read whose personal data, when, and for which producer: 45 CFR 164.312(b). Ids and codes only.
--
-- Append-only. They are kept for six years (45 CFR 164.316); should older ones ever have to go, the
-- table's owner deletes them, in one transaction:
--     ALTER TABLE accesses DISABLE TRIGGER accesses_append_only;
--     DELETE FROM accesses WHERE at < now() - interval '6 years';
--     ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_append_only;

CREATE TABLE accesses (
    number         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorder       text        NOT NULL,  -- the process that recorded it, and as its how manieth:
    serial         bigint      NOT NULL,  -- what is sent again is there once, what is missing shows
    at             timestamptz NOT NULL,
    how            text        NOT NULL CHECK (how IN ('http', 'cli')),
    key_id         text,                  -- null on the command line
    sender         text        NOT NULL,  -- the key's; on the command line the user of the system
    role           text        NOT NULL,
    producer_id    text,                  -- for whom a portal read
    read           text        NOT NULL,  -- what: the operation's name
    outcome        text        NOT NULL CHECK (outcome IN ('shown', 'not_found', 'not_permitted')),
    client_ids     text[]      NOT NULL,  -- each client shown or asked for; a page names many
    member_id      text,                  -- if one was asked for
    payee_id       text,                  -- likewise
    correlation_id text,                  -- the reader's own name for a task
    times          bigint      NOT NULL CHECK (times > 0),  -- more than 1: attempts beyond counting
    UNIQUE (recorder, serial)
);

CREATE INDEX accesses_at_idx ON accesses (at, number);
CREATE INDEX accesses_sender_idx ON accesses (sender, at, number);
CREATE INDEX accesses_producer_idx ON accesses (producer_id, at, number)
    WHERE producer_id IS NOT NULL;
CREATE INDEX accesses_clients_idx ON accesses USING gin (client_ids);

CREATE FUNCTION refuse_to_change_accesses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'accesses are append-only' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER accesses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accesses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_accesses();
ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_append_only;  -- in replicas' sessions too
