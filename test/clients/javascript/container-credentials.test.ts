import { join } from 'node:path'
import { test } from 'tap'
import { containerEnv, oneTenant, useContainerCredentials } from '../container-credentials.ts'
import { startSluice } from '../../helpers/sluice.ts'
import { startWorker } from '../driver.ts'

test('the AWS SDK for JavaScript, told of the API by its environment', async (t) => {
  const sluice = await startSluice({ adjust: oneTenant })
  t.teardown(() => sluice.stop())
  const worker = join(import.meta.dirname, 'worker.ts')
  await useContainerCredentials(t, sluice, (service) =>
    Promise.resolve(startWorker({ command: process.execPath, args: [worker], env: { ...containerEnv(sluice, service) } }))
  )
})
