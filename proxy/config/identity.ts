import { group, list, map, nearest, optional, quote, type Field, type Reading, type ValueOf } from './field.ts'
import { globs, type IssuerConfig } from './issuers.ts'
import { duration, text } from './scalar.ts'
import { policyDocument, secret, secretFile, type PolicyDocument } from './secret.ts'

/** Documents that ship with the product; a role may name them, and no document of the configuration may take their names. */
export const BUILT_IN_POLICY_NAMES = ['ownership', 'viewer', 'editor', 'admin'] as const

const POLICY_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/

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

export type RoleConfig = ValueOf<typeof ROLE>
export type TrustConfig = ValueOf<typeof TRUST>

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
  for (const [name, policy] of settings.policies) {
    judge(policy, `policies.${name}`, reading)
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
    refuseAmbiguity(issuer, earlier, { path, at }, reading)
  }
  for (const [at, rule] of issuer.roles.entries()) {
    if (reading.sound(`${path}.roles[${at}].role`)) refuseUnknownRole(rule.role, { at: `${path}.roles[${at}].role`, roles }, reading)
  }
}

/** Two issuers that are alike in `iss` and audience: a token at `/` or on a request could be either's. */
function refuseAmbiguity(issuer: IssuerConfig, earlier: IssuerConfig, { path, at }: { path: string; at: number }, reading: Reading): void {
  if (earlier.issuer !== issuer.issuer || earlier.stsPathOnly || issuer.stsPathOnly) return
  const common = issuer.audiences.find((audience) => earlier.audiences.includes(audience))
  const read = [path, `issuers[${at}]`].flatMap((one) => [`${one}.issuer`, `${one}.apiServer`, `${one}.audiences`])
  if (common === undefined || !reading.sound(...read)) return
  reading.problem(
    `${path}.audiences`,
    `${common} is an audience of issuers[${at}], which has the same issuer: a token could be either's. Give each an audience of its own, or one of them stsPathOnly: true`
  )
}

function judge({ source, document }: PolicyDocument, path: string, reading: Reading): void {
  if (!reading.sound(path)) return
  const from = source === path ? '' : ` (in ${source})`
  for (const { path: place, message } of reading.judgePolicy(document))
    reading.problem(place === '' ? path : `${path}.${place}`, `${message}${from}`)
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
    if (!('name' in policy)) judge(policy, `${path}.policies[${at}]`, reading)
    else if (!known.includes(policy.name))
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
