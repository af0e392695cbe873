-- Leases: who may end or change the ownership of a key just now, on upstreams whose deletes carry no condition.
-- A lease is a row that outlives the longest request made under it, never a session lock: a session ends when a replica or its
-- connection dies, while its request may still reach the upstream. One whose outcome is unknown is left to expire.
-- Locks: creates only.

CREATE TABLE sluice.leases (
  account text NOT NULL,
  bucket text NOT NULL,
  -- The upstream key.
  key text COLLATE "C" NOT NULL,
  holder uuid NOT NULL,
  shared boolean NOT NULL,
  -- True after a request whose outcome is unknown: until expiry others may only look.
  unknown boolean NOT NULL DEFAULT false,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account, bucket, key, holder)
);
CREATE INDEX leases_expiry ON sluice.leases (expires_at);

-- Takes the leases of all keys or, when another holder has one of them, none; one statement, so nothing is held while waiting and two
-- batches cannot wait for each other. Keys under a lease of unknown outcome are passed over and named. The clock is the
-- database's alone. Returns per key: held, lingers, busy (then nothing was taken) or free (nothing was taken for another key's sake).
--
-- Takers of one key are put in order by a lock on one of 64 stripes, given back at the end of the statement: enough for thousands of
-- short calls a second, and a batch of 1,000 keys does not fill the server's lock table. Stripes are locked in ascending order.
CREATE FUNCTION sluice.take_leases(
  in_account text, in_bucket text, in_keys jsonb, in_holder uuid, in_shared boolean, in_life_ms integer
) RETURNS TABLE (key text, state text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  keys text[];
  stripe integer;
  lingering text[];
  busy text[];
BEGIN
  keys := ARRAY(SELECT DISTINCT jsonb_array_elements_text(in_keys));
  FOR stripe IN
    SELECT DISTINCT (hashtextextended(in_account || '/' || in_bucket || '/' || wanted, 0) & 63)::integer FROM unnest(keys) AS wanted ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(1936486243, stripe);
  END LOOP;

  DELETE FROM sluice.leases AS old
  WHERE old.account = in_account AND old.bucket = in_bucket AND old.key = ANY (keys) AND old.expires_at <= clock_timestamp();

  SELECT coalesce(array_agg(DISTINCT other.key) FILTER (WHERE other.unknown), '{}'), coalesce(array_agg(DISTINCT other.key) FILTER (WHERE NOT other.unknown), '{}')
  INTO lingering, busy
  FROM sluice.leases AS other
  WHERE other.account = in_account AND other.bucket = in_bucket AND other.key = ANY (keys)
    AND other.holder <> in_holder AND NOT (other.shared AND in_shared);

  IF busy <> '{}' AND NOT busy <@ lingering THEN
    RETURN QUERY SELECT wanted,
      CASE WHEN wanted = ANY (lingering) THEN 'lingers' WHEN wanted = ANY (busy) THEN 'busy' ELSE 'free' END
      FROM unnest(keys) AS wanted;
    RETURN;
  END IF;

  INSERT INTO sluice.leases AS mine (account, bucket, key, holder, shared, expires_at)
  SELECT in_account, in_bucket, wanted, in_holder, in_shared, clock_timestamp() + make_interval(secs => in_life_ms / 1000.0)
  FROM unnest(keys) AS wanted WHERE wanted <> ALL (lingering)
  ON CONFLICT (account, bucket, key, holder) DO UPDATE SET expires_at = excluded.expires_at, shared = excluded.shared;

  RETURN QUERY SELECT wanted, CASE WHEN wanted = ANY (lingering) THEN 'lingers' ELSE 'held' END FROM unnest(keys) AS wanted;
END
$$;
REVOKE ALL ON FUNCTION sluice.take_leases(text, text, jsonb, uuid, boolean, integer) FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON sluice.leases TO sluice_runtime;
GRANT EXECUTE ON FUNCTION sluice.take_leases(text, text, jsonb, uuid, boolean, integer) TO sluice_runtime;
