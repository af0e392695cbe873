-- Access keys, for clients that can do nothing else, and when each sealing key was last used to seal. No secret is here: that of an
-- access key is derived from its id by the sealing key named beside it.
-- Locks: creates only.

CREATE TABLE sluice.access_keys (
  access_key_id text COLLATE "C" PRIMARY KEY CHECK (access_key_id ~ '^[A-Z0-9]{16,128}$'),
  -- The sealing key that the secret is derived with; it must stay in the ring while the key lives.
  kid text NOT NULL CHECK (kid ~ '^[0-9a-f]{8}$'),
  issuer text NOT NULL CHECK (issuer <> ''),
  subject text NOT NULL CHECK (subject <> ''),
  -- A JSON list of ids and patterns; they narrow the role's.
  tenants jsonb NOT NULL CHECK (jsonb_typeof(tenants) = 'array' AND tenants <> '[]'),
  note text NOT NULL DEFAULT '' CHECK (length(note) <= 512),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);

CREATE TRIGGER access_keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sluice.access_keys
  FOR EACH STATEMENT EXECUTE FUNCTION sluice.placement_changed();

-- Written by replicas while a key is the active one of their ring: what it has sealed must open until that has ended.
CREATE TABLE sluice.sealing_keys (
  kid text PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{8}$'),
  active_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON sluice.access_keys TO sluice_runtime;
GRANT SELECT, INSERT, UPDATE ON sluice.sealing_keys TO sluice_runtime;
