import { join } from 'node:path'
import { test, type Test } from 'tap'
import { startPostgres } from '../../helpers/postgres.ts'
import { startSluice, type SluiceOptions } from '../../helpers/sluice.ts'
import { startAwsCli, type AwsCliOptions } from '../aws-cli/driver.ts'
import { startWorker } from '../driver.ts'
import { checkStore, runSteps, type ClientUnderTest } from '../run-steps.ts'

/** Where `npm run test:clients` put them. */
const PYTHON = process.env['SLUICE_TEST_PYTHON']
const AWS_CLI_V2 = process.env['SLUICE_TEST_AWS_CLI_V2']
const MINIO = process.env['SLUICE_TEST_MINIO']

const OPTIONS: SluiceOptions = MINIO === undefined ? { provider: 'aws' } : { store: { minio: MINIO }, provider: 'minio' }

// botocore takes no metadata but ASCII.
const BOTO3: ClientUnderTest = {
  name: 'boto3',
  amount: 'full',
  lacks: ['trace', 'utf8Metadata'],
  start: (sluice, service) =>
    Promise.resolve(
      startWorker({ command: PYTHON ?? '', args: [join(import.meta.dirname, 'worker.py')], env: sluice.services[service].env })
    )
}

function awsCli(name: string, amount: ClientUnderTest['amount'], program: AwsCliOptions['program']): ClientUnderTest {
  return {
    name,
    amount,
    lacks: ['presignPut', 'trace', 'utf8Metadata'],
    start: (sluice, service) => startAwsCli({ program, env: sluice.services[service].env })
  }
}

const CLIENTS: readonly { readonly client: ClientUnderTest; readonly installed: boolean }[] = [
  { client: BOTO3, installed: PYTHON !== undefined },
  { client: awsCli('aws cli v1', 'brief', { python: PYTHON ?? '' }), installed: PYTHON !== undefined },
  { client: awsCli('aws cli v2', 'brief', { aws: AWS_CLI_V2 ?? '' }), installed: AWS_CLI_V2 !== undefined }
]

/** Far more than all takes on an idle machine. */
const TIMEOUT_MS = 540_000

test('Python clients and the command line', { timeout: TIMEOUT_MS, jobs: CLIENTS.length }, async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  const runs: Promise<unknown>[] = []
  for (const { client, installed } of CLIENTS) {
    const skip = !installed && 'not installed: npm run test:clients does it'
    const sluice = installed ? await startSluice({ ...OPTIONS, postgres }) : null
    if (sluice !== null) t.teardown(() => sluice.stop())
    const run = async (t: Test): Promise<void> => {
      if (sluice === null) return
      await runSteps(t, client, { sluice, emptySegments: OPTIONS.provider !== 'minio' })
      if (OPTIONS.store === undefined) await checkStore(t, sluice)
    }
    runs.push(t.test(client.name, { skip, buffered: true, timeout: TIMEOUT_MS }, run))
  }
  await Promise.all(runs)
})
