import { CredentialsFault, sameCredentials, type CredentialSource, type CredentialsEvent, type UpstreamCredentials } from './credentials.ts'

/** Credentials as somebody gives them for a time; without `expiration` they do not end. */
export interface FetchedCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

export interface FetchedOptions {
  readonly account: string
  /** The tenant they are for; null where they are the account's own. */
  readonly tenant: string | null
  readonly fetch: () => Promise<FetchedCredentials>
  readonly now: () => Date
  /** From 0 up to 1. Replicas that started together must not ask together. */
  readonly random: () => number
  readonly onEvent: (event: CredentialsEvent) => void
}

interface Held {
  readonly credentials: UpstreamCredentials
  readonly loadedAtMs: number
  readonly refreshAtMs: number
  readonly endsAtMs: number
}

/** At 80 % of their life at the latest, and up to a tenth of it sooner. */
const REFRESH_LATEST = 0.8
const REFRESH_SPREAD = 0.1
/** What is about to end is not signed with: the request must arrive before. */
const END_MARGIN_MS = 5_000
const BACKOFF_MIN_MS = 1_000
const BACKOFF_MAX_MS = 30_000
/** Between two fetches that refusals ask for. */
const RENEW_MIN_MS = 10_000
/** Timers of Node take 32 bits. */
const TIMER_MAX_MS = 2_147_483_647

interface Failure {
  readonly count: number
  readonly retryAtMs: number
  readonly reason: string
}

/** Credentials that are fetched, and fetched anew before they end. Who has valid ones never waits for that. */
export function fetchedCredentials(options: FetchedOptions): CredentialSource {
  return new FetchedSource(options)
}

class FetchedSource implements CredentialSource {
  readonly #options: FetchedOptions
  #held: Held | null = null
  #fetching: Promise<UpstreamCredentials> | null = null
  #failure: Failure | null = null
  #timer: NodeJS.Timeout | null = null
  #follows = false

  constructor(options: FetchedOptions) {
    this.#options = options
  }

  get usable(): boolean {
    return this.#valid() !== null
  }

  take(): UpstreamCredentials | Promise<UpstreamCredentials> {
    const current = this.#valid()
    if (current === null) return this.#isPaused() ? Promise.reject(this.#fault(this.#failure?.reason ?? '')) : this.#refresh()
    if (this.#nowMs() >= current.refreshAtMs && !this.#isPaused()) this.#refresh().catch(() => undefined)
    return current.credentials
  }

  async renew(refused: UpstreamCredentials): Promise<boolean> {
    if (this.#differs(refused)) return true
    const isFresh = this.#held !== null && this.#nowMs() - this.#held.loadedAtMs < RENEW_MIN_MS
    if (isFresh || this.#isPaused()) return false
    await this.#refresh().catch(() => undefined)
    return this.#differs(refused)
  }

  start(): void {
    this.#follows = true
    this.#schedule(this.#held?.refreshAtMs ?? 0)
  }

  close(): void {
    this.#follows = false
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #nowMs(): number {
    return this.#options.now().getTime()
  }

  #valid(): Held | null {
    return this.#held !== null && this.#nowMs() < this.#held.endsAtMs - END_MARGIN_MS ? this.#held : null
  }

  #differs(refused: UpstreamCredentials): boolean {
    return this.#held !== null && !sameCredentials(this.#held.credentials, refused)
  }

  /** True between a failure and the next attempt. */
  #isPaused(): boolean {
    return this.#fetching === null && this.#failure !== null && this.#nowMs() < this.#failure.retryAtMs
  }

  #refresh(): Promise<UpstreamCredentials> {
    this.#fetching ??= this.#options
      .fetch()
      .then((fetched) => this.#keep(fetched))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#fetching = null
      })
    return this.#fetching
  }

  #keep(fetched: FetchedCredentials): UpstreamCredentials {
    const { account, tenant, random, onEvent } = this.#options
    this.#held = heldOf(fetched, this.#nowMs(), random())
    this.#failure = null
    this.#schedule(this.#held.refreshAtMs)
    onEvent({ account, tenant, result: 'loaded', reason: null, notAfter: fetched.expiration ?? null, repeated: false })
    return this.#held.credentials
  }

  #fail(error: unknown): never {
    const { account, tenant, onEvent } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    const count = (this.#failure?.count ?? 0) + 1
    const retryAtMs = this.#nowMs() + Math.min(BACKOFF_MIN_MS * 2 ** (count - 1), BACKOFF_MAX_MS)
    const repeated = this.#failure?.reason === reason
    this.#failure = { count, retryAtMs, reason }
    this.#schedule(retryAtMs)
    onEvent({ account, tenant, result: 'failed', reason, notAfter: null, repeated })
    throw this.#fault(reason, error)
  }

  #fault(reason: string, cause?: unknown): CredentialsFault {
    return new CredentialsFault(`account ${this.#options.account} has no valid credentials: ${reason}`, { cause })
  }

  #schedule(atMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (!this.#follows || atMs === Infinity) return
    const waitMs = Math.min(Math.max(atMs - this.#nowMs(), 0), TIMER_MAX_MS)
    this.#timer = setTimeout(() => void this.#refresh().catch(() => undefined), waitMs).unref()
  }
}

function heldOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: FetchedCredentials, nowMs: number, random: number): Held {
  const credentials = Object.freeze({ accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) })
  if (expiration === undefined) return { credentials, loadedAtMs: nowMs, refreshAtMs: Infinity, endsAtMs: Infinity }
  const endsAtMs = expiration.getTime()
  if (!(endsAtMs - END_MARGIN_MS > nowMs)) throw new Error(`what was given ended at ${expiration.toISOString()}`)
  const refreshAtMs = nowMs + (endsAtMs - nowMs) * (REFRESH_LATEST - REFRESH_SPREAD * random)
  return { credentials, loadedAtMs: nowMs, refreshAtMs, endsAtMs }
}
