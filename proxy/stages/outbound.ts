import type { Assignment, UpstreamKey } from '../tenants/keys.ts'
import type { ByteSource, UpstreamRequest } from '../transport/transport.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'

/** What the body of one upstream request is, and what its signature says of it. */
export type OutboundBody =
  | { readonly kind: 'none' }
  /** Held in memory: may be sent again. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly payloadHash: string }
  /** Flows once. `payloadHash`: the client's own hex (the upstream verifies it), `UNSIGNED-PAYLOAD`, or the trailer mode's word. */
  | { readonly kind: 'flow'; readonly source: ByteSource; readonly length: number; readonly payloadHash: string }

/** One request to the upstream, built from the operation's row and the grant; never a patched copy of what came in. */
export interface Outbound {
  readonly account: UpstreamAccount
  readonly bucket: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Null where the bucket itself is addressed. */
  readonly key: UpstreamKey | null
  /** Decoded; encoded once, in `sign`. A null value is sent as a bare name. */
  readonly query: readonly (readonly [name: string, value: string | null])[]
  /** Lower-case names, latin1 values. `host`, the length and everything of the signature are added by `sign`. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: OutboundBody
  /** True for operations that an upstream may work on for minutes (Complete, copies). */
  readonly slow: boolean
}

/** A request on the bucket itself of a place. */
export function bucketRequest(
  { account, assignment }: { readonly account: UpstreamAccount; readonly assignment: Assignment },
  query: Outbound['query'],
  parts: Partial<Pick<Outbound, 'method' | 'headers' | 'body' | 'slow'>> = {}
): Outbound {
  const bucket = assignment.upstreamBucket
  return { account, bucket, method: 'GET', key: null, query, headers: [], body: { kind: 'none' }, slow: false, ...parts }
}

declare const signed: unique symbol

/** An outbound request with the account's signature. Only `sign` makes one. */
export type Signed = UpstreamRequest & { readonly [signed]: true }
