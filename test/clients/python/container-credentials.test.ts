import { join } from 'node:path'
import { test } from 'tap'
import { startAwsCli, type AwsCliOptions } from '../aws-cli/driver.ts'
import { containerEnv, oneTenant, useContainerCredentials } from '../container-credentials.ts'
import { startSluice } from '../../helpers/sluice.ts'
import { startWorker, type Driver } from '../driver.ts'

/** Where `npm run test:clients` put them. */
const PYTHON = process.env['SLUICE_TEST_PYTHON']
const AWS_CLI_V2 = process.env['SLUICE_TEST_AWS_CLI_V2']
const TIMEOUT_MS = 300_000

type Start = (env: Readonly<Record<string, string>>) => Promise<Driver>
const awsCli =
  (program: AwsCliOptions['program']): Start =>
  (env) =>
    startAwsCli({ program, env })
const boto3: Start = (env) =>
  Promise.resolve(startWorker({ command: PYTHON ?? '', args: [join(import.meta.dirname, 'worker.py')], env: { ...env } }))

const CLIENTS: readonly { readonly name: string; readonly installed: boolean; readonly start: Start }[] = [
  { name: 'boto3', installed: PYTHON !== undefined, start: boto3 },
  { name: 'aws cli v1', installed: PYTHON !== undefined, start: awsCli({ python: PYTHON ?? '' }) },
  { name: 'aws cli v2', installed: AWS_CLI_V2 !== undefined, start: awsCli({ aws: AWS_CLI_V2 ?? '' }) }
]

for (const { name, installed, start } of CLIENTS) {
  const skip = !installed && 'not installed: npm run test:clients does it'
  test(`${name}, told of the API by its environment`, { skip, timeout: TIMEOUT_MS }, async (t) => {
    const sluice = await startSluice({ adjust: oneTenant })
    t.teardown(() => sluice.stop())
    await useContainerCredentials(t, sluice, (service) => start(containerEnv(sluice, service)))
  })
}
