import { REVOCATION_KINDS, type Revocation } from '../identity/revocations.ts'
import type { Run } from './connect.ts'

interface Row {
  readonly kind: string
  readonly issuer: string
  readonly value: string
  readonly reason: string
  readonly expires_at: Date
}

/** Every entry that still has an effect, newest first. */
export async function loadRevocations(run: Run): Promise<readonly Revocation[]> {
  const rows = await run<readonly Row[]>`
    SELECT kind, issuer, value, reason, expires_at FROM sluice.revocations WHERE expires_at > now() ORDER BY revoked_at DESC`
  return rows.map(({ kind, issuer, value, reason, expires_at: expiresAt }) => {
    const known = REVOCATION_KINDS.find((candidate) => candidate === kind)
    if (known === undefined) throw new Error(`sluice.revocations holds the kind ${kind}, which this release does not know`)
    return { kind: known, issuer, value, reason, expiresAt }
  })
}

/** Cuts something off, or changes until when and why it is. */
export async function addRevocation(run: Run, { kind, issuer, value, reason, expiresAt }: Revocation): Promise<void> {
  await run`INSERT INTO sluice.revocations (kind, issuer, value, reason, expires_at) VALUES (${kind}, ${issuer}, ${value}, ${reason}, ${expiresAt})
    ON CONFLICT (kind, issuer, value) DO UPDATE SET reason = excluded.reason, expires_at = excluded.expires_at, revoked_at = now()`
}

/** Lets something in again. False when it was not cut off. */
export async function liftRevocation(run: Run, { kind, issuer, value }: Pick<Revocation, 'kind' | 'issuer' | 'value'>): Promise<boolean> {
  const rows = await run`DELETE FROM sluice.revocations WHERE kind = ${kind} AND issuer = ${issuer} AND value = ${value} RETURNING value`
  return rows.length > 0
}

/** Takes away what has no effect any more. */
export async function sweepRevocations(run: Run): Promise<void> {
  await run`DELETE FROM sluice.revocations WHERE expires_at <= now()`
}
