/**
 * The query as SigV4 hashes it: every name and value percent-encoded anew, sorted, repeated parameters kept.
 *
 * Works byte by byte on the raw text and is total: what is no escape is taken literally (`%zz` becomes `%25zz`),
 * so the result covers every byte that came, also where it is not UTF-8.
 */
export function canonicalQuery(rawQuery: string, omittedName?: string): string {
  if (rawQuery === '') return ''
  const parameters = rawQuery.split('&').map(canonicalParameter)
  const covered = omittedName === undefined ? parameters : parameters.filter(({ name }) => name !== omittedName)
  // By name first: sorting the joined text would put `a-b=` before `a=`, since `-` comes before `=`.
  if (covered.length > 1) covered.sort(byNameThenValue)
  let text = ''
  for (const { name, value } of covered) text += text === '' ? `${name}=${value}` : `&${name}=${value}`
  return text
}

interface Parameter {
  readonly name: string
  readonly value: string
}

function canonicalParameter(pair: string): Parameter {
  const equals = pair.indexOf('=')
  return equals < 0
    ? { name: reencode(pair), value: '' }
    : { name: reencode(pair.slice(0, equals)), value: reencode(pair.slice(equals + 1)) }
}

// By code unit, not by locale: SigV4 compares bytes, and `A` comes before `a`.
function byNameThenValue(a: Parameter, b: Parameter): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return 0
}

const PLAIN = /^[A-Za-z0-9\-._~]*$/
const UNRESERVED = /[A-Za-z0-9\-._~]/
const ESCAPE_OR_BYTE = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~]/g
// RFC 3986: unreserved bytes stand for themselves, all others are `%` and two upper-case digits. `+` is a plus, not a space.
const ENCODED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return UNRESERVED.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

function reencode(raw: string): string {
  if (PLAIN.test(raw)) return raw
  return raw.replace(ESCAPE_OR_BYTE, (match) => {
    const byte = match.length === 3 ? parseInt(match.slice(1), 16) : match.charCodeAt(0)
    return ENCODED[byte] ?? match
  })
}
