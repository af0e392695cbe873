-- Where tenants live: dedicated assignments, recorded tenants, and the layout of the shared account.
-- A version, raised in the same transaction as each change, and a notification tell every replica to read again. The notification
-- is only a hint (anyone who can connect may send one); what counts is what the replica then reads.
-- Locks: creates only; nothing existing is touched.

CREATE TABLE sluice.snapshot (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL DEFAULT 0
);
INSERT INTO sluice.snapshot DEFAULT VALUES;

CREATE TABLE sluice.assignments (
  tenant text COLLATE "C" PRIMARY KEY CHECK (tenant ~ '^[a-z0-9.-]{3,63}$'),
  account text NOT NULL CHECK (account <> ''),
  bucket text NOT NULL CHECK (bucket <> ''),
  -- Keys are `<tenant>/<key>` everywhere, so that data can move by plain copy; '' is for an adopted bucket with a sole tenant.
  key_prefix text NOT NULL CHECK (key_prefix IN ('', tenant || '/')),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX assignments_place ON sluice.assignments (account, bucket);
-- An empty prefix reaches every key of the bucket, so no second tenant may adopt it. A tenant with a prefix beside it is refused by `assign`.
CREATE UNIQUE INDEX assignments_adopted ON sluice.assignments (account, bucket) WHERE key_prefix = '';

CREATE TABLE sluice.tenants (
  tenant text COLLATE "C" PRIMARY KEY CHECK (tenant ~ '^[a-z0-9.-]{3,63}$'),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- One row, written by the first server that starts. A server whose configuration differs refuses to start: it would orphan data.
CREATE TABLE sluice.layout (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  account text NOT NULL,
  spread smallint NOT NULL CHECK (spread IN (0, 1, 2)),
  template text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

-- As its owner, so that the runtime role can raise the version only by changing placement. The update of the one row also puts
-- concurrent changes in order, so a version is never visible before the change it stands for.
CREATE FUNCTION sluice.placement_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  raised bigint;
BEGIN
  UPDATE sluice.snapshot SET version = version + 1 RETURNING version INTO raised;
  PERFORM pg_notify('sluice_changes', TG_TABLE_NAME || ' ' || raised);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION sluice.placement_changed() FROM PUBLIC;

CREATE TRIGGER assignments_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sluice.assignments
  FOR EACH STATEMENT EXECUTE FUNCTION sluice.placement_changed();
CREATE TRIGGER tenants_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sluice.tenants
  FOR EACH STATEMENT EXECUTE FUNCTION sluice.placement_changed();

-- Gives a tenant a place if its place is still the one named as before, and if no tenant could then see another's keys. A function, so that
-- it is one statement: assignments are rare, and one at a time keeps what was looked at true until the commit.
CREATE FUNCTION sluice.give_place(
  in_tenant text, in_account text, in_bucket text, in_prefix text, before_account text, before_bucket text, before_prefix text
) RETURNS TABLE (outcome text, other text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  place sluice.assignments;
  neighbor sluice.assignments;
BEGIN
  PERFORM pg_advisory_xact_lock(1936486243, -1);
  SELECT * INTO place FROM sluice.assignments AS known WHERE known.tenant = in_tenant;
  IF place.account = in_account AND place.bucket = in_bucket AND place.key_prefix = in_prefix THEN
    RETURN QUERY SELECT 'unchanged', NULL;
    RETURN;
  END IF;
  IF (place.account, place.bucket, place.key_prefix) IS DISTINCT FROM (before_account, before_bucket, before_prefix) THEN
    RETURN QUERY SELECT 'moved', NULL;
    RETURN;
  END IF;
  SELECT * INTO neighbor FROM sluice.assignments AS beside
  WHERE beside.account = in_account AND beside.bucket = in_bucket AND beside.tenant <> in_tenant AND (beside.key_prefix = '' OR in_prefix = '')
  LIMIT 1;
  IF FOUND THEN
    RETURN QUERY SELECT CASE WHEN neighbor.key_prefix = '' THEN 'adopted' ELSE 'holds' END, neighbor.tenant;
    RETURN;
  END IF;
  INSERT INTO sluice.assignments AS mine (tenant, account, bucket, key_prefix) VALUES (in_tenant, in_account, in_bucket, in_prefix)
  ON CONFLICT (tenant) DO UPDATE SET account = excluded.account, bucket = excluded.bucket, key_prefix = excluded.key_prefix;
  RETURN QUERY SELECT 'assigned', NULL;
END
$$;
REVOKE ALL ON FUNCTION sluice.give_place(text, text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sluice.give_place(text, text, text, text, text, text, text) TO sluice_runtime;

GRANT SELECT ON sluice.snapshot, sluice.schema_migrations TO sluice_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON sluice.assignments TO sluice_runtime;
GRANT SELECT, INSERT, DELETE ON sluice.tenants TO sluice_runtime;
GRANT SELECT, INSERT ON sluice.layout TO sluice_runtime;
