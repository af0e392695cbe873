import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Where clients of other languages were put, for the environment of their suite; absent where they could not be. */
export interface InstalledClients {
  readonly env: Readonly<Record<string, string>>
  /** One sentence per client that is not there. */
  readonly skipped: readonly string[]
}

const PACKAGES = ['awscli==1.46.2', 'boto3==1.44.5']
const AWS_CLI_V2 = '2.0.186'

let installing: Promise<InstalledClients> | null = null

/** Looks for a browser, and puts aws cli v1, boto3 and aws cli v2 into a cache outside the checkout, each once; a later call waits for the first. */
export function installClients(): Promise<InstalledClients> {
  installing ??= install()
  return installing
}

async function install(): Promise<InstalledClients> {
  const [others, browser] = await Promise.all([installOthers(), findChromium()])
  return { env: { ...others.env, ...browser.env }, skipped: [...others.skipped, ...browser.skipped] }
}

/** A browser is the machine's own: it is looked for and never installed. */
async function findChromium(): Promise<InstalledClients> {
  for (const program of ['chromium', 'chromium-browser', 'google-chrome']) {
    if ((await run(program, ['--version'])) === null) return { env: { SLUICE_TEST_CHROMIUM: pathOf(program) }, skipped: [] }
  }
  return { env: {}, skipped: ['the browser is skipped: there is no chromium'] }
}

/** Where the shell would find a program that is there. */
function pathOf(program: string): string {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((one) => existsSync(join(one, program)))
  return join(folder ?? '', program)
}

async function installOthers(): Promise<InstalledClients> {
  if ((await run('python3', ['--version'])) !== null) {
    return { env: {}, skipped: ['boto3, aws cli v1 and aws cli v2 are skipped: there is no python3'] }
  }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice')
  const [python, cli] = await Promise.all([installPython(cache), installAwsCliV2(cache)])
  return { env: { ...python.env, ...cli.env }, skipped: [...python.skipped, ...cli.skipped] }
}

async function installPython(cache: string): Promise<InstalledClients> {
  const folder = join(cache, `python-${PACKAGES.join('-').replaceAll('==', '-')}`)
  const python = join(folder, 'bin', 'python')
  const isComplete = join(folder, 'complete')
  if (!existsSync(isComplete)) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(cache, { recursive: true })
    const problem =
      (await run('python3', ['-m', 'venv', folder])) ??
      (await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES]))
    if (problem !== null) return { env: {}, skipped: [`boto3 and aws cli v1 are skipped, they could not be installed: ${problem}`] }
    await writeFile(isComplete, '')
  }
  return { env: { SLUICE_TEST_PYTHON: python }, skipped: [] }
}

async function installAwsCliV2(cache: string): Promise<InstalledClients> {
  const folder = join(cache, `aws-cli-v2-${AWS_CLI_V2}`)
  const problem = await run('bash', [join(import.meta.dirname, 'aws-cli', 'aws-cli-v2.sh'), folder])
  if (problem !== null) return { env: {}, skipped: [`aws cli v2 is skipped, it could not be installed: ${problem}`] }
  return { env: { SLUICE_TEST_AWS_CLI_V2: join(folder, 'aws') }, skipped: [] }
}

/** Null when the program succeeded, else what it complained of. */
function run(command: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)))
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code) => resolve(code === 0 ? null : (complaint.trim().split('\n').at(-1) ?? `exit code ${code}`)))
  })
}
