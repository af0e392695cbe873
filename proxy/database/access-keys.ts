import { serviceAccountOf, type AccessKey } from '../identity/access-keys.ts'
import type { Run } from './connect.ts'

interface Row {
  readonly access_key_id: string
  readonly issuer: string
  readonly subject: string
  readonly tenants: readonly string[]
  readonly note: string
  readonly created_at: Date
  readonly expires_at: Date
  readonly revoked_at: Date | null
}

export interface ListedAccessKey extends AccessKey {
  readonly note: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

export interface NewAccessKey {
  readonly accessKeyId: string
  /** The sealing key that the secret is derived with. */
  readonly kid: string
  readonly issuer: string
  readonly subject: string
  readonly tenants: readonly string[]
  readonly note: string
  readonly expiresAt: Date
}

/** The keys that are not revoked; which of them have expired is asked at each use. */
export async function loadAccessKeys(run: Run): Promise<readonly AccessKey[]> {
  return (await listAccessKeys(run)).filter(({ revokedAt }) => revokedAt === null)
}

/** Every key there ever was, newest first. */
export async function listAccessKeys(run: Run): Promise<readonly ListedAccessKey[]> {
  const rows = await run<readonly Row[]>`
    SELECT access_key_id, issuer, subject, tenants, note, created_at, expires_at, revoked_at FROM sluice.access_keys ORDER BY created_at DESC`
  return rows.map((row) => {
    const account = serviceAccountOf(row.subject)
    if (account === null) throw new Error(`access key ${row.access_key_id} belongs to ${row.subject}, which is no service account`)
    return {
      ...account,
      ...{ accessKeyId: row.access_key_id, issuer: row.issuer, subject: row.subject, tenants: row.tenants, note: row.note },
      ...{ createdAt: row.created_at, expiresAt: row.expires_at, revokedAt: row.revoked_at }
    }
  })
}

/** Records a key that was made. */
export async function insertAccessKey(run: Run, key: NewAccessKey): Promise<void> {
  await run`INSERT INTO sluice.access_keys (access_key_id, kid, issuer, subject, tenants, note, expires_at)
    VALUES (${key.accessKeyId}, ${key.kid}, ${key.issuer}, ${key.subject}, ${JSON.stringify(key.tenants)}::text::jsonb, ${key.note}, ${key.expiresAt})`
}

/** Ends a key. False when there is none of that id that had not ended before. */
export async function revokeAccessKey(run: Run, accessKeyId: string): Promise<boolean> {
  const rows = await run`UPDATE sluice.access_keys SET revoked_at = now()
    WHERE access_key_id = ${accessKeyId} AND revoked_at IS NULL RETURNING access_key_id`
  return rows.length > 0
}
