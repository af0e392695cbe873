import t from 'tap'
import { parse } from 'yaml'
import { ConfigProblems, readConfig, type Config } from '../../../proxy/config/config.ts'
import { configSchema, describeConfig, settingsHelp } from '../../../proxy/config/describe.ts'
import { ENV_SETTINGS } from '../../../proxy/config/environment.ts'

const FILES: ReadonlyMap<string, string> = new Map([
  ['/keys/ring', 'k1 c2VhbGluZyBrZXk=\n'],
  ['/keys/secret', 'wJalr-from-a-file\n'],
  ['/keys/empty', '\n'],
  ['/tls/ca.pem', '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n'],
  ['/tls/not-pem', 'hello'],
  ['/jwks.json', '{"keys": [{"kty": "RSA"}]}'],
  ['/policy.json', '{"Version": "2012-10-17", "Statement": []}']
])

const GOOD = `
accounts:
  - id: main
    provider: minio
    endpoint: https://minio.example:9000
    caFile: /tls/ca.pem
    credentials: {accessKeyId: AKIA, secretAccessKey: {file: /keys/secret}}
    shared: true
    bucketTemplate: sluice-{slot}
    spread: 1
issuers:
  - id: prod
    issuer: https://kubernetes.default.svc
    default: true
    jwks: {url: 'https://kubernetes.default.svc/openid/v1/jwks'}
    audiences: [sluice.prod]
    roles: [{role: service, namespaces: ['*']}]
roles:
  - {name: service, tenants: ['*'], policies: [editor, exports]}
policies:
  exports: {file: /policy.json}
sealing: {keysFile: /keys/ring}
database: {url: {env: DATABASE_URL}}
`
const ENV = { DATABASE_URL: 'postgres://sluice:hunter2@db/sluice' }

interface Change {
  readonly [path: string]: unknown
}

/** The good configuration with values put at paths; undefined removes. */
function yamlWith(changes: Change): string {
  const tree = parse(GOOD) as Record<string, unknown>
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split('.')
    const last = steps.pop() ?? ''
    const parent = steps.reduce<Record<string, unknown>>((at, step) => (at[step] ??= {}) as Record<string, unknown>, tree)
    if (value === undefined) delete parent[last]
    else parent[last] = value
  }
  return JSON.stringify(tree)
}

function readFile(path: string): string {
  const found = FILES.get(path)
  if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  return found
}

interface Given {
  readonly yaml?: string
  readonly env?: Record<string, string>
  readonly dev?: boolean
}

const read = ({ yaml = GOOD, env = {}, dev = false }: Given): Config =>
  readConfig({ yamlText: yaml, env: { ...ENV, ...env }, readFile, dev })

function problemsOf(given: Given): readonly string[] {
  try {
    read(given)
    return []
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error
    return error.problems.map(({ at, says }) => `${at}: ${says}`)
  }
}

const account = (changes: Change): Change =>
  Object.fromEntries(Object.entries(changes).map(([path, value]) => [`accounts.0.${path}`, value]))
const second = (changes: Record<string, unknown>): Change => ({
  'accounts.1': {
    id: 'second',
    provider: 'aws',
    endpoint: 'https://s3.example',
    credentials: { accessKeyId: 'B', secretAccessKey: { file: '/keys/secret' } },
    ...changes
  }
})

t.test('a good configuration is read with defaults, the provider row and secrets in place', async (t) => {
  const config = read({})
  const [main] = config.accounts
  t.match(main, {
    id: 'main',
    name: 'main',
    region: 'us-east-1',
    pathStyle: true,
    ownership: 'tag',
    class: 'B',
    spread: 1,
    leases: 'class',
    acceptRaces: false
  })
  t.equal(main?.credentials.secretAccessKey?.reveal(), 'wJalr-from-a-file')
  t.equal(main?.credentials.secretAccessKey?.file, '/keys/secret')
  t.equal(config.database.url.reveal(), ENV.DATABASE_URL)
  t.match(config.listeners, {
    s3: { host: '0.0.0.0', port: 8080, region: 'local', regions: [], domains: [] },
    ops: { port: 9090 },
    api: null
  })
  t.equal(config.limits.smallPutBytesMax, 1_048_576)
  t.equal(config.issuers[0]?.jwks.refresh, 300_000)
  t.same(config.policies.get('exports'), { source: '/policy.json', document: { Version: '2012-10-17', Statement: [] } })
  t.same(config.roles[0]?.policies, [{ name: 'editor' }, { name: 'exports' }])
})

const ENVIRONMENT: readonly {
  readonly why: string
  readonly env: Record<string, string>
  readonly see: (config: Config) => unknown
  readonly is: unknown
}[] = [
  { why: 'a number', env: { SLUICE_LISTENERS_S3_PORT: '9000' }, see: (c) => c.listeners.s3.port, is: 9000 },
  {
    why: 'a list',
    env: { SLUICE_LISTENERS_S3_DOMAINS: 's3.example, s3.local' },
    see: (c) => c.listeners.s3.domains,
    is: ['s3.example', 's3.local']
  },
  { why: 'a time', env: { SLUICE_TIMEOUTS_UPSTREAM_HEAD: '90s' }, see: (c) => c.timeouts.upstreamHead, is: 90_000 },
  { why: 'a secret', env: { SLUICE_DATABASE_URL: 'postgres://a:b@c/d' }, see: (c) => c.database.url.reveal(), is: 'postgres://a:b@c/d' },
  {
    why: 'the path of a file',
    env: { SLUICE_SEALING_KEYS_FILE: '/keys/secret' },
    see: (c) => c.sealing.keysFile?.file,
    is: '/keys/secret'
  },
  { why: 'an empty variable, which sets nothing', env: { SLUICE_LISTENERS_S3_PORT: '' }, see: (c) => c.listeners.s3.port, is: 8080 },
  {
    why: 'what Kubernetes injects, which sets nothing',
    env: {
      SLUICE_SERVICE_HOST: '10.0.0.1',
      SLUICE_SERVICE_PORT: '80',
      SLUICE_SERVICE_PORT_S3: '80',
      SLUICE_PORT: 'tcp://10.0.0.1:80',
      SLUICE_PORT_80_TCP: 'x'
    },
    see: (c) => c.listeners.s3.port,
    is: 8080
  }
]
for (const { why, env, see, is } of ENVIRONMENT) {
  t.test(`the environment stands over the file: ${why}`, async (t) => t.same(see(read({ env })), is))
}

const PROBLEMS: readonly (Given & { readonly why: string; readonly says: RegExp | readonly RegExp[] })[] = [
  {
    why: 'two accounts are marked shared',
    yaml: yamlWith(second({ shared: true, spread: 0, bucketTemplate: 'b00' })),
    says: /^accounts\[1\]\.shared: accounts\[0\] is marked shared already/
  },
  {
    why: 'an origin has a path',
    yaml: yamlWith({ 'listeners.s3.cors.origins': ['https://app.example.com/'] }),
    says: /^listeners\.s3\.cors\.origins\[0\]: must be an origin such as/
  },
  {
    why: 'an origin has two stars',
    yaml: yamlWith({ 'listeners.s3.cors.origins': ['https://*.*.example.com'] }),
    says: /^listeners\.s3\.cors\.origins\[0\]: must be an origin such as/
  },
  {
    why: 'every origin is permitted beside one',
    yaml: yamlWith({ 'listeners.s3.cors.origins': ['*', 'https://app.example.com'] }),
    says: /^listeners\.s3\.cors\.origins: must hold \* alone/
  },
  { why: 'two accounts have one id', yaml: yamlWith(second({ id: 'main' })), says: /^accounts\[1\]\.id: main is the id of another/ },
  {
    why: 'a key is unknown',
    yaml: yamlWith(account({ endpint: 'x' })),
    says: /^accounts\[0\]\.endpint: is not a setting \(did you mean endpoint\?\)/
  },
  { why: 'a section is unknown', yaml: yamlWith({ tenant: {} }), says: /^tenant: is not a setting \(did you mean tenants\?\)/ },
  {
    why: 'a provider is unknown',
    yaml: yamlWith(account({ provider: 'mino' })),
    says: /^accounts\[0\]\.provider: must be one of aws, minio/
  },
  {
    why: 'a secret is missing',
    yaml: yamlWith(account({ 'credentials.secretAccessKey': undefined })),
    says: /^accounts\[0\]\.credentials\.secretAccessKey: is required/
  },
  {
    why: 'the file of a secret is missing',
    yaml: yamlWith(account({ 'credentials.secretAccessKey': { file: '/nowhere' } })),
    says: /secretAccessKey: file \/nowhere does not exist/
  },
  {
    why: 'the file of a secret is empty',
    yaml: yamlWith(account({ 'credentials.secretAccessKey': { file: '/keys/empty' } })),
    says: /secretAccessKey: file \/keys\/empty is empty/
  },
  {
    why: 'the variable of a secret is missing',
    yaml: yamlWith({ 'database.url': { env: 'NOT_SET' } }),
    says: /^database\.url: variable NOT_SET is not set/
  },
  {
    why: 'a secret is written outright',
    yaml: yamlWith(account({ 'credentials.secretAccessKey': 'wJalr' })),
    says: /secretAccessKey: holds a secret outright/
  },
  {
    why: 'a database URL holds its password',
    yaml: yamlWith({ 'database.url': 'postgres://a:b@c/d' }),
    says: /^database\.url: holds a secret outright/
  },
  {
    why: 'a secret refers to two places',
    yaml: yamlWith(account({ 'credentials.secretAccessKey': { file: '/a', env: 'B' } })),
    says: /must be a reference \{file: PATH\} or \{env: NAME\}$/
  },
  {
    why: 'an upstream is class D',
    yaml: yamlWith(account({ provider: 'generic' })),
    says: /^accounts\[0\]\.acceptRaces: must be true: provider generic is class D/
  },
  {
    why: 'an upstream is class C',
    yaml: yamlWith(account({ provider: 'spaces' })),
    says: /^accounts\[0\]\.acceptRaces: .* class C, which closes races for PutObject only/
  },
  {
    why: 'a provider has no tags',
    yaml: yamlWith(account({ provider: 'r2', ownership: 'tag' })),
    says: /^accounts\[0\]\.ownership: must be metadata: provider r2 has no object tags/
  },
  {
    why: 'the spread is missing',
    yaml: yamlWith(account({ spread: undefined })),
    says: /^accounts\[0\]\.spread: is required for the shared account/
  },
  {
    why: 'the template has no slot',
    yaml: yamlWith(account({ bucketTemplate: 'sluice' })),
    says: /bucketTemplate: must have \{slot\} once where spread is 1/
  },
  {
    why: 'the template has a slot too many',
    yaml: yamlWith(account({ spread: 0 })),
    says: /bucketTemplate: must not have \{slot\} where spread is 0/
  },
  {
    why: 'the template gives no bucket name',
    yaml: yamlWith(account({ bucketTemplate: 'Sluice_{slot}' })),
    says: /gives Sluice_f, which is not a bucket name/
  },
  {
    why: 'the provider allows fewer buckets',
    yaml: yamlWith(account({ provider: 'hetzner', acceptRaces: true, spread: 2 })),
    says: /spread: makes 256 buckets, but provider hetzner allows 100/
  },
  {
    why: 'a layout is given to an account that is not shared',
    yaml: yamlWith(second({ spread: 1 })),
    says: /^accounts\[1\]\.spread: has a meaning for the shared account only/
  },
  {
    why: 'an endpoint is plain http',
    yaml: yamlWith(account({ endpoint: 'http://minio.example', caFile: undefined })),
    says: /endpoint: must be https/
  },
  {
    why: 'an endpoint has a path',
    yaml: yamlWith(account({ endpoint: 'https://minio.example/s3' })),
    says: /endpoint: must not have a path/
  },
  {
    why: 'an endpoint holds credentials',
    yaml: yamlWith(account({ endpoint: 'https://a:b@minio.example' })),
    says: /endpoint: must be an https URL/
  },
  {
    why: 'a CA file holds no certificate',
    yaml: yamlWith(account({ caFile: '/tls/not-pem' })),
    says: /caFile: file \/tls\/not-pem holds no PEM/
  },
  {
    why: 'encryption with KMS names no key',
    yaml: yamlWith(account({ encryption: { algorithm: 'aws:kms' } })),
    says: /encryption\.kmsKeyId: is required for aws:kms/
  },
  { why: 'no issuer is the default', yaml: yamlWith({ 'issuers.0.default': false }), says: /^issuers: one must say default: true/ },
  { why: 'no audience is given', yaml: yamlWith({ 'issuers.0.audiences': [] }), says: /^issuers\[0\]\.audiences: needs at least 1/ },
  {
    why: 'an audience is the issuer',
    yaml: yamlWith({ 'issuers.0.audiences': ['https://kubernetes.default.svc'] }),
    says: /audiences\[0\]: must be the proxy's own/
  },
  { why: 'an audience is a pattern', yaml: yamlWith({ 'issuers.0.audiences': ['*'] }), says: /audiences\[0\]: must be a literal audience/ },
  {
    why: 'an algorithm is symmetric',
    yaml: yamlWith({ 'issuers.0.algorithms': ['HS256'] }),
    says: /algorithms\[0\]: must be one of RS256/
  },
  {
    why: 'keys come from two places',
    yaml: yamlWith({ 'issuers.0.jwks.file': '/jwks.json' }),
    says: /jwks: needs exactly one of url, file and inline, but has url and file/
  },
  { why: 'keys come over plain http', yaml: yamlWith({ 'issuers.0.jwks.url': 'http://keys.example' }), says: /jwks\.url: must be https/ },
  {
    why: 'a rule names an unknown role',
    yaml: yamlWith({ 'issuers.0.roles.0.role': 'servce' }),
    says: /roles\[0\]\.role: "servce" is not a role \(did you mean service\?\)/
  },
  {
    why: 'a role names an unknown policy',
    yaml: yamlWith({ 'roles.0.policies': ['editr'] }),
    says: /^roles\[0\]\.policies\[0\]: "editr" is not a policy \(did you mean editor\?\)/
  },
  { why: 'a role names no tenant', yaml: yamlWith({ 'roles.0.tenants': undefined }), says: /^roles\[0\]\.tenants: is required/ },
  {
    why: 'a role trusts an unknown issuer',
    yaml: yamlWith({ 'roles.0.trust': [{ issuers: ['prd'], namespaces: ['*'] }] }),
    says: /trust\[0\]\.issuers\[0\]: "prd" is not the id of an issuer/
  },
  {
    why: 'a policy takes the name of a built-in one',
    yaml: yamlWith({ 'policies.admin': { file: '/policy.json' } }),
    says: /^policies\.admin: is the name of a built-in policy/
  },
  { why: 'there is no key ring', yaml: yamlWith({ sealing: undefined }), says: /^sealing\.keysFile: is required/ },
  {
    why: 'a port is none',
    yaml: yamlWith({ 'listeners.s3.port': 70_000 }),
    says: /^listeners\.s3\.port: must be a port from 1 to 65535.*, but is 70000/
  },
  {
    why: 'the API shares a port',
    yaml: yamlWith({ 'listeners.api': { port: 8080 } }),
    says: /^listeners\.api\.port: is the port of the S3 listener too/
  },
  {
    why: 'the API listens everywhere under no name',
    yaml: yamlWith({ 'listeners.api': { host: '0.0.0.0' } }),
    says: /^listeners\.api\.hosts: is required where listeners\.api\.host is 0\.0\.0\.0/
  },
  {
    why: 'two listeners share a port',
    yaml: yamlWith({ 'listeners.ops.port': 8080 }),
    says: /^listeners\.ops\.port: is the port of the S3 listener too/
  },
  { why: 'a time has no such unit', yaml: yamlWith({ 'timeouts.drain': '5 minutes' }), says: /^timeouts\.drain: must be a time such as/ },
  { why: 'a size has no such unit', yaml: yamlWith({ 'limits.xmlBytesMax': '2MB' }), says: /^limits\.xmlBytesMax: must be a size such as/ },
  {
    why: 'a burst has no rate',
    yaml: yamlWith({ 'limits.tenant': { requestsBurst: 5 } }),
    says: /^limits\.tenant\.requestsBurst: limits nothing without limits\.tenant\.requestsPerSecond/
  },
  {
    why: 'a burst of bytes has no rate',
    yaml: yamlWith({ 'limits.tenant': { bytesBurst: '1MiB' } }),
    says: /^limits\.tenant\.bytesBurst: limits nothing without limits\.tenant\.bytesPerSecond/
  },
  {
    why: 'a bucket has a burst and no rate',
    yaml: yamlWith(account({ bucketLimits: { requestsBurst: 5 } })),
    says: /^accounts\[0\]\.bucketLimits\.requestsBurst: limits nothing without/
  },
  {
    why: 'a name was read as a number',
    yaml: yamlWith(account({ id: 7 })),
    says: /^accounts\[0\]\.id: must be text \(write it in quotes\), but is 7/
  },
  {
    why: 'a header of S3 itself would be dropped',
    yaml: yamlWith({ 'compat.dropHeaders': ['authorization'] }),
    says: /dropHeaders\[0\]: must be an x-amz-\* header name/
  },
  {
    why: 'a key stands twice',
    yaml: 'tenants: {mode: open}\ntenants: {mode: registered}\n',
    says: [/^sluice\.yaml: Map keys must be unique at line 2/]
  },
  { why: 'the file is not YAML', yaml: 'accounts: [', says: [/^sluice\.yaml: /] },
  { why: 'a section is a list', yaml: yamlWith({ tenants: [] }), says: /^tenants: must be a mapping, but is a list/ },
  {
    why: 'a variable is unknown',
    env: { SLUICE_LISTENERS_S3_PROT: '1' },
    says: /^SLUICE_LISTENERS_S3_PROT: is not a setting \(did you mean SLUICE_LISTENERS_S3_PORT\?\)/
  },
  { why: 'a variable is wrong', env: { SLUICE_LISTENERS_S3_PORT: 'x' }, says: /^SLUICE_LISTENERS_S3_PORT: must be a port .* but is "x"/ }
]
for (const { why, says, ...given } of PROBLEMS) {
  t.test(`a configuration is refused with one clear sentence: ${why}`, async (t) => {
    const problems = problemsOf(given)
    if (says instanceof RegExp) t.match(problems, [says])
    else
      for (const one of says)
        t.ok(
          problems.some((problem) => one.test(problem)),
          problems.join('\n')
        )
    if (says instanceof RegExp) t.equal(problems.length, 1, problems.join('\n'))
  })
}

t.test('every problem is told at once', async (t) => {
  const yaml = yamlWith({
    ...second({ shared: true, spread: 0, bucketTemplate: 'one' }),
    ...account({ 'credentials.secretAccessKey': undefined, colour: 'red' }),
    'roles.0.policies': ['nope']
  })
  const problems = problemsOf({ yaml, env: { SLUICE_X: '1' } })
  for (const at of [
    'accounts[1].shared',
    'accounts[0].credentials.secretAccessKey',
    'accounts[0].colour',
    'roles[0].policies[0]',
    'SLUICE_X'
  ]) {
    t.ok(
      problems.some((problem) => problem.startsWith(`${at}:`)),
      at
    )
  }
  t.equal(problems.length, 5, problems.join('\n'))
})

t.test('an empty configuration names what is required', async (t) => {
  const problems = problemsOf({ yaml: '' })
  for (const at of ['accounts', 'issuers', 'roles', 'sealing.keysFile', 'database.url'])
    t.ok(
      problems.some((problem) => problem.startsWith(`${at}:`)),
      at
    )
})

t.test('dev mode takes secrets outright, roles without tenants and no key ring', async (t) => {
  const yaml = yamlWith({
    ...account({ 'credentials.secretAccessKey': 'minioadmin' }),
    sealing: undefined,
    'roles.0.tenants': undefined,
    'database.url': 'postgres://a:b@c/d'
  })
  t.equal(read({ yaml, dev: true }).accounts[0]?.credentials.secretAccessKey?.reveal(), 'minioadmin')
})

t.test('aliases of YAML work, and a variable that a reference names is no typo', async (t) => {
  const yaml = GOOD.replace(
    '{accessKeyId: AKIA, secretAccessKey: {file: /keys/secret}}',
    '&keys {accessKeyId: AKIA, secretAccessKey: {env: SLUICE_MAIN_SECRET}}'
  ).replace('issuers:', '  - {id: other, provider: aws, endpoint: "https://s3.example", credentials: *keys}\nissuers:')
  t.equal(read({ yaml, env: { SLUICE_MAIN_SECRET: 's' } }).accounts[1]?.credentials.secretAccessKey?.reveal(), 's')
})

t.test('an override of one capability leaves the others as the provider row says, and moves the class', async (t) => {
  const [main] = read({ yaml: yamlWith(account({ capabilities: { closed: { copy: true, delete: true }, uniqueEtags: true } })) }).accounts
  t.match(main, {
    class: 'A',
    capabilities: {
      closed: { put: true, complete: true, copy: true, delete: true },
      uniqueEtags: true,
      tags: true,
      listUploads: 'exact-key'
    }
  })
})

t.test('no print of a configuration shows a secret, and it says where each came from', async (t) => {
  const config = read({})
  const printed = describeConfig(config)
  for (const secret of ['wJalr-from-a-file', 'hunter2', 'c2VhbGluZyBrZXk=']) {
    t.notMatch(printed, secret)
    t.notMatch(JSON.stringify(config), secret)
  }
  t.match(printed, '(redacted, from file /keys/secret)')
  t.match(printed, '(redacted, from variable DATABASE_URL)')
  t.match(printed, 'account main: class B')
  t.match(printed, 'upstreamHead: 1m')
})

t.test('a problem with a secret does not show it', async (t) => {
  const problems = problemsOf({
    yaml: yamlWith({ ...account({ 'credentials.secretAccessKey': ['wJalr'] }), 'database.url': 'postgres://a:hunter2@c/d' })
  })
  t.equal(problems.length, 2)
  t.notMatch(problems.join('\n'), /wJalr|hunter2/)
})

t.test('no setting takes a name that Kubernetes injects, and no two take one name', async (t) => {
  const names = ENV_SETTINGS.map(({ env }) => env)
  t.equal(new Set(names).size, names.length)
  for (const name of names) t.notMatch(name, /^SLUICE_(SERVICE_|PORT$|PORT_)/)
})

t.test('help names every variable, and the schema every section', async (t) => {
  const help = settingsHelp()
  for (const { env, path } of ENV_SETTINGS) t.ok(help.includes(`${path} (${env})`), env)
  t.match(help, /accounts\[\]\.bucketTemplate/)
  t.strictSame(Object.keys(configSchema()['properties'] as object), [
    'listeners',
    'workers',
    'accounts',
    'tenants',
    'issuers',
    'roles',
    'policies',
    'sealing',
    'revocation',
    'database',
    'limits',
    'timeouts',
    'compat',
    'log',
    'telemetry'
  ])
})
