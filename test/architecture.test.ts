import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

/**
 * Which folder may import which. A folder that is not a key here has no rule yet, and fails. A value that ends in `.ts` is one file.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  policy: ['policy/criteria'],
  'policy/criteria': ['policy'],
  // The table of settings knows what a provider is and how a token names its cluster, and nothing else of the proxy.
  'proxy/config': ['policy/problems.ts', 'proxy/upstreams/provider.ts', 'proxy/upstreams/provider-rows.ts', 'proxy/identity/own-token.ts'],
  'proxy/s3': [],
  'proxy/sigv4': ['proxy/sigv4/payload'],
  'proxy/sigv4/payload': ['proxy/sigv4', 'proxy/transport/transport.ts'],
  'proxy/cors': ['proxy/transport/header-values.ts', 'proxy/transport/transport.ts'],
  'proxy/tenants': [],
  'proxy/post-form': ['proxy/s3', 'proxy/sigv4/payload', 'proxy/transport/transport.ts'],
  'proxy/limits': [],
  'proxy/transport': [],
  'proxy/transport/upstream': [
    'proxy/transport/transport.ts',
    'proxy/transport/outgoing-body.ts',
    'proxy/transport/guarded-lookup.ts',
    'proxy/transport/upstream-options.ts'
  ],
  'proxy/identity': [],
  'proxy/ownership': ['proxy/tenants/keys.ts'],
  'proxy/upstreams': ['proxy/transport/transport.ts'],
  'proxy/observe': ['proxy/transport/transport.ts'],
  'proxy/api': [
    'proxy/transport/header-values.ts',
    'proxy/cors',
    'proxy/identity',
    'proxy/sts',
    'proxy/observe/access-record.ts',
    'proxy/transport/transport.ts'
  ],
  'proxy/ops': [],
  'proxy/database': ['proxy/tenants', 'proxy/identity/access-keys.ts', 'proxy/identity/revocations.ts'],
  'proxy/sts': ['proxy/identity', 'proxy/s3', 'proxy/sigv4', 'proxy/tenants'],
  'proxy/dev': ['proxy/dev/store'],
  'proxy/dev/store': [],
  'proxy/sidecar': [
    'proxy/api',
    'proxy/s3',
    'proxy/sigv4',
    'proxy/sigv4/payload',
    'proxy/stages',
    'proxy/stages/ways-in/hoisted-headers.ts',
    'proxy/sts',
    'proxy/tenants/keys.ts',
    'proxy/upstreams',
    'proxy/observe/access-record.ts',
    'proxy/transport/transport.ts'
  ],
  'proxy/stages/ways-in': [
    'proxy/s3',
    'proxy/sigv4',
    'proxy/sigv4/payload',
    'proxy/identity',
    'proxy/post-form',
    'proxy/stages/accept.ts',
    'proxy/tenants/keys.ts'
  ],
  'proxy/stages': [
    'policy',
    'proxy/s3',
    'proxy/sigv4',
    'proxy/sigv4/payload',
    'proxy/tenants',
    'proxy/identity',
    'proxy/ownership',
    'proxy/upstreams',
    'proxy/cors',
    'proxy/limits',
    'proxy/post-form',
    'proxy/sts',
    'proxy/stages/ways-in',
    'proxy/observe/access-record.ts',
    'proxy/transport/transport.ts'
  ]
}

/** Folders that may see everything: they construct, or they are commands. */
const SEES_EVERYTHING = new Set(['proxy/compose', 'proxy/cli'])
const TOP_MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'proxy/main.ts': ['proxy/cli/cli.ts'],
  'proxy/handle.ts': ['proxy/observe/access-record.ts', 'proxy/stages', 'proxy/transport/transport.ts'],
  'proxy/server.ts': ['proxy/observe/access-record.ts', 'proxy/transport/inbound.ts', 'proxy/transport/transport.ts']
}
const LINES_MAX: Readonly<Record<string, number>> = { 'proxy/handle.ts': 60 }
const LINES_MAX_DEFAULT = 300

const files = globSync(['proxy/**/*.ts', 'policy/**/*.ts']).sort()

function mayImport(file: string, target: string): boolean {
  const from = dirname(file)
  const to = dirname(target)
  if (SEES_EVERYTHING.has(from)) return true
  if (from === 'proxy') return mayImportFromTop(file, target)
  const allowed = MAY_IMPORT[from]
  if (allowed === undefined) return false
  return to === from || allowed.includes(to) || allowed.includes(target)
}

function mayImportFromTop(file: string, target: string): boolean {
  const allowed = TOP_MAY_IMPORT[file] ?? []
  return allowed.includes(target) || allowed.includes(dirname(target))
}

function importsOf(source: string): string[] {
  return [...source.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, specifier = '']) => specifier)
}

t.test('every file imports only what its folder may import', (t) => {
  t.ok(files.length > 100, 'files are found')
  for (const file of files) {
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      const target = join(dirname(file), specifier)
      t.ok(mayImport(file, target), `${file} imports ${target}`)
    }
  }
  t.end()
})

t.test('every file fits on a few screens, and the story on one', (t) => {
  for (const file of files) {
    const lines = readFileSync(file, 'utf8').split('\n').length - 1
    t.ok(lines <= (LINES_MAX[file] ?? LINES_MAX_DEFAULT), `${file} has ${lines} lines`)
  }
  t.end()
})

t.test('every HOT mark names a bench that exists', (t) => {
  let marks = 0
  for (const file of files) {
    for (const [, named = ''] of readFileSync(file, 'utf8').matchAll(/HOT: (bench\/[\w-]+\.ts)/g)) {
      marks += 1
      t.ok(existsSync(named), `${file} names ${named}`)
    }
  }
  t.ok(marks > 5, 'marks are found')
  t.end()
})

t.test('a proof has one maker', (t) => {
  const makers: readonly (readonly [proof: string, cast: RegExp, maker: string])[] = [
    ['Grant', /as (?:unknown as )?Grant\b/, 'proxy/stages/authorize.ts'],
    ['Release', /as (?:unknown as )?Release\b/, 'proxy/stages/verify-owner.ts'],
    ['Signed', /as (?:unknown as )?Signed\b/, 'proxy/stages/sign.ts'],
    ['UpstreamKey', /as (?:unknown as )?UpstreamKey\b/, 'proxy/tenants/keys.ts']
  ]
  for (const [proof, cast, maker] of makers) {
    const found = files.filter((file) => cast.test(readFileSync(file, 'utf8')))
    t.same(found, [maker], `only ${maker} makes a ${proof}`)
  }
  t.end()
})

t.test('clock, randomness and environment come from outside', (t) => {
  const outside = /^proxy\/(main\.ts|(compose|cli|config)\/)/
  for (const file of files) {
    if (outside.test(file) || file.startsWith('proxy/dev/')) continue
    const source = readFileSync(file, 'utf8')
    for (const banned of ['process.env', 'Date.now()', 'Math.random()', 'performance.now()', 'randomUUID()']) {
      t.notOk(source.includes(banned), `${file} does not use ${banned}`)
    }
  }
  t.end()
})

t.test('the in-process store shares no code with what it tests', (t) => {
  for (const file of globSync('proxy/dev/**/*.ts')) {
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      const target = join(dirname(file), specifier)
      t.notMatch(target, /^proxy\/(s3|sigv4|stages|ownership|identity|sts)\//, `${file} imports ${target}`)
    }
  }
  t.end()
})
