/**
 * `npm run test:kube`: builds a kube-apiserver where there is none yet, outside the checkout, and runs the suite against it. Needs
 * Go and openssl. Ends with `N passed, N failed`.
 */
import { join } from 'node:path'
import { KUBE_BINARIES } from './kube/binaries.ts'
import { PREPARE } from './prepare-tap.ts'
import { globOf, runSteps } from './run-steps.ts'

const { failed } = await runSteps([
  ...PREPARE,
  {
    name: 'etcd, kube-apiserver and kubectl',
    command: join(import.meta.dirname, 'kube', 'build-kube.sh'),
    args: [KUBE_BINARIES],
    counts: 'one'
  },
  { name: 'a real kube-apiserver', command: 'tap', args: ['--reporter', 'tap', '--timeout', '600', globOf('test/kube')], counts: 'tap' }
])
process.exitCode = failed === 0 ? 0 : 1
