import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { untilSignalled, type Arguments, type Command } from './commands.ts'
import { DEV_AUDIENCE, DEV_ISSUER } from './dev-proxy.ts'
import { growYoungGeneration } from './young-generation.ts'
import { devFolder, startDev, type Dev, type DevSummary } from './dev.ts'
import { findMinio } from '../dev/dev-upstream.ts'
import { openDevIssuer } from '../dev/issuer.ts'

export const devCommand: Command = {
  summary: 'Brings up a Postgres, an upstream, a token issuer and the proxy on loopback, and prints commands to try.',
  usage: '[--s3-port N] [--api-port N] [--ops-port N] [--database-port N] [--data FOLDER] [--store minio|memory] [--json]',
  help: [
    '--s3-port N        S3 and STS (default 8080; 0 takes a free one)',
    '--api-port N       the API, with container credentials (default 8081)',
    '--ops-port N       liveness, readiness, metrics (default 9090)',
    '--database-port N  Postgres (default: a free one)',
    `--data FOLDER      keys, tokens and data (default ${devFolder()})`,
    '--store KIND       minio, or memory: the in-process store, for trying and testing only (default: minio if it is on PATH)',
    '--json             prints one line of JSON when ready, and nothing else on standard output'
  ],
  options: {
    's3-port': { type: 'string' },
    'api-port': { type: 'string' },
    'ops-port': { type: 'string' },
    'database-port': { type: 'string' },
    data: { type: 'string' },
    store: { type: 'string' },
    json: { type: 'boolean' }
  },
  run: runDev
}

export const tokenCommand: Command = {
  summary: 'Prints a service-account token of the dev issuer.',
  usage: '--service NAMESPACE/NAME [--audience NAME] [--seconds N] [--data FOLDER]',
  help: ['For dev mode alone: anybody who reads its data folder can make tokens.'],
  options: { service: { type: 'string' }, audience: { type: 'string' }, seconds: { type: 'string' }, data: { type: 'string' } },
  run: printToken
}

async function runDev(args: Arguments): Promise<number> {
  growYoungGeneration()
  const { values } = args
  const json = values['json'] === true
  const minio = findMinio(process.env['PATH'] ?? '')
  const data = typeof values['data'] === 'string' ? resolve(values['data']) : devFolder()
  const dev = await startDev({
    s3Port: portOf(values['s3-port'], 's3-port', 8080),
    apiPort: portOf(values['api-port'], 'api-port', 8081),
    opsPort: portOf(values['ops-port'], 'ops-port', 9090),
    databasePort: portOf(values['database-port'], 'database-port', 0),
    data,
    store: storeOf(values['store'], minio),
    minio,
    say: (line) => void process.stderr.write(`  ${line}\n`),
    logDestination: join(data, 'requests.log')
  })
  // Before it is said that all is ready: whoever reads that may signal at once.
  const signalled = untilSignalled(() => process.exit(1))
  process.stdout.write(json ? `${JSON.stringify(dev.summary)}\n` : thingsToTry(dev.summary, data))
  await signalled
  await stopSaying(dev)
  return 0
}

async function stopSaying(dev: Dev): Promise<void> {
  process.stderr.write('  stopping\n')
  await dev.stop()
}

function portOf(value: unknown, name: string, fallback: number): number {
  if (value === undefined) return fallback
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--${name} must be a port from 0 to 65535`)
  return port
}

function storeOf(value: unknown, minio: string | null): 'minio' | 'memory' {
  if (value === undefined) return minio === null ? 'memory' : 'minio'
  if (value === 'minio' || value === 'memory') return value
  throw new Error('--store must be minio or memory')
}

function thingsToTry(summary: DevSummary, data: string): string {
  const [name, service] = Object.entries(summary.services)[0] ?? []
  if (name === undefined || service === undefined) return ''
  const [tenant] = summary.tenants
  const exports = Object.entries(service.env).map(([key, value]) => `  export ${key}=${value}`)
  const credentials = service.containerEnv?.['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? ''
  return [
    '',
    `As service ${name}, with an unmodified aws cli:`,
    '',
    ...exports,
    `  echo hello | aws s3 cp - s3://${tenant}/greeting.txt`,
    `  aws s3 ls s3://${tenant}/`,
    `  aws s3 cp s3://${tenant}/greeting.txt -`,
    '',
    'The other service of the tenant may list it, and is refused its contents:',
    '',
    `  AWS_WEB_IDENTITY_TOKEN_FILE=${Object.values(summary.services)[1]?.tokenFile ?? ''} AWS_ROLE_SESSION_NAME=other aws s3 cp s3://${tenant}/greeting.txt -`,
    '',
    'With curl, a token becomes session credentials:',
    '',
    `  curl -s ${summary.s3}/ -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 -d RoleArn=${service.env['AWS_ROLE_ARN'] ?? ''} \\`,
    `    -d RoleSessionName=curl --data-urlencode WebIdentityToken@${service.tokenFile}`,
    '',
    'So it does at the API, where clients look by AWS_CONTAINER_CREDENTIALS_FULL_URI, and which tells who a token is:',
    '',
    `  curl -s ${credentials} -H "Authorization: $(cat ${service.tokenFile})"`,
    `  curl -s ${summary.api ?? ''}/rest/v0/caller -H "Authorization: Bearer $(cat ${service.tokenFile})"`,
    '',
    `  npx sluice token --service shop/orders     another token`,
    `  curl -s ${summary.ops}/readyz`,
    `  tail -f ${join(data, 'requests.log')}`,
    '',
    'Ctrl-C stops everything.',
    ''
  ].join('\n')
}

async function printToken({ values }: Arguments): Promise<number> {
  if (typeof values['service'] !== 'string') throw new Error('name the service: npx sluice token --service NAMESPACE/NAME')
  const data = typeof values['data'] === 'string' ? resolve(values['data']) : devFolder()
  const seconds = values['seconds'] === undefined ? 3600 : Number(values['seconds'])
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 7200) throw new Error('--seconds must be from 1 to 7200')
  const issuer = await openDevIssuer({
    folder: join(data, 'issuer'),
    iss: DEV_ISSUER,
    now: () => new Date(),
    newId: randomUUID
  })
  const audience = typeof values['audience'] === 'string' ? values['audience'] : DEV_AUDIENCE
  process.stdout.write(`${await issuer.mint({ serviceAccount: values['service'], audience, ttlSeconds: seconds })}\n`)
  return 0
}
