import postgres from 'postgres'

/** The driver's own pool: for commands and for listening. A server uses `openPool`. */
export type Sql = postgres.Sql

/** Sends one statement, with bound parameters, never as joined text. */
export type Run = <Rows extends readonly object[] = readonly postgres.Row[]>(
  template: TemplateStringsArray,
  ...parameters: readonly (string | number | boolean | Date | null)[]
) => Promise<Rows>

export interface ConnectOptions {
  /** `postgres://user:password@host:port/database`, `?sslmode=disable` for a server without TLS. */
  readonly url: string
  /** PEM of the authority that signed the server's certificate; null for the system's own. */
  readonly ca: string | null
  readonly connectionsMax: number
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  readonly statementTimeoutMs: number
  readonly connectTimeoutMs?: number
  /** True when the URL leads through a pooler that shares sessions: prepared statements and session settings are then not used. */
  readonly pooled?: boolean
  /** Asked for each new connection instead of the URL's password, so that a rotated one is used. */
  readonly password?: () => string | Promise<string>
  readonly onNotice?: (message: string) => void
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])

/** Opens nothing yet: the first statement connects. */
export function connect(options: ConnectOptions): Sql {
  const { connectTimeoutMs = 5_000, pooled = false } = options
  const url = new URL(options.url)
  const ssl = tlsOf(url, options.ca)
  // Taken by `ssl`; the driver would read `require` as "encrypt, but trust anyone".
  url.searchParams.delete('sslmode')
  return postgres(url.href, {
    ssl,
    max: options.connectionsMax,
    connect_timeout: connectTimeoutMs / 1000,
    idle_timeout: 0,
    // The driver ends a connection by its age as it ends one on command: with the same defect as above. Postgres does not need it.
    max_lifetime: null,
    prepare: !pooled,
    // Nothing here asks for arrays. A connection that ends while the driver reads their types rejects a promise that nobody can catch.
    fetch_types: false,
    onnotice: (notice) => options.onNotice?.(notice['message'] ?? ''),
    // A shared session would hand the settings of one client to the next, and poolers refuse them.
    connection: pooled
      ? { application_name: options.applicationName }
      : {
          application_name: options.applicationName,
          statement_timeout: options.statementTimeoutMs,
          idle_in_transaction_session_timeout: 2 * options.statementTimeoutMs
        },
    ...(options.password === undefined ? {} : { password: options.password })
  })
}

/** TLS with a verified certificate, except over loopback and where `sslmode=disable` says so. */
function tlsOf(url: URL, ca: string | null): false | { rejectUnauthorized: true; servername: string; ca?: string } {
  const mode = url.searchParams.get('sslmode')
  if (mode === 'disable') return false
  // A socket path stands in the host position, percent-encoded, or nowhere.
  const local = url.hostname === '' || url.hostname.startsWith('%2F') || LOOPBACK.has(url.hostname)
  if (mode === null && ca === null && local) return false
  return { rejectUnauthorized: true, servername: url.hostname, ...(ca === null ? {} : { ca }) }
}

/** The URL to log in by, where it may change while the process lives. */
export interface Login {
  /** As it is known now. */
  current(): string
  /** Looks for another one; resolves when it is known. */
  refresh(): Promise<void>
}

/** What a server asks Postgres through. */
export interface Pool {
  readonly run: Run
  close(): Promise<void>
}

/**
 * A pool that survives the loss of Postgres. The driver (3.4.9) does not quite: a connection that closes with a write still waiting is
 * never flushed again, and a statement on a connection that is held for a transaction and has closed throws where nobody can
 * catch it (its issues 1154, 1208 and 1066). So a pool in which a connection broke is given up as a whole, and there are no transactions of
 * several statements here: what must be one step is one statement, if need be a function of the schema.
 *
 * Connections that are open go on when the password changes. When a new one is refused, and `login` has another URL by then, the pool
 * is exchanged for one that goes by it, and the statement, which was never sent, is tried once more.
 */
export function openPool(options: ConnectOptions, login?: Login): Pool {
  const open = (): OpenedPool => {
    const url = login?.current() ?? options.url
    return { url, sql: connect({ ...options, url }) }
  }
  let current = open()
  const giveUp = (broken: OpenedPool): void => {
    if (broken !== current) return
    current = open()
    // What others have under way in it may still end.
    broken.sql.end({ timeout: options.statementTimeoutMs / 1000 }).catch(() => undefined)
  }
  const isRenewed = async (refused: OpenedPool): Promise<boolean> => {
    if (refused === current) await login?.refresh()
    if (login !== undefined && login.current() !== refused.url) giveUp(refused)
    return refused !== current
  }
  return {
    async run<Rows extends readonly object[]>(
      template: TemplateStringsArray,
      ...parameters: readonly (string | number | boolean | Date | null)[]
    ) {
      for (let isFirst = true; ; isFirst = false) {
        const used = current
        try {
          return (await answered(used.sql(template, ...parameters), options.statementTimeoutMs + SILENCE_MARGIN_MS)) as unknown as Rows
        } catch (error) {
          if (isConnectionFault(error)) giveUp(used)
          if (!isFirst || !isLoginFault(error) || !(await isRenewed(used))) throw error
        }
      }
    },
    close: () => current.sql.end({ timeout: 5 })
  }
}

interface OpenedPool {
  readonly url: string
  readonly sql: Sql
}

// Past the time in which the server itself ends a statement, nothing comes any more: the way to it is gone without a word.
const SILENCE_MARGIN_MS = 1_000

async function answered<Rows>(statement: Promise<Rows>, ms: number): Promise<Rows> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('Postgres does not answer'), { code: 'CONNECTION_SILENT' })), ms)
  })
  try {
    return await Promise.race([statement, silence])
  } finally {
    clearTimeout(timer)
  }
}

/** True for a fault of the connection, not of the statement: worth trying again. */
export function isConnectionFault(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return false
  // Class 08 is connection exception, 57P01 to 57P03 are shutdown and start-up, 53300 is too many connections: PostgreSQL, appendix A.
  return /^(?:CONNECT(?:ION)?_|E(?!RR_)[A-Z_]+$|08|57P0|53300)/.test(code)
}

/** True where Postgres refuses the user or the password: nothing was executed. 28000 and 28P01 of PostgreSQL, appendix A. */
export function isLoginFault(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === '28P01' || code === '28000'
}
