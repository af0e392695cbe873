import { parse } from 'yaml'
import { group, list, map, nearest, optional, quote, type Field, type Reading, type ValueOf } from './field.ts'
import { duration, flag, isExposed, oneOf, text, url } from './scalar.ts'
import { file, policyDocument, problemOfPem, secret, secretFile, type PolicyDocument } from './secret.ts'

/** Documents that ship with the product; a role may name them, and no document of the configuration may take their names. */
export const BUILT_IN_POLICY_NAMES = ['ownership', 'viewer', 'editor', 'admin'] as const

// As in operations of Kubernetes, with `*` and `?` for patterns.
const GLOB = /^[a-z0-9.*?-]{1,253}$/
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const
const POLICY_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/

const globs = (what: string): Field<string> =>
  text({ help: `A ${what}; * and ? stand for others.`, pattern: GLOB, takes: `a ${what}, with * and ? as wildcards` })

const JWKS = group('Where the keys of the issuer come from: exactly one of url, file and inline.', {
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

const ROLE_RULE = group('Gives a role to callers who named none; the first rule that matches counts.', {
  role: text({ help: 'Name of the role.' }),
  namespaces: list(globs('namespace'), { help: 'Kubernetes namespaces the rule is for.', min: 1 }),
  serviceAccounts: list(globs('service account'), { help: 'Service accounts the rule is for.', fallback: ['*'] })
})

export const ISSUER = group('A party whose tokens prove who calls.', {
  id: text({
    help: 'Names the issuer in policies, roles and marks of objects; never changes.',
    pattern: /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/,
    takes: 'lower-case letters, digits, dots, hyphens and underscores'
  }),
  issuer: url({ help: 'The `iss` of its tokens, character by character.' }),
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
  default: flag({ help: 'Subjects of this issuer own objects under their plain name. Exactly one issuer; never moves.', fallback: false }),
  roles: list(ROLE_RULE, { help: 'Which role callers take who named none.' })
})

export const ISSUERS = list(ISSUER, { help: 'Who may vouch for callers.' })

/** A policy of a role: one that has a name, or a document of its own. */
export type RolePolicy = { readonly name: string } | PolicyDocument

export const ROLE_POLICY: Field<RolePolicy> = {
  ...policyDocument('A policy of the role.'),
  takes: 'a name, a policy document, or {file: PATH} of one',
  schema: { description: 'Name of a built-in or configured policy, or a document.', type: ['string', 'object'] },
  read: (written, path, reading) => (typeof written === 'string' ? { name: written } : policyDocument('').read(written, path, reading)),
  show: (value) => ('name' in value ? value.name : policyDocument('').show(value))
}

const TRUST = group('Callers who may name this role.', {
  issuers: list(text({ help: 'Id of an issuer, exactly.' }), { help: 'Issuers whose callers are meant.', min: 1 }),
  namespaces: list(globs('namespace'), { help: 'Their Kubernetes namespaces.', min: 1 }),
  serviceAccounts: list(globs('service account'), { help: 'Their service accounts.', fallback: ['*'] })
})

const ROLE = group('What callers may do, and for which tenants.', {
  name: text({
    help: 'The last part of the RoleArn that clients name.',
    pattern: /^[\w+=,.@-]{1,64}$/,
    takes: '1 to 64 of A-Z a-z 0-9 _ + = , . @ -'
  }),
  tenants: list(
    text({ help: 'A tenant, a pattern, or *.', pattern: /^[a-z0-9.*?-]{1,63}$/, takes: 'a tenant id, with * and ? as wildcards' }),
    {
      help: 'Tenants the role may touch.'
    }
  ),
  policies: list(ROLE_POLICY, { help: 'What the role allows.', fallback: ['ownership'] }),
  trust: list(TRUST, { help: 'Who may name the role at STS; nobody when left out.' }),
  maxSessionDuration: duration({ help: 'The longest life of its sessions.', fallback: '12h', min: 900_000, max: 43_200_000 })
})

export const ROLES = list(ROLE, { help: 'The roles callers act in.' })

export const POLICIES = map(policyDocument("A policy in AWS's policy language."), {
  help: 'Policies that roles can name.',
  name: POLICY_NAME
})

export const SEALING = group('Keys that seal sessions, upload ids and page tokens.', {
  keysFile: optional(secretFile('The key ring. The same for all replicas.'), 'nothing, which only dev mode allows')
})

/** Kept here because `secret` with `harmless` is what a database URL is: secret only where it holds a password. */
export const databaseUrl = (help: string): Field<ValueOf<ReturnType<typeof secret>>> =>
  secret({ help, harmless: (written) => URL.canParse(written) && new URL(written).password === '' })

export type IssuerConfig = ValueOf<typeof ISSUER>
export type RoleConfig = ValueOf<typeof ROLE>
export type TrustConfig = ValueOf<typeof TRUST>
export type RoleRuleConfig = ValueOf<typeof ROLE_RULE>

function problemOfKeySet(jwks: string): string | null {
  try {
    const { keys } = parse(jwks) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0 ? null : 'holds no key set: it needs a list `keys`'
  } catch {
    return 'is not JSON'
  }
}

export interface IdentitySettings {
  readonly issuers: readonly IssuerConfig[]
  readonly roles: readonly RoleConfig[]
  readonly policies: ReadonlyMap<string, PolicyDocument>
}

/** What is wrong between issuers, roles and policies, beyond each on its own. */
export function checkIdentity(settings: IdentitySettings, reading: Reading): void {
  if (settings.issuers.length === 0 && !reading.dev && reading.sound('issuers'))
    reading.problem('issuers', 'needs at least one issuer, or nobody can be proven to call')
  if (settings.roles.length === 0 && !reading.dev && reading.sound('roles'))
    reading.problem('roles', 'needs at least one role, or nobody may do anything')
  for (const index of settings.issuers.keys()) checkIssuer(settings, index, reading)
  checkDefault(settings.issuers, reading)
  for (const index of settings.roles.keys()) checkRole(settings, index, reading)
  for (const name of settings.policies.keys()) {
    if (BUILT_IN_POLICY_NAMES.some((builtIn) => builtIn === name))
      reading.problem(`policies.${name}`, 'is the name of a built-in policy: choose another')
  }
}

function checkDefault(issuers: readonly IssuerConfig[], reading: Reading): void {
  const defaults = [...issuers.entries()].filter(([, issuer]) => issuer.default).map(([index]) => index)
  const [first, second] = defaults
  if (second !== undefined) reading.problem(`issuers[${second}].default`, `issuers[${first}] is the default already: only one can be`)
  if (issuers.length > 0 && first === undefined && reading.sound(...issuers.map((_, index) => `issuers[${index}].default`))) {
    reading.problem('issuers', 'one must say default: true: its subjects own objects under their plain names')
  }
}

function checkIssuer({ issuers, roles }: IdentitySettings, index: number, reading: Reading): void {
  const issuer = issuers[index]
  if (issuer === undefined) return
  const path = `issuers[${index}]`
  for (const [at, earlier] of issuers.slice(0, index).entries()) {
    if (earlier.id === issuer.id && reading.sound(`${path}.id`))
      reading.problem(`${path}.id`, `${issuer.id} is the id of issuers[${at}] too`)
    const common = earlier.issuer === issuer.issuer ? issuer.audiences.find((audience) => earlier.audiences.includes(audience)) : undefined
    if (common !== undefined && reading.sound(`${path}.issuer`, `${path}.audiences`)) {
      reading.problem(
        `${path}.audiences`,
        `${common} is an audience of issuers[${at}], which has the same issuer: a token could be either's`
      )
    }
  }
  const own = issuer.audiences.indexOf(issuer.issuer)
  if (own !== -1 && reading.sound(`${path}.issuer`))
    reading.problem(`${path}.audiences[${own}]`, "must be the proxy's own: every pod holds a token for the issuer itself")
  checkJwks(issuer.jwks, `${path}.jwks`, reading)
  for (const [at, rule] of issuer.roles.entries()) {
    if (reading.sound(`${path}.roles[${at}].role`)) refuseUnknownRole(rule.role, { at: `${path}.roles[${at}].role`, roles }, reading)
  }
}

/** What is wrong between the places that the keys of an issuer may come from. */
export function checkJwks(jwks: IssuerConfig['jwks'], path: string, reading: Reading): void {
  if (!reading.sound(path)) return
  const given = (['url', 'file', 'inline'] as const).filter((name) => jwks[name] !== null)
  if (given.length !== 1)
    reading.problem(path, `needs exactly one of url, file and inline, but has ${given.length === 0 ? 'none' : given.join(' and ')}`)
  if (jwks.inline !== null && problemOfKeySet(jwks.inline) !== null) reading.problem(`${path}.inline`, problemOfKeySet(jwks.inline) ?? '')
  if (jwks.url !== null && isExposed(jwks.url))
    reading.problem(`${path}.url`, 'must be https (http on loopback only): keys from elsewhere could be anybody’s')
  if (jwks.url === null && given.length === 1) {
    if (jwks.caFile !== null) reading.problem(`${path}.caFile`, 'has a meaning with url only')
    if (jwks.bearerTokenFile !== null) reading.problem(`${path}.bearerTokenFile`, 'has a meaning with url only')
  }
}

function refuseUnknownRole(name: string, { at, roles }: { at: string; roles: readonly RoleConfig[] }, reading: Reading): void {
  const names = roles.map((role) => role.name)
  if (!names.includes(name)) reading.problem(at, `${quote(name)} is not a role${nearest(name, names)}`)
}

function checkRole({ issuers, roles, policies }: IdentitySettings, index: number, reading: Reading): void {
  const role = roles[index]
  if (role === undefined) return
  const path = `roles[${index}]`
  if (reading.sound(`${path}.name`) && roles.slice(0, index).some(({ name }) => name === role.name))
    reading.problem(`${path}.name`, `${role.name} is the name of another role too`)
  if (role.tenants.length === 0 && !reading.dev && reading.sound(`${path}.tenants`)) {
    reading.problem(`${path}.tenants`, 'is required: ids, patterns, or "*" for every tenant')
  }
  const known = [...BUILT_IN_POLICY_NAMES, ...policies.keys()]
  for (const [at, policy] of role.policies.entries()) {
    if ('name' in policy && !known.includes(policy.name))
      reading.problem(`${path}.policies[${at}]`, `${quote(policy.name)} is not a policy${nearest(policy.name, known)}`)
  }
  const ids = issuers.map(({ id }) => id)
  for (const [at, trust] of role.trust.entries()) {
    for (const [position, id] of trust.issuers.entries()) {
      if (!ids.includes(id))
        reading.problem(`${path}.trust[${at}].issuers[${position}]`, `${quote(id)} is not the id of an issuer${nearest(id, ids)}`)
    }
  }
}
