import type { Sql } from './connect.ts'

export const CHANGES_CHANNEL = 'sluice_changes'

export interface FeedOptions<Snapshot extends { readonly version: string }> {
  /** Opens a pool of one, straight to the server: notifications are lost behind a pooler, without an error. */
  openListener(): Sql
  /** Reads everything that is kept in memory, and the version it has. */
  load(): Promise<Snapshot>
  /** Reads the version alone. */
  version(): Promise<string>
  /** Sends `text` to CHANGES_CHANNEL, over any connection. */
  notify(text: string): Promise<unknown>
  apply(snapshot: Snapshot): void
  readonly pollMs: number
  /** Milliseconds between attempts while Postgres does not answer. */
  readonly retryMs: number
  /** Tells this process's test messages from those of other replicas. */
  readonly id: string
  now(): Date
  onFault(what: string, error: unknown): void
}

export interface FeedStatus {
  /** True once one complete snapshot was applied; stays true when Postgres goes away. */
  readonly loaded: boolean
  /** True while notifications are known to arrive. */
  readonly listening: boolean
  /** When what is in memory was last known to be what Postgres holds. */
  readonly confirmedAt: Date | null
}

/** Keeps the snapshot in memory equal to what Postgres holds: at once by LISTEN, at the latest by the poll. */
export interface PlacementFeed {
  start(): void
  status(): FeedStatus
  /** Reads again now, as after a change made by this process; resolves when applied. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** A feed that does nothing until it is started, and never throws into its caller afterwards. */
export function createPlacementFeed<Snapshot extends { readonly version: string }>(options: FeedOptions<Snapshot>): PlacementFeed {
  return new Feed(options)
}

class Feed<Snapshot extends { readonly version: string }> implements PlacementFeed {
  readonly #options: FeedOptions<Snapshot>
  #listener: Sql | null = null
  #opening = false
  #listening = false
  #version: string | null = null
  #confirmedAt: Date | null = null
  #closed = false
  #loading: Promise<void> | null = null
  /** Set while a load runs by a hint that may have come too late for it. */
  #again = false
  #timer: NodeJS.Timeout | null = null
  /** True after a read by a hint that failed: it is due sooner than the next poll. */
  #isDue = false
  #pings = 0
  #heard = 0

  constructor(options: FeedOptions<Snapshot>) {
    this.#options = options
  }

  start(): void {
    void this.#listen()
    // The first snapshot does not wait for the listener: reading and listening may go by different servers.
    void this.#tick()
  }

  status(): FeedStatus {
    return { loaded: this.#version !== null, listening: this.#listening, confirmedAt: this.#confirmedAt }
  }

  /** One load at a time; whoever asks during a load gets one that began afterwards. */
  refresh(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load()
    return this.#loading
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const listener = this.#listener
    this.#listener = null
    this.#listening = false
    await listener?.end({ timeout: 1 })
    await this.#loading?.catch(() => undefined)
  }

  async #load(): Promise<void> {
    try {
      do {
        this.#again = false
        const snapshot = await this.#options.load()
        if (this.#closed) return
        this.#options.apply(snapshot)
        this.#version = snapshot.version
        this.#confirmedAt = this.#options.now()
      } while (this.#again)
    } finally {
      // In the same turn as the last look at `#again`: a hint must never find a load that will not look again.
      this.#loading = null
    }
  }

  async #listen(): Promise<void> {
    const listener = this.#options.openListener()
    this.#listener = listener
    this.#opening = true
    try {
      // Called on the first connect and on every reconnect: what was sent between the two is lost, so all is read again.
      const onListen = (): void => {
        if (this.#listener !== listener) return
        this.#listening = true
        this.#heard = this.#pings
        void this.#hinted('the snapshot after listening began', () => this.refresh())
      }
      await listener.listen(CHANGES_CHANNEL, (text) => this.#onMessage(text), onListen)
    } catch (error) {
      this.#fault('listening for changes', error)
      // The next tick opens another; this one must not come back to life beside it.
      if (this.#listener === listener) this.#listener = null
      await listener.end({ timeout: 0 }).catch(() => undefined)
    } finally {
      this.#opening = false
    }
  }

  #onMessage(text: string): void {
    const [kind, id, count] = text.split(' ')
    if (kind === 'ping') {
      if (id === this.#options.id) this.#heard = Math.max(this.#heard, Number(count))
      return
    }
    // Anyone who can connect may notify, so the text is a hint: only a version that differs costs a whole read.
    void this.#hinted('a change', () => this.#refreshIfChanged())
  }

  async #hinted(what: string, work: () => Promise<unknown>): Promise<void> {
    if (await this.#attempt(what, work)) return
    this.#isDue = true
    // Null while a tick is at work, which looks at `#isDue` at its end.
    if (this.#timer !== null) this.#schedule()
  }

  async #refreshIfChanged(): Promise<void> {
    // A load that is under way may have begun before this change: another must follow it.
    if (this.#loading !== null) return this.refresh()
    if ((await this.#options.version()) !== this.#version) return this.refresh()
    this.#confirmedAt = this.#options.now()
  }

  async #tick(): Promise<void> {
    if (this.#closed) return
    this.#timer = null
    this.#isDue = false
    const fine = await this.#attempt('placement', () => this.#refreshIfChanged())
    if (fine) await this.#proveListening()
    else this.#isDue = true
    this.#schedule()
  }

  #schedule(): void {
    if (this.#closed) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#tick(), this.#isDue ? this.#options.retryMs : this.#options.pollMs)
    this.#timer.unref()
  }

  /** A message to oneself must have arrived by the next tick; a listener that does not hear it is replaced. */
  async #proveListening(): Promise<void> {
    if (this.#opening) return
    if (this.#pings > this.#heard || this.#listener === null) {
      const deaf = this.#listener
      this.#listener = null
      this.#listening = false
      this.#heard = this.#pings
      await deaf?.end({ timeout: 0 }).catch(() => undefined)
      if (!this.#closed) await this.#listen()
      return
    }
    this.#pings += 1
    await this.#attempt('the test message', () => this.#options.notify(`ping ${this.#options.id} ${this.#pings}`))
  }

  async #attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#fault(what, error)
      return false
    }
  }

  #fault(what: string, error: unknown): void {
    if (!this.#closed) this.#options.onFault(what, error)
  }
}
