import { fileURLToPath } from 'node:url'
import { untilSignalled, type Arguments } from './commands.ts'
import { configOfText, configTextOf } from './config-file.ts'
import { growYoungGeneration, YOUNG_GENERATION } from './young-generation.ts'
import { compose } from '../compose/compose.ts'
import type { Sluice } from '../compose/life.ts'
import { composePrimary, workersOf } from '../compose/workers/primary.ts'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))

/** Runs the proxy, in this process or in several, until it is told to stop. */
export async function serve(args: Arguments): Promise<number> {
  const sluice = composeServing(configTextOf(args))
  // Heard from the first moment: as the first process of a container there is no default that would end this one.
  const signalled = untilSignalled(() => void sluice.stop())
  const { s3, ops } = await sluice.start()
  process.stderr.write(`Sluice serves S3 and STS at ${s3}, ops at ${ops}\n`)
  try {
    await Promise.race([signalled, sluice.refused])
  } catch (error) {
    // Nothing was served that could be drained.
    void sluice.stop()
    await sluice.stop()
    throw error
  }
  await sluice.stop()
  return 0
}

function composeServing(yamlText: string): Sluice {
  const config = configOfText(yamlText)
  const count = workersOf(config)
  if (count > 1) return composePrimary(config, { count, yamlText, entry: WORKER, nodeOptions: YOUNG_GENERATION, logDestination: 1 })
  growYoungGeneration()
  return compose(config, { logDestination: 1 })
}
