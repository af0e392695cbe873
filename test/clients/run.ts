/**
 * `npm run test:clients`: the long list of steps with clients in other languages, which are put into a cache outside the checkout
 * first. Ends with `N passed, N failed`.
 */
import { PREPARE } from '../prepare-tap.ts'
import { CLIENTS_SUITE, runSteps } from '../run-steps.ts'
import { installClients } from './install/install.ts'

const { failed } = await runSteps([
  ...PREPARE,
  {
    name: 'boto3, the aws command line and a browser',
    command: 'tap',
    args: ['--reporter', 'tap', '--timeout', '600', CLIENTS_SUITE],
    counts: 'tap',
    after: installClients({ slowToo: false }).then(({ env, skipped }) => ({ env, lines: skipped }))
  }
])
process.exitCode = failed === 0 ? 0 : 1
