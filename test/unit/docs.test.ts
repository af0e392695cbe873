import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { latestResults, performancePart, readmePart } from '../../bench/end-to-end/published.ts'
import { COMMANDS } from '../../proxy/cli/commands.ts'
import { composeIdentity } from '../../proxy/compose/identity.ts'
import { describeConfig } from '../../proxy/config/describe.ts'
import { readConfig, type Config } from '../../proxy/config/config.ts'
import { API_ERRORS } from '../../proxy/api/error.ts'
import { S3_ERRORS } from '../../proxy/s3/error.ts'
import { STS_ERRORS } from '../../proxy/sts/error.ts'
import { clientsTable } from './docs/clients-table.ts'
import { configurationPage, sidecarPage } from './docs/configuration-page.ts'
import { blockNamed, withGenerated } from './docs/markdown.ts'
import { operationsTable } from './docs/operations-table.ts'
import { errorCodesTable, logFields, metricsTable, providersTable, stsErrorCodesTable } from './docs/reference-tables.ts'

const REWRITES = process.env['UPDATE_DOCS'] === '1'
const root = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const GENERATED: readonly { readonly page: string; readonly part: string; readonly make: () => string | Promise<string> }[] = [
  { page: 'README.md', part: 'operations', make: operationsTable },
  { page: 'README.md', part: 'performance', make: () => readmePart(latestResults()) },
  { page: 'docs/performance.md', part: 'performance', make: () => performancePart(latestResults()) },
  { page: 'docs/clients.md', part: 'clients', make: clientsTable },
  { page: 'docs/configuration.md', part: 'settings', make: configurationPage },
  { page: 'docs/sidecar.md', part: 'sidecar settings', make: sidecarPage },
  { page: 'docs/guarantees.md', part: 'providers', make: providersTable },
  { page: 'docs/operations.md', part: 'metrics', make: metricsTable },
  { page: 'docs/errors.md', part: 'errors', make: errorCodesTable },
  { page: 'docs/errors.md', part: 'sts errors', make: stsErrorCodesTable }
]

for (const { page, part, make } of GENERATED) {
  t.test(`the ${part} of ${page} are those of the code`, async (t) => {
    const written = read(page)
    const generated = withGenerated(written, part, await make())
    if (REWRITES) writeFileSync(join(root, page), generated)
    else t.equal(written, generated, 'UPDATE_DOCS=1 npx tap test/unit/docs.test.ts writes it anew')
  })
}

/** Every file that a clone has, wherever the test is run from. */
const NOT_CLONED: ReadonlySet<string> = new Set(['node_modules', '.git', '.tap'])
const files = filesIn('')
const pages = files.filter((path) => path.endsWith('.md'))

function filesIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (NOT_CLONED.has(entry.name)) return []
    if (entry.isDirectory()) return filesIn(path)
    return entry.isFile() && !entry.name.endsWith('.log') ? [path] : []
  })
}

/** The page with the padding of its tables taken out. */
const unpadded = (page: string): string => page.replaceAll(/ +\|/g, ' |')

t.test('README begins with the two commands of a new user', (t) => {
  t.match(read('README.md'), /^```sh\nnpm ci && npm start\b.*\nnpm ci && npm test\b.*\n```\n/)
  t.end()
})

t.test('every link of the documentation leads to a file, and to a heading that it has', (t) => {
  t.ok(pages.length > 20, 'pages are found')
  for (const page of pages) {
    for (const [, target = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      t.ok(existsSync(join(root, file)), `${page} links to ${target}`)
      if (heading !== undefined) t.ok(anchorsOf(read(file)).has(heading), `${page} links to a heading: ${target}`)
    }
  }
  t.end()
})

function withoutCode(page: string): string {
  return page.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = page.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

const RING = JSON.stringify([
  { kid: '5f0c2a91', key: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64'), state: 'active' }
])
const SAMPLE_FILES: ReadonlyMap<RegExp, string> = new Map([
  [/sealing-keys\.json$/, RING],
  [/\.(?:pem|crt)$/, '-----BEGIN CERTIFICATE-----\n'],
  [/secret-access-key$|token$/, 'secret']
])

function sampleConfig(change: (text: string) => string = (text) => text): Config {
  return readConfig({
    yamlText: change(blockNamed(read('README.md'), 'yaml', 'sluice.yaml')),
    env: { MAIN_ACCESS_KEY_ID: 'AK', ARCHIVE_ACCESS_KEY_ID: 'AK', DATABASE_URL: 'postgres://sluice@localhost/sluice' },
    readFile(path) {
      const text = [...SAMPLE_FILES].find(([name]) => name.test(path))?.[1]
      if (text === undefined) throw new Error(`the sample reads ${path}`)
      return text
    }
  })
}

t.test('the sample sluice.yaml is accepted, with its issuers, roles and policies', (t) => {
  const config = sampleConfig()
  t.doesNotThrow(() =>
    composeIdentity(
      config,
      () => new Date(0),
      () => undefined
    )
  )
  t.strictSame(
    config.accounts.map((account) => [account.id, account.class]),
    [
      ['main', 'A'],
      ['archive', 'B']
    ]
  )
  t.match(describeConfig(config), /# account archive: class B; assumes MinIO/)
  t.throws(() => sampleConfig((text) => text.replace('spread: 1', 'spraed: 1')), /accounts\[0\]\.spraed: is not a setting/)
  t.end()
})

t.test('the sample pod is YAML, with the six variables and the audience of the sample configuration', (t) => {
  const { spec } = parse(blockNamed(read('README.md'), 'yaml', 'pod of a service')) as {
    readonly spec: { readonly containers: readonly { readonly env: readonly { readonly name: string }[] }[]; readonly volumes: unknown }
  }
  const names = spec.containers.flatMap(({ env }) => env.map(({ name }) => name))
  t.equal(names.length, 6)
  for (const name of names) t.ok(unpadded(read('README.md')).includes(`| \`${name}\` |`), name)
  t.match(JSON.stringify(spec.volumes), /"audience":"sluice"/)
  t.strictSame(sampleConfig().issuers[0]?.audiences, ['sluice'])
  t.end()
})

t.test('every code that the errors page names exists, with the status that it names', (t) => {
  const statuses = (errors: Readonly<Record<string, { readonly status: number }>>): ReadonlyMap<string, number> =>
    new Map(Object.entries(errors).map(([code, { status }]) => [code, status]))
  const [s3Part = '', stsPart = '', apiPart = ''] =
    unpadded(read('docs/errors.md'))
      .split('## All codes')[0]
      ?.split(/^## (?:STS|The API)$/m) ?? []
  let rows = 0
  // They have codes of one name, with statuses of their own.
  for (const [part, codes] of [
    [s3Part, statuses(S3_ERRORS)],
    [stsPart, statuses(STS_ERRORS)],
    [apiPart, statuses({ ...STS_ERRORS, ...API_ERRORS })]
  ] as const) {
    for (const [, cell = '', status = ''] of part.matchAll(/^\|.*\| ((?:`\w+`(?:, )?)+) \| (\d{3}) \|$/gm)) {
      rows += 1
      for (const [, code = ''] of cell.matchAll(/`(\w+)`/g)) t.equal(codes.get(code), Number(status), code)
    }
  }
  t.ok(rows > 50, `${rows} rows are found`)
  t.end()
})

t.test('the page of operations names every field of the log, every command and no other', (t) => {
  const page = unpadded(read('docs/operations.md'))
  const namesIn = (heading: string): string[] => {
    const part = page.split(`| ${heading} |`)[1]?.split('\n\n')[0] ?? ''
    return [...part.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)
    )
  }
  t.strictSame(namesIn('Field').sort(), [...logFields()].sort())
  t.strictSame(namesIn('Command').sort(), [...COMMANDS.keys()].sort())
  t.end()
})

/** Put together here, so that this file does not hold what it looks for. */
const MUST_NOT_STAND = [
  ['..', 'shared'].join('/'),
  ['', 'work', ''].join('/'),
  ['', 'tmp', 'plan'].join('/'),
  ['', 'root', ''].join('/'),
  ['registry', 'npmjs'].join('.'),
  ['artifact', 'ory'].join(''),
  ['pypi', 'org'].join('.'),
  ['proxy', 'golang'].join('.')
]

t.test('no file names a machine, a folder of one, or a registry', (t) => {
  t.ok(
    files.includes('.ci/run') && files.includes('.github/SECURITY.md') && files.includes('package-lock.json'),
    'hidden files are looked at'
  )
  for (const path of files) {
    const text = read(path)
    for (const word of MUST_NOT_STAND) if (text.includes(word)) t.fail(`${path} holds ${word}`)
  }
  t.end()
})

t.test('the image copies what the product reads, and needs no shell', (t) => {
  const dockerfile = read('Dockerfile')
  const ignore = read('.dockerignore')
  for (const name of ['migrations', 'policy', 'proxy', 'package.json', 'package-lock.json', 'LICENSE']) {
    t.match(dockerfile, new RegExp(`^COPY .*\\b${name.replace('.', '\\.')}\\b`, 'm'))
    t.ok(ignore.includes(`!${name}\n`), name)
  }
  t.match(dockerfile, /^ENTRYPOINT \["node", "proxy\/main\.ts"\]$/m)
  t.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m)
  t.end()
})
