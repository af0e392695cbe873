import { readOwnToken, type OwnToken } from '../identity/own-token.ts'
import { group, list, optional, type Field, type Reading, type ValueOf } from './field.ts'
import { duration, flag, isExposed, oneOf, text, url } from './scalar.ts'
import { file, problemOfPem, secretFile, type FileText, type Secret } from './secret.ts'

/** Where a pod finds its cluster (Kubernetes, "Accessing the Kubernetes API from a Pod"). */
const IN_CLUSTER = {
  url: 'https://kubernetes.default.svc',
  caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token'
} as const
const KEYS_PATH = '/openid/v1/jwks'

// As in operations of Kubernetes, with `*` and `?` for patterns.
const GLOB = /^[a-z0-9.*?-]{1,253}$/
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

export const globs = (what: string): Field<string> =>
  text({ help: `A ${what}; * and ? stand for others.`, pattern: GLOB, takes: `a ${what}, with * and ? as wildcards` })

const JWKS = group("Where the keys of the issuer come from: exactly one of url, file and inline; with `auto` the cluster's own url.", {
  url: optional(url({ help: 'Address of the key set.' })),
  file: optional(file({ help: 'File with the key set.', check: problemOfKeySet })),
  inline: optional(text({ help: 'The key set itself, as JSON text.' })),
  caFile: optional(file({ help: 'PEM of the authority that signed the certificate of url.', check: problemOfPem }), "the system's own"),
  bearerTokenFile: optional(secretFile('Token to send to url; read again each time.')),
  refresh: duration({ help: 'How often the key set is read again.', fallback: '5m', min: 10_000, max: 86_400_000 }),
  unknownKidCooldown: duration({
    help: 'Least time between two reads for an unknown key id.',
    fallback: '30s',
    min: 1_000,
    max: 3_600_000
  }),
  failureBackoff: duration({ help: 'Time without another attempt after one that failed.', fallback: '30s', min: 1_000, max: 3_600_000 }),
  maxStale: duration({ help: 'How long an old key set serves while it cannot be read.', fallback: '1h', min: 0, max: 86_400_000 })
})

const API_SERVER = group("The API server of the issuer's cluster, for `auto` and tokenReview.", {
  url: optional(url({ help: 'Its address.' }), IN_CLUSTER.url),
  caFile: optional(
    file({ help: 'PEM of the authority that signed its certificate; read again each time.', check: problemOfPem }),
    `${IN_CLUSTER.caFile}; with url the system's own`
  ),
  tokenFile: optional(secretFile("The proxy's own token for it; read again each time."), IN_CLUSTER.tokenFile)
})

const ROLE_RULE = group('Gives a role to callers who named none; the first rule that matches counts.', {
  role: text({ help: 'Name of the role.' }),
  namespaces: list(globs('namespace'), { help: 'Kubernetes namespaces the rule is for.', min: 1 }),
  serviceAccounts: list(globs('service account'), { help: 'Service accounts the rule is for.', fallback: ['*'] })
})

const ISS_URL = url({ help: "The `iss` of its tokens, character by character; `auto` for that of the proxy's own token." })
const ISS: Field<string> = {
  ...ISS_URL,
  takes: '`auto`, or an https URL (http where it is allowed) without user, query and fragment',
  schema: { type: 'string', description: ISS_URL.help },
  read: (written, path, reading) => (written === 'auto' ? written : ISS_URL.read(written, path, reading))
}

const WRITTEN = group('A party whose tokens prove who calls.', {
  id: text({
    help: 'Names the issuer in policies, roles, marks of objects and its path of STS, `/sts/<id>`; never changes.',
    pattern: /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/,
    takes: 'lower-case letters, digits, dots, hyphens and underscores'
  }),
  issuer: ISS,
  apiServer: optional(API_SERVER, 'the defaults of its settings'),
  jwks: JWKS,
  audiences: list(text({ help: 'An audience.', pattern: /^[^*\s]+$/, takes: 'a literal audience, without wildcards' }), {
    help: "Audiences that are the proxy's own; never the API server's.",
    min: 1
  }),
  algorithms: list(oneOf(ALGORITHMS, { help: 'A signature algorithm.' }), {
    help: 'Signatures that are accepted.',
    fallback: ['RS256', 'ES256']
  }),
  maxTokenTtl: duration({ help: 'Tokens that live longer are refused.', fallback: '2h', min: 60_000, max: 86_400_000 }),
  requirePodBinding: flag({ help: 'A token must name the pod it was made for.', fallback: true }),
  clockTolerance: duration({ help: 'How far clocks may differ.', fallback: '30s', min: 0, max: 300_000 }),
  tokenReview: optional(
    oneOf(['off', 'onExchange'], {
      help: '`onExchange`: the API server is asked about each token at its exchange for a session, or at its first use on a request.'
    }),
    'onExchange with `auto`, else off'
  ),
  stsPathOnly: flag({
    help: 'Its tokens are taken at `/sts/<id>` alone, so that another issuer may have the same issuer and audience.',
    fallback: false
  }),
  default: flag({ help: 'Subjects of this issuer own objects under their plain name. Exactly one issuer; never moves.', fallback: false }),
  roles: list(ROLE_RULE, { help: 'Which role callers take who named none.' })
})

/** How the API server of an issuer is reached. */
export interface ApiServerConfig {
  readonly url: string
  readonly caFile: FileText | null
  readonly tokenFile: Secret
}

type Written = ValueOf<typeof WRITTEN>

export interface IssuerConfig extends Omit<Written, 'apiServer' | 'tokenReview'> {
  /** As it is at start; with `isAuto` it follows the proxy's own token. */
  readonly issuer: string
  readonly isAuto: boolean
  /** Null where nothing is asked of it. */
  readonly apiServer: ApiServerConfig | null
  readonly tokenReview: 'off' | 'onExchange'
}

/** An issuer as it was written, completed with what the proxy's own cluster says. */
export const ISSUER: Field<IssuerConfig> = {
  ...WRITTEN,
  read: (written, path, reading) => completed(WRITTEN.read(written, path, reading), path, reading),
  show: (value) => WRITTEN.show({ ...value, issuer: value.isAuto ? 'auto' : value.issuer })
}

export const ISSUERS = list(ISSUER, { help: 'Who may vouch for callers.' })

function completed(written: Written, path: string, reading: Reading): IssuerConfig {
  const isAuto = written.issuer === 'auto'
  const tokenReview = written.tokenReview ?? (isAuto ? 'onExchange' : 'off')
  const isAsked = isAuto || tokenReview === 'onExchange'
  if (!isAsked && written.apiServer !== null)
    reading.problem(`${path}.apiServer`, 'has a meaning with issuer: auto or tokenReview: onExchange only')
  checkJwks(written.jwks, { path: `${path}.jwks`, mayBeLeftOut: isAuto }, reading)
  const apiServer = isAsked ? apiServerOf(written.apiServer, `${path}.apiServer`, reading) : null
  const own = apiServer === null ? null : ownTokenOf(apiServer, `${path}.apiServer.tokenFile`, reading)
  const issuer = isAuto ? (own?.iss ?? 'auto') : written.issuer
  checkAudiences({ issuer, own, audiences: written.audiences }, path, reading)
  return { ...written, issuer, isAuto, tokenReview, apiServer, jwks: jwksOf(written.jwks, isAuto ? apiServer : null) }
}

function apiServerOf(written: Written['apiServer'], path: string, reading: Reading): ApiServerConfig {
  const address = written?.url ?? IN_CLUSTER.url
  if (reading.sound(`${path}.url`) && isExposed(address))
    reading.problem(`${path}.url`, 'must be https (http on loopback only): tokens are sent to it')
  const readCa = (): FileText => file({ help: '', check: problemOfPem }).read(IN_CLUSTER.caFile, `${path}.caFile`, reading)
  return {
    url: address,
    caFile: written?.caFile ?? ((written?.url ?? null) === null ? readCa() : null),
    tokenFile: written?.tokenFile ?? secretFile('').read(IN_CLUSTER.tokenFile, `${path}.tokenFile`, reading)
  }
}

function ownTokenOf({ tokenFile }: ApiServerConfig, path: string, reading: Reading): OwnToken | null {
  const own = readOwnToken(tokenFile.reveal())
  if (own === null && reading.sound(path)) reading.problem(path, `${tokenFile.source} holds no service-account token`)
  return own
}

function jwksOf(jwks: Written['jwks'], apiServer: ApiServerConfig | null): Written['jwks'] {
  if (apiServer === null || jwks.url !== null || jwks.file !== null || jwks.inline !== null) return jwks
  const { url: address, caFile, tokenFile } = apiServer
  return { ...jwks, url: `${address.replace(/\/$/, '')}${KEYS_PATH}`, caFile, bearerTokenFile: tokenFile }
}

function checkAudiences(
  { issuer, own, audiences }: { readonly issuer: string; readonly own: OwnToken | null; readonly audiences: readonly string[] },
  path: string,
  reading: Reading
): void {
  for (const [index, audience] of audiences.entries()) {
    const at = `${path}.audiences[${index}]`
    // The API server's audience is the issuer itself where nobody has chosen another, and every pod holds a token for it.
    if (audience === issuer && reading.sound(`${path}.issuer`))
      reading.problem(at, "must be the proxy's own: every pod holds a token for the issuer itself")
    else if (own?.audiences.includes(audience) === true)
      reading.problem(at, "must be the proxy's own: it is an audience of the API server, for which the proxy's own token is")
  }
}

function checkJwks(jwks: Written['jwks'], { path, mayBeLeftOut }: { path: string; mayBeLeftOut: boolean }, reading: Reading): void {
  if (!reading.sound(path)) return
  const given = (['url', 'file', 'inline'] as const).filter((name) => jwks[name] !== null)
  if (given.length > 1 || (given.length === 0 && !mayBeLeftOut))
    reading.problem(path, `needs exactly one of url, file and inline, but has ${given.length === 0 ? 'none' : given.join(' and ')}`)
  const inlineProblem = jwks.inline === null ? null : problemOfKeySet(jwks.inline)
  if (inlineProblem !== null) reading.problem(`${path}.inline`, inlineProblem)
  if (jwks.url !== null && isExposed(jwks.url))
    reading.problem(`${path}.url`, 'must be https (http on loopback only): keys from elsewhere could be anybody’s')
  if (jwks.url === null && (given.length === 1 || mayBeLeftOut)) {
    if (jwks.caFile !== null) reading.problem(`${path}.caFile`, 'has a meaning with url only')
    if (jwks.bearerTokenFile !== null) reading.problem(`${path}.bearerTokenFile`, 'has a meaning with url only')
  }
}

function problemOfKeySet(jwks: string): string | null {
  try {
    const { keys } = JSON.parse(jwks) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0 ? null : 'holds no key set: it needs a list `keys`'
  } catch {
    return 'is not JSON'
  }
}
