-- How far the log has been passed on to a topic, and which relay may do it.

CREATE TABLE relay (
    topic       text        PRIMARY KEY,
    incarnation text,                     -- the topic's own id at the broker: made anew, it has another
    position    bigint      NOT NULL,     -- everything up to here in the log is in the topic
    holder      text,                     -- the relay that has the lease; null: it was given back
    lease_until timestamptz NOT NULL      -- by this database's clock; after it another may take over
) WITH (fillfactor = 20);                 -- updated with every batch: keep that in the page
