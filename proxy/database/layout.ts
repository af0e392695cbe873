import type { SharedLayout, Spread } from '../tenants/placement.ts'
import type { Run } from './connect.ts'

/** The shared layout of the configuration is not the recorded one. Serving would look for data where it is not. */
export class LayoutChanged extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LayoutChanged'
  }
}

/** The recorded layout; null before the first server with a shared account started. */
export async function readLayout(run: Run): Promise<SharedLayout | null> {
  const [row] = await run<{ account: string; spread: number; template: string }[]>`SELECT account, spread, template FROM sluice.layout`
  return row === undefined ? null : { account: row.account, spread: row.spread as Spread, template: row.template }
}

/** Records the layout of the first start and refuses any other from then on. Replicas that start together agree on one. */
export async function recordLayout(run: Run, configured: SharedLayout | null): Promise<void> {
  if (configured !== null) {
    await run`INSERT INTO sluice.layout (account, spread, template)
      VALUES (${configured.account}, ${configured.spread}, ${configured.template}) ON CONFLICT DO NOTHING`
  }
  const recorded = await readLayout(run)
  if (recorded === null) return
  if (configured === null) throw new LayoutChanged(`shared tenants live in account ${recorded.account}, but no account is marked shared`)
  const changes = (['account', 'spread', 'template'] as const).flatMap((name) =>
    recorded[name] === configured[name] ? [] : [`${name} was ${recorded[name]} and is configured as ${configured[name]}`]
  )
  if (changes.length > 0)
    throw new LayoutChanged(`the layout of the shared account has changed, which would orphan its data: ${changes.join('; ')}`)
}
