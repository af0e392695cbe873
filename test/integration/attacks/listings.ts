import type { Test } from 'tap'
import { seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

const KEYS = [
  'a',
  'a/b',
  'a/b/c',
  'b c',
  'b+c',
  'ta-awstag/a',
  '~',
  '0',
  'ta-awstag/ta-awstag/x',
  'é',
  '日本/語',
  '%2e%2e/x',
  'z/z/z',
  '..a/b'
]

/** Parameters of a listing that reach for more than the tenant. */
const PREFIXES = [
  '',
  '/',
  '..',
  'a/..',
  '%',
  '*',
  'tb-',
  'tb-awstag',
  'ta-awstag/',
  '~',
  '\u{10ffff}',
  '\uffff',
  '\u0000',
  ' ',
  '+',
  '-',
  'a',
  'zq-phys',
  '%2e%2e%2f'
]
const DOTTED = ['../', './', '../../', 'a/../', 'a/../../tb-awstag/', '../tb-awstag/', '../tb-awstag/secret', 'a/./b', './a']
const DELIMITERS = ['/', 't', 'a', '-', 'ta-awstag/', 'awstag/', '%', '%2F', ' ', '\n', '日', 'ta-', '\u0000', '//']
const MARKERS = ['', '/', '~', '\u{10ffff}', '!', 'tb-', '../', '-', '0', 'a/b', 'zzzz']

/** S-11: a listing stays within its tenant. */
export async function listings(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1 } = rig.callers
  for (const place of ['awstag', 'miniotag', 'awsversions']) {
    for (const [index, key] of KEYS.entries()) await seed(rig, index % 2 === 0 ? a1 : a2, `/ta-${place}/${encodeURIComponent(key)}`)
    for (const key of ['secret', 'a', 'zz', 'ta-awstag/a']) await seed(rig, b1, `/tb-${place}/only-tb/${encodeURIComponent(key)}`)
  }
  for (const place of ['awstag', 'miniotag', 'awsversions']) await escapes(t, rig, place)
  await tokens(t, rig)
}

const queryOf = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => (value === '' && ['versions', 'uploads'].includes(name) ? name : `${name}=${encodeURIComponent(value)}`))
    .join('&')

async function escapes(t: Test, rig: Rig, place: string): Promise<void> {
  const { a1 } = rig.callers
  const all: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['ListObjects', {}, 'marker'],
    ['ListObjectsV2', { 'list-type': '2', 'fetch-owner': 'true' }, 'start-after'],
    ['ListObjectVersions', { versions: '' }, 'key-marker']
  ]
  // Where versions are kept they are what is listed; elsewhere the two plain listings.
  const kinds = all.filter(([name]) => (name === 'ListObjectVersions') === place.endsWith('versions'))
  for (const [name, fixed, marker] of kinds) {
    await t.test(`S-11: ${name} shows keys of its tenant and nothing else, whatever it is asked (${place})`, async (t) => {
      const cases = [
        ...PREFIXES.map((prefix) => ({ prefix })),
        ...DELIMITERS.map((delimiter) => ({ delimiter })),
        ...DELIMITERS.map((delimiter) => ({ delimiter, prefix: 't' })),
        ...MARKERS.map((value) => ({ [marker]: value })),
        ...MARKERS.map((value) => ({ [marker]: value, 'max-keys': '1', 'encoding-type': 'url' }))
      ]
      for (const parameters of cases as readonly Readonly<Record<string, string>>[]) {
        const query = queryOf({ ...fixed, ...parameters })
        const { status, text, code } = await rig.send({ method: 'GET', target: `/ta-${place}?${query}`, as: a1 })
        const shown = shownIn(text, parameters['encoding-type'] === 'url')
        const wrong = shown.filter((name) => !KEYS.some((key) => key.startsWith(name)))
        t.same([status === 200 || code === 'InvalidArgument' || code === 'NotImplemented', wrong], [true, []], query)
        // What was asked is echoed, so the asked texts are the only ones that may stand there.
        t.notMatch(text, /only-tb|canary/, query)
      }
      const all = await rig.send({ method: 'GET', target: `/ta-${place}?${queryOf(fixed)}`, as: a1 })
      t.same([...new Set(shownIn(all.text, false))].sort(), [...KEYS].sort(), 'and all of them when it is asked for all')
      for (const prefix of DOTTED) {
        const call: Call = { method: 'GET', target: `/ta-${place}?${queryOf({ ...fixed, prefix })}`, as: a1 }
        await refused(t, rig, { why: `prefix=${prefix}`, call, code: 'InvalidArgument' })
      }
    })
  }
}

/** Keys and common prefixes of a listing. */
function shownIn(text: string, isEncoded: boolean): readonly string[] {
  const plain = Buffer.from(text, 'latin1').toString('utf8')
  const found = [...plain.matchAll(/<Key>([^<]*)<\/Key>/g), ...plain.matchAll(/<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g)]
  return found.map(([, name = '']) => (isEncoded ? decodeURIComponent(name.replaceAll('+', ' ')) : name))
}

async function tokens(t: Test, rig: Rig): Promise<void> {
  const { a1, a2, b1, w1 } = rig.callers
  const page = async (as: typeof a1, tenant: string, query = ''): Promise<string> => {
    const { text } = await rig.send({ method: 'GET', target: `/${tenant}?list-type=2&max-keys=1${query}`, as })
    return /<NextContinuationToken>([^<]+)</.exec(text)?.[1] ?? ''
  }
  for (const place of ['awstag', 'miniotag']) {
    await t.test(`S-11: a page token continues the listing that it was given for, and nothing else (${place})`, async (t) => {
      const tenant = `ta-${place}`
      const own = await page(a1, tenant)
      const foreign = await page(b1, `tb-${place}`)
      const ofPrefix = await page(a1, tenant, '&prefix=a')
      const elsewhere = await page(a1, place === 'awstag' ? 'ta-miniotag' : 'ta-awstag')
      t.ok([own, foreign, ofPrefix, elsewhere].every((token) => token.length > 20))
      const turned = own.slice(0, 12) + (own[12] === 'A' ? 'B' : 'A') + own.slice(13)
      const physical = Buffer.from(`${tenant}/a`).toString('base64')
      for (const [why, token] of [
        ['of another tenant', foreign],
        ['of another prefix', ofPrefix],
        ['of another place', elsewhere],
        ['changed', turned],
        ['cut', own.slice(0, -4)],
        ['the upstream’s own', physical],
        ['a key', 'a'],
        ['long', 'A'.repeat(9000)],
        ['not base64', '!!!'],
        ['empty', '']
      ] as const) {
        const call: Call = { method: 'GET', target: `/${tenant}?list-type=2&continuation-token=${encodeURIComponent(token)}`, as: a1 }
        await refused(t, rig, { why, call, code: 'InvalidArgument' })
      }
      const call: Call = { method: 'GET', target: `/${tenant}?list-type=2&continuation-token=${own}`, as: a1 }
      await succeeds(t, rig, 'its own', call)
      await succeeds(t, rig, 'of another service of the tenant, which sees the same names', { ...call, as: a2 })
      const call2: Call = { method: 'GET', target: `/${tenant}?list-type=2&continuation-token=${own}&start-after=%7E`, as: w1 }
      const { text } = await succeeds(t, rig, 'beside start-after', call2)
      t.same(
        shownIn(text, false).filter((name) => !KEYS.includes(name)),
        []
      )
      await refused(t, rig, { why: 'by another tenant', call: { ...call, as: b1 }, code: 'AccessDenied' })
    })
  }
}
