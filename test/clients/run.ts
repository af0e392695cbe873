/**
 * `npm run test:clients`: clients in other languages, which are put into a cache outside the checkout first. Ends with
 * `N passed, N failed`.
 */
import { CLIENTS_SUITES, runSteps } from '../run-steps.ts'
import { installClients } from './install/install.ts'

const { env, skipped } = await installClients({ slowToo: false })
for (const line of skipped) process.stdout.write(`${line}\n`)
const suite = {
  name: 'boto3, the aws command line, a browser and the matrix of clients',
  command: 'tap',
  args: ['--reporter', 'tap', '--timeout', '600', ...CLIENTS_SUITES],
  env,
  counts: 'tap'
} as const
const { failed } = await runSteps([suite])
process.exitCode = failed === 0 ? 0 : 1
