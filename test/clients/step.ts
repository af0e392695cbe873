import type { Test } from 'tap'
import type { Ability, Driver, Order, Outcome } from './driver.ts'

/** Where a step happens. */
export interface Scene {
  readonly t: Test
  /** The client as the service that makes the objects. */
  readonly mine: Driver
  /** The client as another service. */
  readonly other: Driver
  readonly bucket: string
  readonly can: (ability: Ability) => boolean
  /** How many objects many are, and how big a big one is: whole in one tenant, less in the other, whose way is the same. */
  readonly bulk: number
  readonly bigBytes: number
  /** True for a client so slow that a step does less of what is one way for the client. */
  readonly brief: boolean
  /** False where the upstream keeps objects in a file system, which has no empty names. */
  readonly emptySegments: boolean
}

/** What every client does. */
export interface Step {
  readonly title: string
  readonly needs?: Ability
  /** True: left out for a slow client, because other steps go the same way. */
  readonly notInBrief?: true
  run(scene: Scene): Promise<void>
}

/** The outcome of an order that must succeed. */
export async function done({ t }: Scene, driver: Driver, order: Order): Promise<Outcome> {
  const outcome = await driver.run(order)
  if (outcome.error !== undefined) t.fail(`${order.op} failed: ${outcome.error.code}`, { order: summaryOf(order), error: outcome.error })
  return outcome
}

/** Clients tell of a refusal by its code or, for HEAD, which has no body to read one from, by the status alone. */
const REFUSED: ReadonlySet<string> = new Set(['AccessDenied', '403', 'Forbidden'])

/** Whether an outcome is a refusal, and not another failure. */
export function isRefused({ error }: Outcome, op: Order['op']): boolean {
  return error !== undefined && (REFUSED.has(error.code) || (op === 'head' && error.status === 403))
}

/** An order that must be refused. */
export async function refused({ t }: Scene, driver: Driver, order: Order): Promise<void> {
  const outcome = await driver.run(order)
  t.ok(isRefused(outcome, order.op), `${order.op} is refused`, { order: summaryOf(order), error: outcome.error })
}

/** An order that must fail with one of the codes, by which clients name one thing. */
export async function failsWith({ t }: Scene, driver: Driver, order: Order, codes: readonly string[]): Promise<void> {
  const { error } = await driver.run(order)
  t.ok(error !== undefined && codes.some((code) => error.code === code || String(error.status) === code), `${order.op} is ${codes[0]}`, {
    error
  })
}

function summaryOf(order: Order): string {
  return JSON.stringify(order).slice(0, 300)
}
