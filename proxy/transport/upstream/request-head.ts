import type { UpstreamRequest } from '../transport.ts'
import { Malformed } from './malformed.ts'

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
const NOT_TARGET = /[^\x21-\x7e\x80-\xff]/
const NOT_FIELD = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The head of a request as it goes out, latin1: target and headers byte for byte, and the length from `bodyLength` alone.
 * Throws `Malformed` on what would end a line or frame the request differently.
 * HOT: bench/upstream-head.ts
 */
export function requestHead({ method, rawTarget, rawHeaders, bodyLength }: UpstreamRequest): string {
  if (method === '' || NOT_TOKEN.test(method)) throw new Malformed('the method of the request is not a token')
  if (rawTarget === '' || NOT_TARGET.test(rawTarget)) throw new Malformed('the target of the request holds a byte that HTTP does not allow')
  let text = `${method} ${rawTarget} HTTP/1.1\r\n`
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const value = rawHeaders[i + 1] ?? ''
    const use = useOf(name)
    if (use === 'length') continue
    if (use === 'refused' || name === '' || NOT_TOKEN.test(name))
      throw new Malformed(`the request has a header that is the engine's own or no token: ${JSON.stringify(name)}`)
    if (NOT_FIELD.test(value)) throw new Malformed(`the header ${name} of the request holds a character that HTTP does not allow`)
    text += `${name}: ${value}\r\n`
    if (use === 'host') {
      hosts += 1
      // The default of HTTP/1.1, said for what stands between that speaks less.
      text += 'connection: keep-alive\r\n'
    }
  }
  if (hosts !== 1) throw new Malformed('a request has exactly one Host header')
  // A method that usually has a body says that it has none (RFC 9110 section 8.6).
  if (bodyLength > 0 || method === 'PUT' || method === 'POST') text += `content-length: ${bodyLength}\r\n`
  return `${text}\r\n`
}

/** Framing and connection are the engine's. */
function useOf(name: string): 'passed' | 'length' | 'host' | 'refused' {
  switch (name.length) {
    case 4:
      return name.toLowerCase() === 'host' ? 'host' : 'passed'
    case 6:
      return name.toLowerCase() === 'expect' ? 'refused' : 'passed'
    case 7:
      return name.toLowerCase() === 'upgrade' ? 'refused' : 'passed'
    case 10: {
      const lower = name.toLowerCase()
      return lower === 'connection' || lower === 'keep-alive' ? 'refused' : 'passed'
    }
    case 14:
      return name.toLowerCase() === 'content-length' ? 'length' : 'passed'
    case 17:
      return name.toLowerCase() === 'transfer-encoding' ? 'refused' : 'passed'
    default:
      return 'passed'
  }
}
