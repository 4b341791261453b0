-- Which clients a producer ever served, by the histories: asked as of earlier moments, when the
-- book of business of today no longer says so. Few events are assignments; the append of others
-- does not touch this index.

CREATE INDEX stored_events_agents_of_record_idx ON stored_events (originator_id)
WHERE topic LIKE 'agent_of_record_assigned.%';
