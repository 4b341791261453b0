-- The log: the eventsourcing library's table of stored events with a recorded instant, receipts
-- beside it, snapshots behind it.

CREATE TABLE stored_events (
    originator_id      text        NOT NULL,  -- client id
    originator_version bigint      NOT NULL,  -- place in the client's history, 1..n
    topic              text        NOT NULL,  -- stable name and version of the event
    state              bytea       NOT NULL,  -- JSON: cause and data
    notification_id    bigint      NOT NULL,  -- position in the log, 1..n without gaps
    recorded_at        timestamptz NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
) WITH (
    autovacuum_vacuum_threshold = 100000000,
    autovacuum_vacuum_scale_factor = 0.5,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01
);

CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id ASC);

CREATE TABLE receipts (
    transaction_id text        PRIMARY KEY,  -- derived from sender and key
    sender         text        NOT NULL,
    key            text        NOT NULL,
    client_id      text        NOT NULL,
    content_hash   bytea       NOT NULL,
    body           bytea       NOT NULL,     -- what every repeat is answered, byte for byte
    recorded_at    timestamptz NOT NULL
);

CREATE TABLE snapshots (
    client_id text   NOT NULL,
    version   bigint NOT NULL,
    form      text   NOT NULL,               -- fingerprint of the state's declaration
    state     bytea  NOT NULL,
    PRIMARY KEY (client_id, version)
);

-- Appends events and receipts in one statement, which is one round trip and one commit.
--
-- The EXCLUSIVE lock is the eventsourcing library's own: it makes the order of positions the order
-- of commits, so that who follows the log by position misses nothing. Positions are counted under
-- it, from the newest one, so there are no gaps.
--
-- relied_*: clients on whose version a decision without events rests; like a taken version or a
-- known transaction id, a newer version is a unique_violation, and nothing is stored.
CREATE FUNCTION append_to_log(
    recorded timestamptz,
    client_ids text[], versions bigint[], topics text[], states bytea[],
    relied_ids text[], relied_versions bigint[],
    transaction_ids text[], senders text[], keys text[], receipt_clients text[], hashes bytea[],
    heads bytea[], event_indexes bigint[], receipt_positions bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    newest bigint;
BEGIN
    LOCK TABLE stored_events IN EXCLUSIVE MODE;
    IF cardinality(relied_ids) > 0 AND EXISTS (
        SELECT FROM unnest(relied_ids, relied_versions) AS relied (id, version)
        JOIN stored_events e ON e.originator_id = relied.id
                            AND e.originator_version = relied.version + 1
    ) THEN
        RAISE unique_violation;
    END IF;
    SELECT coalesce(max(notification_id), 0) INTO newest FROM stored_events;

    INSERT INTO stored_events
        (originator_id, originator_version, topic, state, notification_id, recorded_at)
    SELECT e.id, e.version, e.topic, e.state, newest + e.place, recorded
    FROM unnest(client_ids, versions, topics, states)
        WITH ORDINALITY AS e (id, version, topic, state, place);

    INSERT INTO receipts
        (transaction_id, sender, key, client_id, content_hash, body, recorded_at)
    SELECT r.id, r.sender, r.key, r.client_id, r.hash,
           r.head || convert_to(
               ',"position":' || coalesce(newest + r.event_index, r.position) || '}', 'UTF8'),
           recorded
    FROM unnest(transaction_ids, senders, keys, receipt_clients, hashes, heads, event_indexes,
                receipt_positions)
        AS r (id, sender, key, client_id, hash, head, event_index, position);

    PERFORM pg_notify('stored_events', (newest + cardinality(client_ids))::text);
    RETURN newest + 1;
END
$$;
