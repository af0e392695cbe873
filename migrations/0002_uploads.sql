-- The ledger of open multipart uploads, written behind the requests. It serves ListMultipartUploads with the caller's own uploads
-- and the job that aborts stale ones; no decision about an object is taken from it.
-- Locks: creates only.

CREATE TABLE sluice.uploads (
  account text NOT NULL,
  bucket text NOT NULL,
  -- The upstream's own id; what the client holds is sealed from it.
  upload_id text COLLATE "C" NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  -- The tenant's key, without prefix. Sorted as S3 sorts: by the bytes of UTF-8.
  key text COLLATE "C" NOT NULL,
  owner text NOT NULL,
  nonce text NOT NULL,
  created_at timestamptz NOT NULL,
  -- `aborting`: a job gives the upload up; the row stays until the upstream has confirmed.
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'aborting')),
  PRIMARY KEY (account, bucket, upload_id)
);
CREATE INDEX uploads_list ON sluice.uploads (tenant, owner, key);
CREATE INDEX uploads_age ON sluice.uploads (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON sluice.uploads TO sluice_runtime;
