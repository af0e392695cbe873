-- What was cut off before its time. Every replica holds the list in memory and asks it at each request; a change raises the version
-- that placement has too, in the same transaction, so that the one notification and the one poll tell of both.
-- Locks: creates only.

CREATE TABLE sluice.revocations (
  -- `key` is the access key id of a session or an access key.
  kind text NOT NULL CHECK (kind IN ('session', 'subject', 'pod', 'service-account', 'key')),
  -- Subjects are unique within their issuer only; '' for everything else.
  issuer text COLLATE "C" NOT NULL DEFAULT '',
  value text COLLATE "C" NOT NULL CHECK (value <> '' AND length(value) <= 512),
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 512),
  revoked_at timestamptz NOT NULL DEFAULT now(),
  -- After that the entry has no effect and is swept.
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (kind, issuer, value),
  CHECK ((kind = 'subject') = (issuer <> ''))
);
CREATE INDEX revocations_expiry ON sluice.revocations (expires_at);

CREATE TRIGGER revocations_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sluice.revocations
  FOR EACH STATEMENT EXECUTE FUNCTION sluice.placement_changed();

GRANT SELECT, INSERT, UPDATE, DELETE ON sluice.revocations TO sluice_runtime;
