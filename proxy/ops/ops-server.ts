import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One thing that must be true before requests may be served. */
export interface ReadyCheck {
  readonly name: string
  readonly ready: () => boolean
}

export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

/** Whether requests may be served, and what each check says. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, unknown>>
}

/** What the pages of the platform are made from. */
export interface OpsPages {
  readonly readiness: () => Readiness | Promise<Readiness>
  readonly metricsPage: () => Promise<MetricsPage>
  readonly onError: (error: unknown) => void
}

export interface OpsServerOptions extends Omit<OpsPages, 'readiness'> {
  readonly checks: readonly ReadyCheck[]
}

export interface OpsServer {
  /** Resolves with where the pages are. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number }>
  close(): Promise<void>
}

interface Page {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** The pages of one process, ready when every check is. */
export function createOpsServer({ checks, ...options }: OpsServerOptions): OpsServer {
  return createPageServer({ ...options, readiness: () => readinessOf(checks) })
}

export function readinessOf(checks: readonly ReadyCheck[]): Readiness {
  const results = checks.map(({ name, ready }) => [name, ready()] as const)
  return { ready: results.every(([, isReady]) => isReady), checks: Object.fromEntries(results) }
}

/**
 * The listener for the platform: `/livez`, `/readyz` and `/metrics`, and nothing else. It has a port of its own, which is
 * never public; on the S3 port `/livez` is a bucket.
 */
export function createPageServer(options: OpsPages): OpsServer {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 75_000 }, (request, response) => {
    pageOf(request, options).then(
      (page) => send(response, request, page),
      (error: unknown) => {
        options.onError(error)
        send(response, request, { status: 500, contentType: 'text/plain', text: 'the page could not be made\n' })
      }
    )
  })
  return { listen: (address) => listen(server, address), close: () => close(server) }
}

async function pageOf(request: IncomingMessage, options: OpsPages): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, contentType: 'text/plain', text: 'GET and HEAD only\n' }
  }
  switch (request.url) {
    case '/livez':
      return { status: 200, contentType: 'text/plain', text: 'alive\n' }
    case '/readyz':
      return readinessPage(await options.readiness())
    case '/metrics':
      return { status: 200, ...(await options.metricsPage()) }
    default:
      return { status: 404, contentType: 'text/plain', text: 'no such page\n' }
  }
}

function readinessPage({ ready, checks }: Readiness): Page {
  return { status: ready ? 200 : 503, contentType: 'application/json', text: `${JSON.stringify({ ready, checks })}\n` }
}

function send(response: ServerResponse, request: IncomingMessage, page: Page): void {
  const body = Buffer.from(page.text)
  // A probe sends no body. One that is there is not read, and the connection ends.
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  response.writeHead(page.status, {
    'content-type': page.contentType,
    'content-length': body.length,
    'cache-control': 'no-store',
    ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(hasBody ? { connection: 'close' } : {})
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listen(server: Server, address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      const bound = server.address() as AddressInfo
      resolve({ host: bound.address, port: bound.port })
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
