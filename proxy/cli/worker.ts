import { configOfText } from './config-file.ts'
import { growYoungGeneration } from './young-generation.ts'
import { runWorker } from '../compose/workers/worker.ts'

// What a worker process runs; only `sluice serve` starts it.
growYoungGeneration()
process.exit(await runWorker(process, configOfText))
