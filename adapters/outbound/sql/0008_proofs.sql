-- The tree of hashes over the log, and its signed checkpoints (processors/proving.py). Nothing of it
-- is made by the append: a prover follows the log.

CREATE TABLE tree_tiles (
    level  smallint NOT NULL,             -- 0: of leaves; each hash of another is a full tile below
    index  bigint   NOT NULL,
    hashes bytea    NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192
                                    AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, index)
);
ALTER TABLE tree_tiles ALTER hashes SET STORAGE EXTERNAL;   -- hashes cannot be compressed

CREATE TABLE checkpoints (
    size    bigint      PRIMARY KEY CHECK (size > 0),
    root    bytea       NOT NULL CHECK (octet_length(root) = 32),
    note    text        NOT NULL,         -- as it was signed
    made_at timestamptz NOT NULL
);
CREATE INDEX checkpoints_made_at_idx ON checkpoints (made_at);

-- Checkpoints stay as they are; of those older than a day the largest of each hour must stay. This
-- guards against mistakes, of this program and of people with a psql prompt. Against someone who may
-- drop a trigger, only the signatures help, and the checkpoints that are kept elsewhere.
CREATE FUNCTION keep_checkpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.made_at < now() - interval '1 day' AND EXISTS (
            SELECT FROM checkpoints
            WHERE size > OLD.size AND made_at >= OLD.made_at
              AND made_at < date_trunc('hour', OLD.made_at, 'UTC') + interval '1 hour'
        ) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'checkpoints are only added'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER keep_checkpoints BEFORE UPDATE OR DELETE ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION keep_checkpoints();
CREATE TRIGGER keep_all_checkpoints BEFORE TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION keep_checkpoints();
