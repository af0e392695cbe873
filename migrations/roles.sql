-- Run once per database by its administrator (`sluice migrate --create-roles` runs it, given such a login). Not a numbered
-- migration, because creating roles is a right the migrating login should not have.
--
-- Two groups without login. Grant them to logins of your own:
--   GRANT sluice_owner   TO <login of sluice migrate>;   -- may change the schema
--   GRANT sluice_runtime TO <login of sluice serve>;     -- may read and write rows, nothing else
-- The server refuses to start as a member of sluice_owner or as a superuser.
--
-- Locks: none that traffic would notice; safe to repeat.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sluice_owner') THEN
    CREATE ROLE sluice_owner NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sluice_runtime') THEN
    CREATE ROLE sluice_runtime NOLOGIN;
  END IF;
  -- An administrator who is not a superuser must belong to the group to give it a schema.
  IF NOT pg_catalog.pg_has_role(current_user, 'sluice_owner', 'MEMBER') THEN
    EXECUTE pg_catalog.format('GRANT sluice_owner TO %I', current_user);
  END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS sluice AUTHORIZATION sluice_owner;
GRANT USAGE ON SCHEMA sluice TO sluice_runtime;
