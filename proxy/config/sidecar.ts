import { stringify } from 'yaml'
import { ACCOUNT, checkAccount, completeAccount, type AccountConfig, type AccountSettings } from './accounts.ts'
import { ConfigProblems, readYaml, type ConfigSource } from './config.ts'
import { group, list, nearest, optional, quote, Reading, type ValueOf } from './field.ts'
import { BUILT_IN_POLICY_NAMES, ROLE_POLICY } from './identity.ts'
import { ISSUER, type IssuerConfig } from './issuers.ts'
import { flag, isExposed, port, text, url } from './scalar.ts'
import { file, problemOfPem, secretFile } from './secret.ts'
import { host, LIMITS, LOG, TIMEOUTS } from './settings.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/
const TENANT = /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/
const ROLE_ARN = /^arn:aws[a-z-]{0,20}:iam::[\w-]{0,64}:role\/[\w+=,.@-]{1,64}$/

const tokenFile = secretFile("The pod's projected service-account token, for the audience of Sluice; read again as kubelet exchanges it.")

const LISTEN = group('Where the other containers of the pod find S3.', {
  host: text({
    help: 'Loopback address to listen on.',
    fallback: '127.0.0.1',
    pattern: LOOPBACK,
    takes: 'a loopback address (127.0.0.1, ::1, localhost): whoever reaches a sidecar acts as its pod'
  }),
  port: port({ help: 'Port to listen on.', fallback: 9000 })
})

const OPS = group('Liveness, readiness and metrics, for the platform.', {
  host: host('0.0.0.0'),
  port: port({ help: 'Port of the ops listener.', fallback: 9090 })
})

const CENTRAL = group('The central Sluice that requests are sent on to.', {
  url: url({ help: 'Its S3 listener, e.g. https://sluice.storage.svc.' }),
  allowHttp: flag({ help: "Allows http to another machine: anybody on the way can read data and the pod's token.", fallback: false }),
  caFile: optional(file({ help: 'PEM of the authority that signed its certificate.', check: problemOfPem }), "the system's own"),
  region: text({
    help: 'Region that requests are signed for.',
    fallback: 'local',
    pattern: /^[A-Za-z0-9-]{1,64}$/,
    takes: 'a region name'
  }),
  tokenFile,
  roleArn: text({
    help: 'The role to take there.',
    pattern: ROLE_ARN,
    takes: 'the ARN of a role of Sluice, arn:aws:iam::<account>:role/<name>'
  })
})

const TENANT_PLACE = group('The one tenant, and where it lives in the account.', {
  id: text({ help: 'The bucket that clients address.', pattern: TENANT, takes: 'a tenant id: 3 to 63 of a-z, 0-9, . and -' }),
  bucket: text({ help: 'The bucket in the account.', pattern: TENANT, takes: 'a bucket name' }),
  adopt: flag({ help: "The whole bucket is the tenant's: its keys have no prefix. Otherwise they begin with `<id>/`.", fallback: false })
})

const POD = group('Who this pod is.', {
  tokenFile,
  issuer: optional(ISSUER, 'nothing: the token is believed, since only the platform and the pod itself can write its file'),
  policies: list(ROLE_POLICY, { help: 'What the pod may do.', fallback: ['ownership'] })
})

/** Every setting of a sidecar. */
export const SIDECAR = group('Configuration of a sidecar: either central, or account with tenant and pod.', {
  listen: LISTEN,
  ops: optional(OPS),
  central: optional(CENTRAL),
  account: optional(ACCOUNT),
  tenant: optional(TENANT_PLACE),
  pod: optional(POD),
  sealing: group('Keys that seal upload ids and page tokens, without a central Sluice.', {
    keysFile: optional(secretFile('The key ring, the same for all pods that are to know each other’s.'), 'a key that is made at start')
  }),
  log: LOG
})

type SidecarSettings = ValueOf<typeof SIDECAR>
type PodSettings = ValueOf<typeof POD>

/** What a sidecar was told, complete and checked. */
export interface SidecarConfig extends Pick<SidecarSettings, 'listen' | 'ops' | 'log' | 'sealing'> {
  readonly target:
    | ({ readonly kind: 'central' } & ValueOf<typeof CENTRAL>)
    | {
        readonly kind: 'account'
        readonly account: AccountConfig
        readonly tenant: ValueOf<typeof TENANT_PLACE>
        readonly pod: PodSettings & { readonly issuer: IssuerConfig | null }
      }
  /** As written, for people. */
  readonly settings: SidecarSettings
  /** As those of `sluice serve` are when nothing is written. */
  readonly limits: ValueOf<typeof LIMITS>
  readonly timeouts: ValueOf<typeof TIMEOUTS>
}

/** The configuration of a sidecar, or one error with every problem found. */
export function readSidecarConfig({ yamlText, env, readFile, dev = false, judgePolicy = () => [] }: ConfigSource): SidecarConfig {
  const reading = new Reading({ env, readFile, dev, judgePolicy })
  const settings = SIDECAR.read(readYaml({ name: 'sidecar.yaml', text: yamlText }, reading), '', reading)
  const target = targetOf(settings, reading)
  if (target === null || reading.problems.length > 0) throw new ConfigProblems(reading.problems)
  const { listen, ops, log, sealing } = settings
  return {
    ...{ settings, listen, ops, log, sealing, target },
    limits: LIMITS.read({}, '', reading),
    timeouts: TIMEOUTS.read({}, '', reading)
  }
}

/** The configuration as YAML, for people: everything that holds, defaults included, and no secret. */
export function describeSidecar({ settings }: SidecarConfig): string {
  return stringify(SIDECAR.show(settings), { lineWidth: 0 })
}

function targetOf(settings: SidecarSettings, reading: Reading): SidecarConfig['target'] | null {
  const { central, account, tenant, pod } = settings
  if (central !== null) {
    checkCentral(settings, central, reading)
    return { kind: 'central', ...central }
  }
  if (account === null) {
    reading.problem('central', 'is required, or else account with tenant and pod: a sidecar needs somewhere to send requests to')
    return null
  }
  checkDirect(settings, account, reading)
  if (tenant === null) reading.problem('tenant', 'is required with account: a sidecar without a central Sluice serves one tenant')
  if (pod === null) reading.problem('pod', 'is required with account: it says who owns what is written')
  if (tenant === null || pod === null) return null
  return { kind: 'account', account: completeAccount(account), tenant, pod }
}

function checkCentral(settings: SidecarSettings, central: ValueOf<typeof CENTRAL>, reading: Reading): void {
  for (const name of ['account', 'tenant', 'pod'] as const) {
    if (settings[name] !== null)
      reading.problem(name, 'has no meaning with central: the central Sluice knows accounts, tenants and callers')
  }
  if (settings.sealing.keysFile !== null) reading.problem('sealing.keysFile', 'has no meaning with central: only the central Sluice seals')
  if (!reading.sound('central.url')) return
  const { pathname, protocol } = new URL(central.url)
  if (pathname !== '/') reading.problem('central.url', `must not have a path, but has ${pathname}: buckets begin right behind the host`)
  if (isExposed(central.url) && !central.allowHttp)
    reading.problem(
      'central.url',
      "must be https: http is allowed on loopback only, or with allowHttp: true, since the pod's token goes there"
    )
  if (protocol === 'http:' && central.caFile !== null) reading.problem('central.caFile', 'has no use with an http url')
}

function checkDirect({ pod }: SidecarSettings, account: AccountSettings, reading: Reading): void {
  if (account.scope !== 'tenant' && reading.sound('account.scope')) {
    reading.problem(
      'account.scope',
      'must be tenant: whoever can run a process in the pod can use what its sidecar signs with, so that must reach one tenant alone. Where the upstream has no AssumeRole, send requests to a central Sluice instead'
    )
  }
  if (account.shared) reading.problem('account.shared', 'has no meaning here: tenant says where the one tenant lives')
  else checkAccount(account, 'account', reading)
  if (account.bucketLimits.requestsPerSecond > 0)
    reading.problem(
      'account.bucketLimits',
      'has no meaning here: a sidecar sees the requests of its own pod alone. A central Sluice can limit them'
    )
  if (pod === null) return
  if (pod.issuer !== null && pod.issuer.roles.length > 0)
    reading.problem('pod.issuer.roles', 'has no meaning here: pod.policies says what the pod may do')
  for (const [index, policy] of pod.policies.entries()) {
    if ('name' in policy && !BUILT_IN_POLICY_NAMES.some((name) => name === policy.name))
      reading.problem(`pod.policies[${index}]`, `${quote(policy.name)} is not a policy${nearest(policy.name, BUILT_IN_POLICY_NAMES)}`)
  }
}
