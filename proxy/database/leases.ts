import type { Run } from './connect.ts'

export interface LeaseOptions {
  readonly run: Run
  /** Milliseconds that taking may last in all, waiting for other holders included. */
  readonly waitMs: number
  /** Milliseconds between two attempts while another holder has a key; up to half is added at random. */
  readonly retryMs: number
  /** A clock that never jumps: what is left of a lease decides whether a request may still go out. */
  elapsedMs(): number
  /** A new UUID. */
  newId(): string
  /** A number from 0 up to 1. */
  random(): number
  sleep(ms: number): Promise<void>
  onFault(what: string, error: unknown): void
}

export interface LeaseRequest {
  readonly account: string
  readonly bucket: string
  /** Upstream keys; taken together or not at all. */
  readonly keys: readonly string[]
  /** Shared leases go together; an exclusive one goes with none. */
  readonly shared: boolean
  /** Longer than the longest request made under it, by a margin. */
  readonly lifeMs: number
}

/** Leases that were taken together. */
export interface TakenLeases {
  /** `lingers`: a request of unknown outcome may still take effect on this key, and nothing was taken: only look. */
  stateOf(key: string): 'held' | 'lingers'
  /** Milliseconds the held leases have at least, by this process's own clock; ask right before an effect. */
  left(): number
  /** Lengthens what is still held. False when a lease was lost or Postgres did not answer. */
  extend(lifeMs: number): Promise<boolean>
  /** Gives back, all or the named keys. Never rejects: what cannot be given back expires. */
  release(keys?: readonly string[]): Promise<void>
  /** Leaves to expire, after an outcome that is unknown; others then only look. Never rejects. */
  leave(keys?: readonly string[]): Promise<void>
}

export interface Leases {
  /** Null when Postgres does not answer or other holders did not give way in time: nothing is held, answer 503. */
  take(request: LeaseRequest): Promise<TakenLeases | null>
  /** Removes rows that expired unused; returns how many. */
  sweep(): Promise<number>
}

type KeyState = 'held' | 'lingers' | 'busy' | 'free'

/** Leases in rows of Postgres: they outlive sessions, replicas and requests. */
export function createLeases(options: LeaseOptions): Leases {
  return {
    take: (request) => take(options, request),
    sweep: async () => {
      const rows = await options.run`DELETE FROM sluice.leases WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM sluice.leases WHERE expires_at <= clock_timestamp() LIMIT 1000)) RETURNING 1`
      return rows.length
    }
  }
}

async function take(options: LeaseOptions, request: LeaseRequest): Promise<TakenLeases | null> {
  const holder = options.newId()
  const deadline = options.elapsedMs() + options.waitMs
  for (;;) {
    // Counted from before the statement leaves, so that this process always believes the lease to end before Postgres does.
    const takenAt = options.elapsedMs()
    const states = await tryTake(options, { ...request, holder, deadline })
    if (states === null) return null
    if (![...states.values()].includes('busy')) return takenLeases(options, { ...request, holder, takenAt, states })
    const pause = options.retryMs * (1 + options.random() / 2)
    if (options.elapsedMs() + pause >= deadline) return null
    await options.sleep(pause)
  }
}

interface Attempt extends LeaseRequest {
  readonly holder: string
  readonly deadline: number
}

async function tryTake(options: LeaseOptions, attempt: Attempt): Promise<ReadonlyMap<string, KeyState> | null> {
  const statement = options.run<{ key: string; state: KeyState }[]>`SELECT key, state FROM sluice.take_leases(
    ${attempt.account}, ${attempt.bucket}, ${JSON.stringify(attempt.keys)}::text::jsonb, ${attempt.holder}::uuid, ${attempt.shared}, ${attempt.lifeMs}::integer)`
  const late = Symbol('late')
  try {
    const rows = await Promise.race([statement, options.sleep(Math.max(0, attempt.deadline - options.elapsedMs())).then(() => late)])
    if (Array.isArray(rows)) return new Map(rows.map(({ key, state }) => [key, state]))
    options.onFault('taking a lease', new Error('Postgres did not answer in time'))
    // It may still be taken when nobody waits any more.
    void statement.then(
      () => giveBack(options, attempt, attempt.keys),
      () => undefined
    )
  } catch (error) {
    // The connection may have broken after the rows were written.
    options.onFault('taking a lease', error)
    void giveBack(options, attempt, attempt.keys)
  }
  return null
}

interface Held {
  readonly account: string
  readonly bucket: string
  readonly holder: string
}

function takenLeases(
  options: LeaseOptions,
  taken: LeaseRequest & { holder: string; takenAt: number; states: ReadonlyMap<string, KeyState> }
): TakenLeases {
  const held = new Set([...taken.states].filter(([, state]) => state === 'held').map(([key]) => key))
  let endsAt = taken.takenAt + taken.lifeMs
  const drop = (keys: readonly string[] | undefined): readonly string[] => (keys ?? [...held]).filter((key) => held.delete(key))
  return {
    stateOf: (key) => (taken.states.get(key) === 'held' ? 'held' : 'lingers'),
    left: () => endsAt - options.elapsedMs(),
    extend: async (lifeMs) => {
      const startedAt = options.elapsedMs()
      try {
        const rows = await options.run`UPDATE sluice.leases SET expires_at = clock_timestamp() + make_interval(secs => ${lifeMs / 1000})
          WHERE account = ${taken.account} AND bucket = ${taken.bucket} AND holder = ${taken.holder}::uuid AND NOT unknown AND expires_at > clock_timestamp()
          RETURNING 1`
        if (rows.length < held.size) return false
        endsAt = startedAt + lifeMs
        return true
      } catch (error) {
        options.onFault('extending a lease', error)
        return false
      }
    },
    release: (keys) => giveBack(options, taken, drop(keys)),
    leave: (keys) => markUnknown(options, taken, drop(keys))
  }
}

async function giveBack(options: LeaseOptions, { account, bucket, holder }: Held, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await persist(options, 'giving a lease back', () => {
    return options.run`DELETE FROM sluice.leases WHERE account = ${account} AND bucket = ${bucket} AND holder = ${holder}::uuid
      AND key IN (SELECT jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb))`
  })
}

async function markUnknown(options: LeaseOptions, { account, bucket, holder }: Held, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await persist(options, 'leaving a lease to expire', () => {
    return options.run`UPDATE sluice.leases SET unknown = true WHERE account = ${account} AND bucket = ${bucket} AND holder = ${holder}::uuid
      AND key IN (SELECT jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb))`
  })
}

/** Pauses double: with the 50 ms of a server some 13 seconds in all. */
const REPEATS_MAX = 8

/**
 * Resolves after the first attempt; one that failed is repeated behind the request. A lease that nobody gives back keeps deletes
 * of its key at 503 until it expires, which is minutes, though Postgres was away for a moment only.
 */
async function persist(options: LeaseOptions, what: string, statement: () => Promise<unknown>): Promise<void> {
  try {
    await statement()
  } catch (error) {
    options.onFault(what, error)
    void repeat(options, statement)
  }
}

async function repeat({ sleep, retryMs }: LeaseOptions, statement: () => Promise<unknown>): Promise<void> {
  for (let times = 0; times < REPEATS_MAX; times++) {
    await sleep(retryMs * 2 ** times)
    try {
      await statement()
      return
    } catch {
      // Told once. What is never written expires.
    }
  }
}
