import { group, optional, quote, type Field, type Reading, type ValueOf } from './field.ts'
import { duration, flag, isExposed, text, url } from './scalar.ts'
import { secret, secretFile } from './secret.ts'

const ROLE_ARN = /^arn:[a-z-]+:iam:[^:]*:[^:]*:role\/[\w+=,.@/-]{1,512}$/
/** Addresses to which container credentials may come over http: they never leave the machine (ECS, EKS Pod Identity). */
const LINK_LOCAL: ReadonlySet<string> = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]'])

const roleArn = text({ help: 'The role that is taken.', pattern: ROLE_ARN, takes: 'the ARN of an IAM role' })
const sts = {
  region: optional(text({ help: 'Region of STS.', pattern: /^[A-Za-z0-9-]{1,64}$/, takes: 'a region name' }), "the account's"),
  stsEndpoint: optional(url({ help: 'Where STS is.' }), "AWS's own for the region; for another provider the account's endpoint")
}
const session = {
  externalId: optional(
    text({
      help: 'What the trust policy of the role asks for.',
      pattern: /^[\w+=,.@:/-]{2,1224}$/,
      takes: '2 to 1224 of A-Z a-z 0-9 _ + = , . @ : / -'
    })
  ),
  duration: duration({ help: 'How long one session lives.', fallback: '1h', min: 900_000, max: 43_200_000 }),
  ...sts
}

const CONTAINER = group(
  'Credentials that the platform serves to this container (ECS, EKS Pod Identity); `true` for what its variables say.',
  {
    uri: optional(url({ help: 'Where they are served.' }), 'AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI'),
    tokenFile: optional(secretFile('File with the token to send; read again each time.'), 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
  }
)

export const CREDENTIALS = group(
  'What requests to this account are signed with: a pair, or exactly one of webIdentity, containerCredentials and instanceMetadata.',
  {
    accessKeyId: optional(secret({ help: 'Access key id.', harmless: (written) => /^[\w.+/=-]{1,128}$/.test(written) })),
    secretAccessKey: optional(secret({ help: 'Secret access key.' })),
    sessionToken: optional(secret({ help: 'Session token of temporary credentials.' })),
    webIdentity: optional(
      group('Credentials that STS gives for a token of the platform (IRSA on EKS).', {
        roleArn,
        tokenFile: secretFile('File with the token; read again each time.'),
        ...sts
      })
    ),
    containerCredentials: optional(fromEnvironment(CONTAINER)),
    instanceMetadata: flag({ help: 'Credentials of the EC2 instance, by version 2 of its metadata service.', fallback: false }),
    assumeRole: optional(group('A role that is taken with the credentials above.', { roleArn, ...session }))
  }
)

/** For `accounts[].tenantSessions`. */
export const TENANT_SESSIONS = group('The sessions that `scope: tenant` makes with the credentials above, one for each tenant.', {
  roleArn: optional(roleArn, 'none, which only an upstream other than AWS takes'),
  ...session
})

export type CredentialSettings = ValueOf<typeof CREDENTIALS>
type ContainerSettings = ValueOf<typeof CONTAINER>

/** What is left out is taken from the variables that the platform sets, so that a mistake of them is found here. */
function fromEnvironment(field: Field<ContainerSettings>): Field<ContainerSettings> {
  return {
    ...field,
    takes: 'true, or a mapping',
    schema: { anyOf: [{ const: true }, field.schema] },
    read(written, path, reading) {
      if (written !== true && !isMapping(written)) {
        reading.problem(path, `must be true or a mapping, but is ${quote(written)}`)
        return { uri: null, tokenFile: null }
      }
      const given: Record<string, unknown> = written === true ? {} : { ...written }
      const { AWS_CONTAINER_CREDENTIALS_FULL_URI: full, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative } = reading.env
      given['uri'] ??= full ?? (relative === undefined ? undefined : `http://169.254.170.2${relative}`)
      given['tokenFile'] ??= reading.env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']
      if (given['uri'] === undefined)
        reading.problem(`${path}.uri`, 'is required here: neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor _RELATIVE_URI is set')
      return field.read(given, path, reading)
    }
  }
}

const isMapping = (written: unknown): written is Readonly<Record<string, unknown>> =>
  typeof written === 'object' && written !== null && !Array.isArray(written)

/** What is wrong between the credentials' settings, beyond each on its own. */
export function checkCredentials(
  { credentials, allowHttp }: { readonly credentials: CredentialSettings; readonly allowHttp: boolean },
  path: string,
  reading: Reading
): void {
  if (!reading.sound(path)) return
  const { accessKeyId, secretAccessKey, sessionToken, webIdentity, containerCredentials, instanceMetadata, assumeRole } = credentials
  const hasPair = accessKeyId !== null || secretAccessKey !== null || sessionToken !== null
  const others = [
    ...(webIdentity === null ? [] : ['webIdentity']),
    ...(containerCredentials === null ? [] : ['containerCredentials']),
    ...(instanceMetadata ? ['instanceMetadata'] : [])
  ]
  const kinds = [...(hasPair ? ['accessKeyId'] : []), ...others]
  if (kinds.length > 1) reading.problem(path, `must be of one kind, but has ${kinds.join(', ')}`)
  if (others.length === 0) {
    const reference = 'Write a reference {file: PATH} or {env: NAME}'
    if (accessKeyId === null) reading.problem(`${path}.accessKeyId`, `is required: Access key id. ${reference}`)
    if (secretAccessKey === null) reading.problem(`${path}.secretAccessKey`, `is required: Secret access key. ${reference}`)
  }
  for (const [name, settings] of [
    ['webIdentity', webIdentity],
    ['assumeRole', assumeRole]
  ] as const) {
    checkStsEndpoint({ endpoint: settings?.stsEndpoint ?? null, allowHttp }, `${path}.${name}.stsEndpoint`, reading)
  }
  const uri = containerCredentials?.uri ?? null
  if (uri !== null && isExposed(uri) && !LINK_LOCAL.has(new URL(uri).hostname)) {
    reading.problem(
      `${path}.containerCredentials.uri`,
      "must be https: http is allowed on loopback and to the platforms' own addresses only"
    )
  }
}

/** What is wrong between the scope and its sessions. */
export function checkScope(
  settings: {
    readonly scope: 'account' | 'tenant'
    readonly provider: string
    readonly tenantSessions: ValueOf<typeof TENANT_SESSIONS>
    readonly allowHttp: boolean
  },
  path: string,
  reading: Reading
): void {
  const { scope, provider, tenantSessions, allowHttp } = settings
  if (!reading.sound(`${path}.scope`, `${path}.provider`, `${path}.tenantSessions`)) return
  checkStsEndpoint({ endpoint: tenantSessions.stsEndpoint, allowHttp }, `${path}.tenantSessions.stsEndpoint`, reading)
  if (scope === 'account' && tenantSessions.roleArn !== null)
    reading.problem(`${path}.tenantSessions.roleArn`, 'has a meaning with scope: tenant only')
  if (scope === 'tenant' && provider === 'aws' && tenantSessions.roleArn === null)
    reading.problem(`${path}.tenantSessions.roleArn`, 'is required for scope: tenant at AWS')
}

/** Secrets come from there: http only where nobody is on the way. */
export function checkStsEndpoint(
  { endpoint, allowHttp }: { readonly endpoint: string | null; readonly allowHttp: boolean },
  path: string,
  reading: Reading
): void {
  if (endpoint !== null && isExposed(endpoint) && !allowHttp)
    reading.problem(path, 'must be https: http is allowed on loopback only, or with allowHttp: true')
}
