-- What the projections' own tables reflect. Those tables are not made here: each projection's are
-- derived from its declaration, in a schema named after it, and made anew when it changes.

CREATE TABLE projection_positions (
    projection  text   PRIMARY KEY,
    position    bigint NOT NULL,              -- everything up to here in the log is applied
    writes      bigint NOT NULL,              -- grows with every write: who knows an old one is late
    fingerprint text   NOT NULL               -- of the declaration the tables were made for
) WITH (fillfactor = 20);                     -- updated with every batch: keep that in the page

CREATE TABLE parked_clients (
    projection      text        NOT NULL REFERENCES projection_positions ON DELETE CASCADE,
    client_id       text        NOT NULL,
    position        bigint      NOT NULL,     -- of the event that could not be applied
    version         bigint      NOT NULL,     -- its place in the client's history
    error           text        NOT NULL,     -- exception class and place in the code, no data
    parked_at       timestamptz NOT NULL,
    attempts        bigint      NOT NULL,
    retry_requested boolean     NOT NULL,
    PRIMARY KEY (projection, client_id)
);
