/**
 * `npm run test:clients`: clients in other languages, which are put into a cache outside the checkout first. Ends with
 * `N passed, N failed`.
 */
import { CLIENTS_SUITE, runSteps } from '../run-steps.ts'
import { installClients } from './install.ts'

const { env, skipped } = await installClients()
for (const line of skipped) process.stdout.write(`${line}\n`)
const suite = {
  name: 'boto3, the aws command line and a browser',
  command: 'tap',
  args: ['--reporter', 'tap', '--timeout', '600', CLIENTS_SUITE],
  env,
  counts: 'tap'
} as const
const { failed } = await runSteps(Object.keys(env).length === 0 ? [] : [suite])
process.exitCode = failed === 0 ? 0 : 1
