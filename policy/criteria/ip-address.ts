import { shown, type Place } from '../problems.ts'
import { fixedValue, refuseVariable, type CompiledValue, type Operator } from './criterion.ts'

/** Addresses inside an IPv4 or IPv6 range; an address without a length is the range of itself alone. */
export const IP_ADDRESS_OPERATORS: readonly Operator[] = [
  { name: 'IpAddress', negated: false, kinds: ['ip'], compile: compileRange },
  { name: 'NotIpAddress', negated: true, kinds: ['ip'], compile: compileRange }
]

/** 4 or 16 bytes. An IPv4 address that came as IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) has 4, or a dual-stack socket would walk around an IPv4 rule. */
type Address = readonly number[]

const IPV4_BYTES = 4
const IPV6_BYTES = 16
const MAPPED_PREFIX_BITS = 96

function compileRange(value: string, place: Place): CompiledValue | null {
  if (refuseVariable(value, place)) return null
  const range = parseRange(value)
  if (range === null) {
    place.report.problem(place.path, `${shown(value)} is not an IP address or range (such as 203.0.113.0/24 or 2001:db8::/32)`)
    return null
  }
  return fixedValue((text) => {
    const address = parseAddress(text)
    return address !== null && isInside(address, range)
  })
}

interface Range {
  readonly address: Address
  readonly bits: number
}

function parseRange(text: string): Range | null {
  const [addressText = '', bitsText, ...more] = text.split('/')
  const written = parseWritten(addressText)
  if (written === null || more.length > 0) return null
  if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText)) return null
  const bits = bitsText === undefined ? written.length * 8 : Number(bitsText)
  if (bits > written.length * 8) return null
  // `::ffff:0:0/96` and longer are IPv4 ranges in IPv6 writing; anything shorter reaches beyond IPv4 and stays IPv6.
  if (isMapped(written) && bits >= MAPPED_PREFIX_BITS) return { address: unmapped(written), bits: bits - MAPPED_PREFIX_BITS }
  return { address: written, bits }
}

function isInside(address: Address, { address: start, bits }: Range): boolean {
  if (address.length !== start.length) return false
  const whole = Math.floor(bits / 8)
  for (let index = 0; index < whole; index++) if (address[index] !== start[index]) return false
  const rest = bits % 8
  if (rest === 0) return true
  const mask = 0xff & (0xff << (8 - rest))
  return ((address[whole] ?? 0) & mask) === ((start[whole] ?? 0) & mask)
}

function parseAddress(text: string): Address | null {
  const written = parseWritten(text)
  return written !== null && isMapped(written) ? unmapped(written) : written
}

function isMapped(address: Address): boolean {
  return address.length === IPV6_BYTES && address.slice(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff
}

function unmapped(address: Address): Address {
  return address.slice(IPV6_BYTES - IPV4_BYTES)
}

function parseWritten(text: string): Address | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): Address | null {
  const parts = text.split('.')
  // No leading zeros: some parsers read them as octal, and two readings of one address are a hole.
  if (parts.length !== IPV4_BYTES || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return null
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : null
}

function parseIpv6(text: string): Address | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [left, right] = halves.map(groupBytes)
  if (left === undefined || left === null || right === null) return null
  if (right === undefined) return left.length === IPV6_BYTES ? left : null
  const zeros = IPV6_BYTES - left.length - right.length
  // `::` stands for at least one group. IPv4 writing is for the last four bytes only.
  if (zeros < 2 || halves[0]?.includes('.') === true) return null
  return [...left, ...Array.from({ length: zeros }, () => 0), ...right]
}

function groupBytes(half: string): Address | null {
  if (half === '') return []
  const groups = half.split(':')
  const bytes: number[] = []
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
      continue
    }
    const ipv4 = index === groups.length - 1 ? parseIpv4(group) : null
    if (ipv4 === null) return null
    bytes.push(...ipv4)
  }
  return bytes
}
