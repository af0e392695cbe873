import t from 'tap'
import { stringify } from 'yaml'
import { describeConfig } from '../../../proxy/config/describe.ts'
import { ConfigProblems, readConfig, type Config } from '../../../proxy/config/config.ts'

const ROLE = 'arn:aws:iam::111122223333:role/team/store'
const RELATIVE = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/1' }

interface Given {
  readonly credentials?: object | undefined
  readonly account?: object
  readonly env?: Readonly<Record<string, string>>
}

function read({ credentials, account = {}, env = {} }: Given): Config {
  const main = { id: 'main', provider: 'aws', endpoint: 'https://s3.example', region: 'eu-west-1', credentials, ...account }
  return readConfig({
    yamlText: stringify({ accounts: [main], database: { url: 'postgres://nowhere.test/none' } }),
    env,
    readFile(path) {
      if (path === '/run/token') return 'token-in-the-file'
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    },
    dev: true
  })
}

function problemsOf(given: Given): readonly string[] {
  try {
    read(given)
    return []
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error
    return error.problems.map(({ at, says }) => `${at}: ${says}`)
  }
}

const webIdentity = (more: object = {}): object => ({ webIdentity: { roleArn: ROLE, tokenFile: '/run/token', ...more } })
const PAIR = { accessKeyId: 'id', secretAccessKey: 's' }

const GOOD: readonly (Given & { readonly why: string })[] = [
  { why: 'a pair', credentials: PAIR },
  { why: 'a token and a role', credentials: webIdentity() },
  { why: 'a token and a role at an STS of its own', credentials: webIdentity({ stsEndpoint: 'https://sts.example', region: 'us-east-1' }) },
  { why: 'an STS over http on loopback', credentials: webIdentity({ stsEndpoint: 'http://127.0.0.1:9' }) },
  { why: 'what the container is told', credentials: { containerCredentials: true }, env: RELATIVE },
  { why: 'an address on the machine', credentials: { containerCredentials: { uri: 'http://169.254.170.23/v1/credentials' } } },
  { why: 'the instance', credentials: { instanceMetadata: true } },
  {
    why: 'sessions for each tenant at AWS',
    credentials: PAIR,
    account: { scope: 'tenant', tenantSessions: { roleArn: ROLE, duration: '15m' } }
  },
  {
    why: 'sessions for each tenant, of no role, at MinIO',
    credentials: PAIR,
    account: { provider: 'minio', scope: 'tenant' }
  },
  { why: 'a role on top of the instance', credentials: { instanceMetadata: true, assumeRole: { roleArn: ROLE, externalId: 'a:b' } } }
]

for (const { why, ...given } of GOOD) {
  t.test(`credentials can be ${why}`, async (t) => {
    t.strictSame(problemsOf(given), [])
  })
}

const AT = 'accounts[0].credentials'
const WRONG: readonly (Given & { readonly why: string; readonly says: readonly string[] })[] = [
  {
    why: 'there are none',
    credentials: {},
    says: [
      `${AT}.accessKeyId: is required: Access key id. Write a reference {file: PATH} or {env: NAME}`,
      `${AT}.secretAccessKey: is required: Secret access key. Write a reference {file: PATH} or {env: NAME}`
    ]
  },
  {
    why: 'a session token stands alone',
    credentials: { ...webIdentity(), sessionToken: 't' },
    says: [`${AT}: must be of one kind, but has accessKeyId, webIdentity`]
  },
  {
    why: 'there are two kinds',
    credentials: { ...webIdentity(), instanceMetadata: true },
    says: [`${AT}: must be of one kind, but has webIdentity, instanceMetadata`]
  },
  {
    why: 'a role stands on nothing',
    credentials: { assumeRole: { roleArn: ROLE } },
    says: [
      `${AT}.accessKeyId: is required: Access key id. Write a reference {file: PATH} or {env: NAME}`,
      `${AT}.secretAccessKey: is required: Secret access key. Write a reference {file: PATH} or {env: NAME}`
    ]
  },
  {
    why: 'the token file is missing',
    credentials: webIdentity({ tokenFile: '/run/none' }),
    says: [`${AT}.webIdentity.tokenFile: file /run/none does not exist`]
  },
  {
    why: 'a role is no ARN',
    credentials: webIdentity({ roleArn: 'store' }),
    says: [`${AT}.webIdentity.roleArn: must be the ARN of an IAM role, but is "store"`]
  },
  {
    why: 'STS is asked in the open',
    credentials: webIdentity({ stsEndpoint: 'http://sts.example' }),
    says: [`${AT}.webIdentity.stsEndpoint: must be https: http is allowed on loopback only, or with allowHttp: true`]
  },
  {
    why: 'the container is told nothing',
    credentials: { containerCredentials: true },
    says: [`${AT}.containerCredentials.uri: is required here: neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor _RELATIVE_URI is set`]
  },
  {
    why: 'the container asks in the open',
    credentials: { containerCredentials: { uri: 'http://credentials.example/' } },
    says: [`${AT}.containerCredentials.uri: must be https: http is allowed on loopback and to the platforms' own addresses only`]
  },
  {
    why: 'sessions for each tenant at AWS have no role',
    credentials: PAIR,
    account: { scope: 'tenant' },
    says: ['accounts[0].tenantSessions.roleArn: is required for scope: tenant at AWS']
  },
  {
    why: 'a role is given for sessions that are not made',
    credentials: PAIR,
    account: { tenantSessions: { roleArn: ROLE } },
    says: ['accounts[0].tenantSessions.roleArn: has a meaning with scope: tenant only']
  },
  {
    why: 'sessions are asked for in the open',
    credentials: PAIR,
    account: { provider: 'minio', scope: 'tenant', tenantSessions: { stsEndpoint: 'http://sts.example' } },
    says: ['accounts[0].tenantSessions.stsEndpoint: must be https: http is allowed on loopback only, or with allowHttp: true']
  },
  {
    why: 'the container has a word',
    credentials: { containerCredentials: 'yes' },
    env: RELATIVE,
    says: [`${AT}.containerCredentials: must be true or a mapping, but is "yes"`]
  }
]

for (const { why, says, ...given } of WRONG) {
  t.test(`it is told when of the credentials ${why}`, async (t) => {
    t.strictSame(problemsOf(given), says)
  })
}

t.test('a relative address of the platform is one on the machine itself', async (t) => {
  const [account] = read({ credentials: { containerCredentials: true }, env: RELATIVE }).accounts
  t.equal(account?.credentials.containerCredentials?.uri, 'http://169.254.170.2/v2/credentials/1')
})

t.test('the configuration is shown without the token', async (t) => {
  const shown = describeConfig(read({ credentials: webIdentity() }))
  t.match(shown, '(redacted, from file /run/token)')
  t.notMatch(shown, 'token-in-the-file')
})
