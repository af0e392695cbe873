import { S3Error } from '../s3/error.ts'
import { headerValue } from '../s3/response-headers.ts'
import type { RequestHead } from '../transport/transport.ts'

/** Names under which `<tenant>.<domain>` addresses a tenant. RFC 6761 §6.3 keeps them on this machine. */
export const LOCAL_DOMAINS: readonly string[] = ['localhost']

const LOOPBACK_V4 = /^127(?:\.\d{1,3}){3}$/
const HOST = /^((?:[a-z0-9._-]+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?$/
const HTTP_PORT = 80

/** True for an address that only processes of this machine, or of this pod, can have. */
export function isLoopback(address: string): boolean {
  return address === '::1' || LOOPBACK_V4.test(address)
}

/**
 * Refuses whoever is not a process of this pod: a peer elsewhere, and the browser of somebody here that a page elsewhere makes
 * ask. A page reaches this listener under a name of its own that leads here (DNS rebinding; then `Host` is that name) or by this
 * listener's address (then it says so in `Origin`). Nothing a local caller sends proves anything, so nothing else is asked of it.
 */
export function refuseStrangers({ remoteAddress, rawHeaders }: Pick<RequestHead, 'remoteAddress' | 'rawHeaders'>, port: number): void {
  if (!isLoopback(remoteAddress)) throw new S3Error('AccessDenied', `the peer ${remoteAddress} is not on loopback`)
  const host = headerValue(rawHeaders, 'host') ?? ''
  const [, name, written] = HOST.exec(host.toLowerCase()) ?? []
  if (name === undefined || Number(written ?? HTTP_PORT) !== port)
    throw new S3Error('AccessDenied', `host ${JSON.stringify(host)} is not this listener's own`)
  if (headerValue(rawHeaders, 'origin') !== undefined)
    throw new S3Error('AccessDenied', 'the request comes from a web page, which has no share in the identity of this pod')
}
