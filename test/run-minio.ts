/**
 * `npm run test:minio`: the suites that can run against a real MinIO, whose binary SLUICE_TEST_MINIO names. Ends with
 * `N passed, N failed`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevUpstream } from '../proxy/dev/dev-upstream.ts'
import { PREPARE } from './prepare-tap.ts'
import { globOf, runSteps } from './run-steps.ts'

const binary = process.env['SLUICE_TEST_MINIO']
if (binary === undefined) {
  process.stdout.write('Say where MinIO is: SLUICE_TEST_MINIO=<path of the binary> npm run test:minio\n0 passed, 1 failed\n')
  process.exit(1)
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-test-minio-'))
const minio = await startDevUpstream({ store: 'minio', folder, minio: binary })
const { endpoint, accessKeyId, secretAccessKey } = minio
const upstream = { name: 'minio', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey }
const tap = ['--reporter', 'tap', '--timeout', '600']
try {
  const { failed } = await runSteps([
    ...PREPARE,
    {
      name: 'MinIO answers as the list of its deviations says',
      command: 'tap',
      args: [...tap, globOf('test/conformance')],
      env: { SLUICE_CONFORMANCE_UPSTREAM: JSON.stringify(upstream) },
      counts: 'tap'
    },
    {
      name: 'JavaScript clients and replayed requests',
      command: 'tap',
      args: [...tap, globOf('test/clients/javascript'), globOf('test/clients/replay')],
      counts: 'tap'
    },
    {
      name: 'clients in other languages',
      command: process.execPath,
      args: [join(import.meta.dirname, 'clients', 'run.ts')],
      counts: 'line'
    }
  ])
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  await minio.stop()
  await rm(folder, { recursive: true, force: true })
}
