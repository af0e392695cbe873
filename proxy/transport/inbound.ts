import type { Incoming } from './transport.ts'

/** What an inbound engine tells the listener beside what the stages see. */
export interface InboundRequest extends Incoming {
  /** Body bytes taken from the connection so far. */
  readonly bytesReceived: number
  /** True once the answer's head was handed to the connection: from then on a fault can only destroy it. */
  readonly headSent: boolean
  /** Why an answer that did not complete broke off; null while none did. */
  readonly failure: Error | null
  /** Gives the connection up at once. */
  destroy(): void
}

/** Limits on what a client can make the engine hold. */
export interface InboundLimits {
  /** Bytes of request line and headers together. A session token, 2 KiB of metadata and ten tags need over 16 KiB. */
  readonly headerBytesMax: number
  /** Header lines. Their bytes bound them too, but every line costs its own work. */
  readonly headersMax: number
  /** Open connections; more are closed as they come. 0: no limit. */
  readonly connectionsMax: number
  /** Bytes of an unread body that are read and thrown away so that its sender gets to see the answer. */
  readonly discardBytesMax: number
}

export interface InboundTimeouts {
  /** From the first byte of a request, or from accepting the connection, to the end of its headers. */
  readonly headersMs: number
  /** Between two requests on one connection. Longer than any load balancer keeps its side open, or requests are lost in between. */
  readonly keepAliveMs: number
  /** Without a byte in a flow that waits for the client, in either direction. */
  readonly idleBodyMs: number
  /** How long a connection stays open for the answer to an unread body to be seen. */
  readonly lingerMs: number
  /** How often the limit on headers is looked at. */
  readonly checkMs: number
}

export const INBOUND_LIMITS: InboundLimits = {
  headerBytesMax: 64 * 1024,
  headersMax: 256,
  connectionsMax: 0,
  discardBytesMax: 64 * 1024
}

export const INBOUND_TIMEOUTS: InboundTimeouts = {
  headersMs: 20_000,
  keepAliveMs: 75_000,
  idleBodyMs: 60_000,
  lingerMs: 1_000,
  checkMs: 5_000
}

/** Why a request was refused before any handler saw it: a closed list, for the metrics. */
export const REFUSAL_REASONS = [
  'duplicate-header',
  'no-host',
  'http-version',
  'content-length',
  'transfer-encoding',
  'connect',
  'headers-too-large',
  'too-many-headers',
  'headers-too-slow',
  'malformed',
  'tls-handshake'
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

export interface InboundHandlers {
  onRequest(request: InboundRequest): void
  /** A request that never became one. */
  onRefused(reason: RefusalReason): void
}

/** What a listener proves its name with, both as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** A listener for requests, whatever engine is behind it. */
export interface Inbound {
  /** Starts listening; port 0 takes a free one. Resolves with the address that was bound. */
  listen(address: Address): Promise<Address>
  /** From now on every answer closes its connection. Still accepts. */
  drain(): void
  /** Stops accepting and closes idle connections. Resolves when the last connection is gone. */
  close(): Promise<void>
  /** Destroys every connection. */
  destroy(): void
  /** Uses another certificate for connections that open from now on. Throws, and keeps the one in use, when it is no pair. */
  renew(certificate: Certificate): void
  /** Open connections. */
  readonly connections: number
}

export type InboundFactory = (handlers: InboundHandlers) => Inbound
