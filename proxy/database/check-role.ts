import type { Run } from './connect.ts'

/**
 * What is wrong with the login the server uses, one sentence each; nothing when it may serve. A server that could change the schema
 * would turn any injected statement into a change of the rules.
 */
export async function roleProblems(run: Run): Promise<readonly string[]> {
  const [row] = await run<{ login: string; superuser: boolean; owner: boolean; creates: boolean; runtime: boolean }[]>`
    SELECT current_user AS login,
      coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false) AS superuser,
      EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_owner' AND pg_has_role(current_user, oid, 'MEMBER'))
        OR EXISTS (SELECT FROM pg_namespace WHERE nspname = 'sluice' AND pg_has_role(current_user, nspowner, 'MEMBER')) AS owner,
      EXISTS (SELECT FROM pg_namespace WHERE nspname = 'sluice' AND has_schema_privilege(oid, 'CREATE')) AS creates,
      EXISTS (SELECT FROM pg_namespace WHERE nspname = 'sluice' AND has_schema_privilege(oid, 'USAGE')) AS runtime`
  if (row === undefined) return ['Postgres did not say who is logged in']
  // A superuser is a member of everything and may do everything: one sentence is enough.
  if (row.superuser) return [`${row.login} is a superuser: use a login that is granted sluice_runtime only`]
  const problems: string[] = []
  if (row.owner)
    problems.push(`${row.login} is a member of the role that owns schema sluice: use a login that is granted sluice_runtime only`)
  else if (row.creates) problems.push(`${row.login} may create objects in schema sluice: REVOKE CREATE ON SCHEMA sluice FROM it`)
  if (!row.runtime)
    problems.push(`${row.login} may not use schema sluice: run \`sluice migrate\`, then GRANT sluice_runtime TO ${row.login}`)
  return problems
}
