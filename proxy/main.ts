#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=16
import { setFlagsFromString } from 'node:v8'

// The bytes of a body lie outside of the heap, and most go only with a collection of the young generation: the larger it is, the
// more memory a stream takes. Reading the modules alone would make it grow; what serves says by itself that it may.
setFlagsFromString('--semi-space-growth-factor=1')

const { runCli } = await import('./cli/cli.ts')

process.exitCode = await runCli(process.argv.slice(2))
