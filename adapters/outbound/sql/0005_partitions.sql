-- A projection's positions, one for each partition of the clients. There is one partition until the
-- clients are divided among workers.

CREATE TABLE partitioning (
    partitions bigint NOT NULL CHECK (partitions BETWEEN 1 AND 1000)
);
INSERT INTO partitioning VALUES (1);

CREATE TABLE partition_positions (
    projection text   NOT NULL REFERENCES projection_positions ON DELETE CASCADE,
    partition  bigint NOT NULL,
    position   bigint NOT NULL,       -- everything of its clients up to here in the log is applied
    writes     bigint NOT NULL,       -- grows with every write: who knows an old one is late
    PRIMARY KEY (projection, partition)
) WITH (fillfactor = 20);             -- updated with every batch: keep that in the page

INSERT INTO partition_positions SELECT projection, 0, position, writes FROM projection_positions;

ALTER TABLE projection_positions DROP COLUMN position, DROP COLUMN writes;
ALTER TABLE projection_positions RENAME TO projections;
