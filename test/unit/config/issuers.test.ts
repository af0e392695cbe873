import t from 'tap'
import { ConfigProblems, readConfig, type Config } from '../../../proxy/config/config.ts'
import { describeConfig } from '../../../proxy/config/describe.ts'

const ISS = 'https://kubernetes.default.svc.cluster.local'
const IN_CLUSTER = '/var/run/secrets/kubernetes.io/serviceaccount'
const PEM = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n'

const tokenOf = (claims: object): string => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}.c2lnbmF0dXJl`
}

const FILES: Readonly<Record<string, string>> = {
  [`${IN_CLUSTER}/token`]: `${tokenOf({ iss: ISS, aud: [ISS, 'k3s'] })}\n`,
  [`${IN_CLUSTER}/ca.crt`]: PEM,
  '/own/token': tokenOf({ iss: 'https://other.example', aud: 'https://other.example' }),
  '/own/no-iss': tokenOf({ aud: [ISS] }),
  '/own/text': 'hello',
  '/own/ca.pem': PEM,
  '/jwks.json': '{"keys": [{"kty": "RSA"}]}'
}

type Files = Readonly<Record<string, string | undefined>>

function read(issuers: readonly object[], files: Files = FILES, more: object = {}): Config {
  const readFile = (path: string): string => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return text
  }
  const account = { id: 'main', provider: 'aws', endpoint: 'https://s3.example', shared: true, spread: 0, bucketTemplate: 'one' }
  const settings = {
    accounts: [{ ...account, credentials: { accessKeyId: 'A', secretAccessKey: 'secret' } }],
    issuers,
    roles: [{ name: 'app', tenants: ['*'] }],
    database: { url: 'postgres://a@b/c' },
    ...more
  }
  return readConfig({ yamlText: JSON.stringify(settings), env: {}, readFile, dev: true })
}

function problemsOf(issuers: readonly object[], files?: Files, more?: object): readonly string[] {
  try {
    read(issuers, files, more)
    return []
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error
    return error.problems.map(({ at, says }) => `${at}: ${says}`)
  }
}

const AUTO = { id: 'here', issuer: 'auto', default: true, audiences: ['sluice.here'] }
const FAR = { id: 'far', issuer: 'https://far.example', default: false, audiences: ['sluice.far'], jwks: { file: '/jwks.json' } }

t.test('auto is all that a pod needs to say of its own cluster', (t) => {
  const config = read([AUTO])
  const [issuer] = config.issuers
  t.match(issuer, {
    issuer: ISS,
    isAuto: true,
    tokenReview: 'onExchange',
    apiServer: {
      url: 'https://kubernetes.default.svc',
      caFile: { path: `${IN_CLUSTER}/ca.crt` },
      tokenFile: { file: `${IN_CLUSTER}/token` }
    },
    jwks: {
      url: 'https://kubernetes.default.svc/openid/v1/jwks',
      caFile: { path: `${IN_CLUSTER}/ca.crt` },
      bearerTokenFile: { file: `${IN_CLUSTER}/token` }
    }
  })
  const printed = describeConfig(config)
  t.match(printed, 'issuer: auto')
  t.notMatch(printed, 'c2lnbmF0dXJl', 'without the token')
  t.end()
})

t.test('what is said of the API server holds for keys and reviews', (t) => {
  const own = { url: 'https://api.example:6443/', caFile: '/own/ca.pem', tokenFile: '/own/token' }
  t.match(read([{ ...AUTO, apiServer: own }]).issuers[0], {
    issuer: 'https://other.example',
    jwks: { url: 'https://api.example:6443/openid/v1/jwks', caFile: { path: '/own/ca.pem' }, bearerTokenFile: { file: '/own/token' } }
  })
  t.match(read([{ ...AUTO, apiServer: { url: 'https://api.example' } }]).issuers[0], { apiServer: { caFile: null } })
  t.end()
})

t.test("keys that are said to be elsewhere get nothing of the cluster's", (t) => {
  t.match(read([{ ...AUTO, jwks: { url: 'https://keys.example/jwks' } }]).issuers[0], {
    issuer: ISS,
    jwks: { url: 'https://keys.example/jwks', caFile: null, bearerTokenFile: null }
  })
  t.match(read([{ ...AUTO, jwks: { file: '/jwks.json' } }]).issuers[0], { jwks: { url: null, file: { path: '/jwks.json' } } })
  t.end()
})

t.test('an issuer that asks no API server reads nothing of a pod', (t) => {
  const files = { '/jwks.json': FILES['/jwks.json'] }
  t.match(read([{ ...FAR, default: true }], files).issuers[0], { apiServer: null, tokenReview: 'off', isAuto: false })
  t.match(read([{ ...AUTO, tokenReview: 'off' }]).issuers[0], { tokenReview: 'off', apiServer: { url: /kubernetes/ } })
  t.match(read([{ ...FAR, default: true, tokenReview: 'onExchange' }]).issuers[0], { apiServer: { url: /kubernetes/ } })
  t.end()
})

t.test('two issuers may be alike where the path tells them apart', (t) => {
  const alike = { ...FAR, issuer: ISS, audiences: AUTO.audiences }
  t.match(problemsOf([AUTO, alike]), [/^issuers\[1\]\.audiences: sluice\.here is an audience of issuers\[0\].*stsPathOnly/])
  t.equal(problemsOf([AUTO, { ...alike, stsPathOnly: true }]).length, 0)
  t.equal(problemsOf([{ ...AUTO, stsPathOnly: true }, alike]).length, 0)
  t.end()
})

const PROBLEMS: readonly { readonly why: string; readonly issuer: object; readonly files?: Files; readonly says: readonly RegExp[] }[] = [
  {
    why: 'it is not in a pod',
    issuer: AUTO,
    files: {},
    says: [
      /^issuers\[0\]\.apiServer\.caFile: file .*ca\.crt does not exist/,
      /^issuers\[0\]\.apiServer\.tokenFile: file .*token does not exist/
    ]
  },
  {
    why: 'the token is no token',
    issuer: { ...AUTO, apiServer: { tokenFile: '/own/text' } },
    says: [/apiServer\.tokenFile: file \/own\/text holds no service-account token/]
  },
  {
    why: 'the token names no issuer',
    issuer: { ...AUTO, apiServer: { tokenFile: '/own/no-iss' } },
    says: [/apiServer\.tokenFile: .*holds no service-account token/]
  },
  {
    why: "the audience is the issuer's",
    issuer: { ...AUTO, audiences: [ISS] },
    says: [/audiences\[0\]: must be the proxy's own: every pod/]
  },
  {
    why: "an audience is another one of the API server's",
    issuer: { ...AUTO, audiences: ['mine', 'k3s'] },
    says: [/audiences\[1\]: must be the proxy's own: it is an audience of the API server/]
  },
  { why: 'there is no audience', issuer: { ...AUTO, audiences: [] }, says: [/audiences: needs at least 1/] },
  {
    why: 'tokens would be sent over plain http',
    issuer: { ...AUTO, apiServer: { url: 'http://api.example' } },
    says: [/apiServer\.url: must be https .*: tokens are sent to it/]
  },
  {
    why: 'an API server is told that nothing is asked of',
    issuer: { ...FAR, default: true, apiServer: { url: 'https://api.example' } },
    says: [/apiServer: has a meaning with issuer: auto or tokenReview: onExchange only/]
  },
  {
    why: 'a token would go nowhere',
    issuer: { ...AUTO, jwks: { bearerTokenFile: '/own/token' } },
    says: [/jwks\.bearerTokenFile: has a meaning with url only/]
  },
  { why: 'an unknown kind of review', issuer: { ...AUTO, tokenReview: 'always' }, says: [/tokenReview: must be one of off, onExchange/] },
  { why: 'auto in another case', issuer: { ...AUTO, issuer: 'Auto' }, says: [/issuer: must be an https URL/, /jwks: needs exactly one/] },
  {
    why: 'a key set in YAML',
    issuer: { ...FAR, default: true, jwks: { inline: '{keys: [{kty: RSA}]}' } },
    says: [/jwks\.inline: is not JSON/]
  },
  { why: 'no keys', issuer: { ...FAR, default: true, jwks: {} }, says: [/jwks: needs exactly one of url, file and inline, but has none/] }
]
for (const { why, issuer, files, says } of PROBLEMS) {
  t.test(`an issuer is refused when ${why}`, (t) => {
    const problems = problemsOf([issuer], files)
    t.match(problems, says)
    t.equal(problems.length, says.length, problems.join('\n'))
    t.notMatch(problems.join('\n'), 'c2lnbmF0dXJl', 'no token is told')
    t.end()
  })
}
