import type { Run } from './connect.ts'

/** What still depends on a sealing key, one sentence each. */
export interface SealingUse {
  /** When a replica last said that it seals with the key; null when none ever did. */
  readonly activeAt: Date | null
  /** Access keys whose secret is derived with it, that are neither expired nor revoked. */
  readonly accessKeys: number
  /** Open uploads that began while the key may have sealed. */
  readonly uploads: number
}

/** Records that a key sealed at a moment; earlier moments never replace later ones. */
export async function recordSealing(run: Run, kid: string, at: Date): Promise<void> {
  await run`INSERT INTO sluice.sealing_keys AS known (kid, active_at) VALUES (${kid}, ${at})
    ON CONFLICT (kid) DO UPDATE SET active_at = greatest(known.active_at, excluded.active_at)`
}

/**
 * What depends on a key. An upload's id does not tell the ledger which key sealed it, and a listing seals ids anew with the key that is
 * active then, so every open upload that began before the key was last active counts; `graceMs` covers replicas that had not said so yet.
 */
export async function readSealingUse(run: Run, kid: string, graceMs: number): Promise<SealingUse> {
  const [row] = await run<readonly { active_at: Date | null; access_keys: number; uploads: number }[]>`
    WITH used AS (SELECT max(active_at) AS active_at FROM sluice.sealing_keys WHERE kid = ${kid})
    SELECT used.active_at,
      (SELECT count(*)::integer FROM sluice.access_keys AS keys
        WHERE keys.kid = ${kid} AND keys.revoked_at IS NULL AND keys.expires_at > now()) AS access_keys,
      (SELECT count(*)::integer FROM sluice.uploads AS uploads
        WHERE uploads.created_at <= used.active_at + make_interval(secs => ${graceMs / 1000}::double precision)) AS uploads
    FROM used`
  return { activeAt: row?.active_at ?? null, accessKeys: row?.access_keys ?? 0, uploads: row?.uploads ?? 0 }
}
