import { lookup, type LookupAddress } from 'node:dns'
import { BlockList, isIPv6, type LookupFunction } from 'node:net'

/** Every address of a name. */
export type ResolveAll = (hostname: string, callback: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void

/** What a name of the network never stands for: this machine, and what lies on its link, the clouds' metadata services among it. */
const NEAR = new BlockList()
NEAR.addSubnet('0.0.0.0', 8, 'ipv4')
NEAR.addSubnet('127.0.0.0', 8, 'ipv4')
NEAR.addSubnet('169.254.0.0', 16, 'ipv4')
NEAR.addAddress('::', 'ipv6')
NEAR.addAddress('::1', 'ipv6')
NEAR.addSubnet('fe80::', 10, 'ipv6')
// AWS's metadata service by IPv6.
NEAR.addAddress('fd00:ec2::254', 'ipv6')

/**
 * The addresses of a name, judged at each connection: a name whose owner turns it to this machine or its link gets no connection
 * (DNS rebinding). `localhost` and names below it are this machine (RFC 6761 §6.3); an address that is written out is no name,
 * and is what the operator wants.
 */
export function guardedResolve(resolve: ResolveAll): ResolveAll {
  return (hostname, callback) => {
    resolve(hostname, (error, addresses) => {
      const near = error === null && !isLocalhost(hostname) ? addresses.find(isNear) : undefined
      if (near === undefined) callback(error, addresses)
      else
        callback(
          new Error(`${hostname} leads to ${near.address}, which is this machine or its link: write the address itself if that is meant`),
          []
        )
    })
  }
}

/** `guardedResolve` of the system's name service. */
export const systemResolve: ResolveAll = guardedResolve((hostname, callback) => {
  lookup(hostname, { all: true, verbatim: true }, (error, addresses) => callback(error, error === null ? addresses : []))
})

/** What finds the addresses of a name, as `net.connect` takes it. */
export function lookupBy(resolve: ResolveAll): LookupFunction {
  return (hostname, { all = false, family }, callback) => {
    resolve(hostname, (error, addresses) => {
      const wanted = family === 4 || family === 6 ? addresses.filter((address) => address.family === family) : addresses
      const [first] = wanted
      if (error !== null || first === undefined) callback(error ?? new Error(`${hostname} has no address`), '', 0)
      else if (all) callback(null, [...wanted])
      else callback(null, first.address, first.family)
    })
  }
}

function isNear({ address }: LookupAddress): boolean {
  return NEAR.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function isLocalhost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}
