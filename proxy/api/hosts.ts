import { isIP } from 'node:net'
import { ApiError } from './error.ts'
import { onlyHeader } from './only-header.ts'

/**
 * The values of Host that a listener answers to. A configured name stands for itself with the listener's port or none;
 * one that has a port, for that alone. Without names it is the address that was bound, and on loopback all its names.
 */
export function acceptedHosts(names: readonly string[], bound: { readonly host: string; readonly port: number }): ReadonlySet<string> {
  const own = isIP(bound.host) === 6 ? `[${bound.host}]` : bound.host
  const defaults = /^(?:127\.|::1$)/.test(bound.host) ? [own, 'localhost', '127.0.0.1', '[::1]'] : [own]
  const accepted = (names.length === 0 ? defaults : names).map((name) => name.toLowerCase())
  return new Set(accepted.flatMap((name) => (/:\d+$/.test(name) ? [name] : [name, `${name}:${bound.port}`])))
}

/**
 * Refuses a request for another host. A page whose own name was made to point here (DNS rebinding) sends that name, and
 * could otherwise read the answer.
 */
export function refuseForeignHost(rawHeaders: readonly string[], hosts: ReadonlySet<string>): void {
  const host = onlyHeader(rawHeaders, 'host')
  if (host === null || !hosts.has(host.toLowerCase())) throw new ApiError('MisdirectedRequest', 'Host is not a name of this listener')
}
