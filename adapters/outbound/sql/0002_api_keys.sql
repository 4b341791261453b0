-- Keys of the HTTP door. Only the SHA-256 of a key's secret is stored; a key is never deleted, so
-- that who sent what stays explained.

CREATE TABLE api_keys (
    key_id      text        PRIMARY KEY,
    secret_hash bytea       NOT NULL CHECK (octet_length(secret_hash) = 32),
    role        text        NOT NULL CHECK (role IN ('portal', 'carrier', 'auditor', 'operations')),
    sender      text        NOT NULL,   -- owns the idempotency keys; several keys may share it
    producer_id text,                   -- a portal key bound to one producer
    permissions text[]      NOT NULL,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    CHECK (producer_id IS NULL OR role = 'portal')
);
