-- Billing and commission runs: what was asked, how far it is, what came of it. What the clients were
-- billed is in the log; these rows only tell operators, and keep two runs from doing the same.

CREATE TABLE runs (
    run_id       text        PRIMARY KEY,
    number       bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,  -- in the order they were begun
    kind         text        NOT NULL CHECK (kind IN ('billing', 'commission')),
    month        date        NOT NULL CHECK (extract(day FROM month) = 1),
    run_on       date        NOT NULL,
    clients      text[],                   -- null: all
    received_at  timestamptz,              -- stated by an importer
    started_by   text        NOT NULL,     -- the sender who asked first
    state        text        NOT NULL
                 CHECK (state IN ('running', 'finished', 'interrupted', 'failed')),
    reason       text,                     -- why interrupted or failed, without data
    attempt      bigint      NOT NULL,     -- who works on an older one has been given up
    tally        jsonb       NOT NULL,     -- of this attempt
    started_at   timestamptz NOT NULL,
    attempted_at timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,     -- heartbeat
    finished_at  timestamptz
);

-- One at a time for a kind and month, also if two processes are asked at once.
CREATE UNIQUE INDEX runs_running_idx ON runs (kind, month) WHERE state = 'running';
CREATE INDEX runs_month_idx ON runs (kind, month, number);

CREATE TABLE run_keys (
    started_by   text  NOT NULL,           -- owns the key
    key          text  NOT NULL,
    content_hash bytea NOT NULL,
    run_id       text  NOT NULL REFERENCES runs,
    PRIMARY KEY (started_by, key)
);
