-- Projections that are built anew, in tables beside those that serve, until they are switched. How
-- far each share of the streams is goes with the rows it has written, so that whoever goes on after
-- a crash doubles nothing.

CREATE TABLE rebuilds (
    projection  text        PRIMARY KEY,  -- whose tables they will be
    fingerprint text        NOT NULL,     -- of the declaration they are made for
    head        bigint      NOT NULL,     -- whole histories are folded up to here; then the log is followed
    state       text        NOT NULL CHECK (state IN ('filling', 'built', 'switched')),
    started_at  timestamptz NOT NULL,
    switched_at timestamptz
);

CREATE TABLE rebuild_shares (
    projection   text    NOT NULL REFERENCES rebuilds ON DELETE CASCADE,
    share        bigint  NOT NULL,
    after_stream text    NOT NULL,        -- its streams up to this one, in the log's order, are done
    streams      bigint  NOT NULL,
    events       bigint  NOT NULL,
    is_done      boolean NOT NULL,
    PRIMARY KEY (projection, share)
);
