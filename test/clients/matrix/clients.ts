import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { startAwsCli } from '../aws-cli/driver.ts'
import { startCurl, startCurlWithUrlsOf } from '../command-line/curl.ts'
import { startCommandLine } from '../command-line/driver.ts'
import { mc, rclone, s3cmd, s5cmd, type SetUp } from '../command-line/programs.ts'
import { startRestic } from '../command-line/restic.ts'
import { startWorker, type Driver } from '../driver.ts'
import type { Login } from './login.ts'
import type { WayName } from './site.ts'

export type Act = 'put' | 'get' | 'list' | 'delete' | 'multipart'
export type Target = 'own object' | "another service's object" | 'another tenant'

/** What a client does not do, and why. */
export interface Gap {
  readonly act: Act
  /** Every target where it is left out. */
  readonly target?: Target
  readonly why: string
}

/** One client and the ways by which it comes in. */
export interface Client {
  readonly name: string
  readonly ways: readonly WayName[]
  /** Where the client was put; undefined where it could not be. */
  readonly installed: string | undefined
  /** False for a client with a format of its own; else an object holds the very bytes. */
  readonly keepsBytes: boolean
  /** Below the key, where the client keeps more than one object there: what it reads first. */
  readonly entry?: string
  /** How much it must be given to send it in parts; nine MiB where that is not said. */
  readonly bigMiB?: number
  readonly gaps: readonly Gap[]
  start(login: Login, s3: string): Promise<Driver>
}

const { env } = process
const CURL = env['PATH']
  ?.split(delimiter)
  .map((folder) => join(folder, 'curl'))
  .find((path) => existsSync(path))
const CLIENTS = join(import.meta.dirname, '..')
const KEYS: readonly WayName[] = ['session credentials', 'access key']
const ENVIRONMENT: readonly WayName[] = ['web identity', 'container credentials', 'sidecar', ...KEYS]
/** A client that can only hold keys may hold any, in front of a sidecar. */
const GIVEN_KEYS: readonly WayName[] = ['sidecar', ...KEYS]
/** For clients that take long to start, of which others cover the keys. */
const WEB_IDENTITY: readonly WayName[] = ['web identity']
const ACCESS_KEY: readonly WayName[] = ['access key']

/** Every client of the matrix. A client of another language is a worker of its own; a program of the command line is a line. */
export const MATRIX: readonly Client[] = [
  sdk('boto3', ENVIRONMENT, env['SLUICE_TEST_PYTHON'], (python) => [python, join(CLIENTS, 'python', 'worker.py')]),
  sdk('AWS SDK for JavaScript', ENVIRONMENT, process.execPath, (node) => [node, join(CLIENTS, 'javascript', 'worker.ts')]),
  sdk('aws-sdk-go-v2', ENVIRONMENT, env['SLUICE_TEST_GO_CLIENTS'], (folder) => [join(folder, 'awssdk')]),
  sdk('AWS SDK for Java', [...WEB_IDENTITY, 'container credentials', ...ACCESS_KEY], env['SLUICE_TEST_JAVA'], (folder) => [
    ...['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'],
    ...['-cp', `${join(folder, 'classes')}:${join(folder, 'libraries')}/*`, 'Worker']
  ]),
  awsCli('aws cli v1', WEB_IDENTITY, env['SLUICE_TEST_PYTHON'], (python) => ({ python })),
  awsCli('aws cli v2', WEB_IDENTITY, env['SLUICE_TEST_AWS_CLI_V2'], (aws) => ({ aws })),
  {
    ...sdk('polars', WEB_IDENTITY, env['SLUICE_TEST_POLARS'], (python) => [python, join(CLIENTS, 'python', 'polars_worker.py')]),
    keepsBytes: false,
    bigMiB: 70,
    gaps: [
      { act: 'delete', why: 'polars deletes nothing' },
      { act: 'list', target: "another service's object", why: 'polars reads what it lists, which is the cell of get' }
    ]
  },
  minioWorker('minio-go', ['container credentials', ...GIVEN_KEYS], env['SLUICE_TEST_GO_CLIENTS'], (folder) => [join(folder, 'miniogo')]),
  {
    ...minioWorker('minio-js', GIVEN_KEYS, process.execPath, (node) => [node, join(CLIENTS, 'javascript', 'minio-worker.ts')]),
    bigMiB: 18
  },
  commandLine('mc', GIVEN_KEYS, env['SLUICE_TEST_MC'], mc),
  commandLine('rclone', [...WEB_IDENTITY, ...ACCESS_KEY], env['SLUICE_TEST_RCLONE'], rclone),
  commandLine('s5cmd', [...WEB_IDENTITY, ...ACCESS_KEY], env['SLUICE_TEST_S5CMD'], s5cmd),
  commandLine('s3cmd', ['sidecar', ...ACCESS_KEY], env['SLUICE_TEST_S3CMD'], s3cmd),
  {
    ...{ name: 'restic', ways: ['sidecar', ...ACCESS_KEY], installed: env['SLUICE_TEST_RESTIC'], keepsBytes: false, entry: '/config' },
    gaps: [
      { act: 'multipart', why: 'restic sends its packs in one piece' },
      { act: 'list', target: "another service's object", why: 'restic reads the repository before it lists, which is the cell of get' }
    ],
    start: (login, s3) => startRestic(env['SLUICE_TEST_RESTIC'] ?? '', login, s3)
  },
  curl('curl', [...GIVEN_KEYS, 'bearer'], startCurl, CURL),
  curl('curl, by URLs of boto3', ['presigned URL'], urlsOf('boto3'), env['SLUICE_TEST_PYTHON']),
  curl('curl, by URLs of minio-go', ['presigned URL'], urlsOf('minio-go'), env['SLUICE_TEST_GO_CLIENTS']),
  {
    ...curl('curl, by URLs of aws-sdk-go-v2', ['presigned URL'], urlsOf('aws-sdk-go-v2'), env['SLUICE_TEST_GO_CLIENTS']),
    gaps: [
      { act: 'list', why: 'this SDK presigns no list' },
      { act: 'multipart', why: 'this SDK presigns neither the begin nor the end of an upload' }
    ]
  }
]

function sdk(
  name: string,
  ways: readonly WayName[],
  installed: string | undefined,
  command: (installed: string) => readonly string[]
): Client {
  return {
    ...{ name, ways, installed, keepsBytes: true, gaps: [] },
    start(login) {
      const [program = '', ...args] = command(installed ?? '')
      return Promise.resolve(startWorker({ command: program, args, env: login.env }))
    }
  }
}

function minioWorker(
  name: string,
  ways: readonly WayName[],
  installed: string | undefined,
  command: (installed: string) => readonly string[]
): Client {
  return {
    ...{ name, ways, installed, keepsBytes: true, gaps: [] },
    start({ keys, env }, s3) {
      const [program = '', ...args] = command(installed ?? '')
      const given = { ACCESS_KEY_ID: keys?.accessKeyId, SECRET_ACCESS_KEY: keys?.secretAccessKey, SESSION_TOKEN: keys?.sessionToken }
      const present = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined)
      return Promise.resolve(startWorker({ command: program, args, env: { ...env, ENDPOINT: s3, ...Object.fromEntries(present) } }))
    }
  }
}

function awsCli(
  name: string,
  ways: readonly WayName[],
  installed: string | undefined,
  program: (installed: string) => Parameters<typeof startAwsCli>[0]['program']
): Client {
  return {
    ...{ name, ways, installed, keepsBytes: true, gaps: [] },
    start: (login) => startAwsCli({ program: program(installed ?? ''), env: login.env })
  }
}

function commandLine(name: string, ways: readonly WayName[], installed: string | undefined, setUp: SetUp): Client {
  return {
    ...{ name, ways, installed, keepsBytes: true, gaps: [] },
    start: (login, s3) => startCommandLine(installed ?? '', setUp, { login, s3 })
  }
}

/** curl is the machine's own; `needs` is where the client is that makes its URLs. */
function curl(name: string, ways: readonly WayName[], start: Client['start'], needs: string | undefined): Client {
  return { name, ways, installed: CURL === undefined ? undefined : needs, keepsBytes: true, gaps: [], start }
}

function urlsOf(maker: string): Client['start'] {
  return async (login, s3) => {
    const client = MATRIX.find(({ name }) => name === maker)
    if (client === undefined) throw new Error(`there is no client ${maker}`)
    return startCurlWithUrlsOf(await client.start(login, s3))
  }
}
