import { readFileSync } from 'node:fs'
import { untilSignalled, type Arguments, type Command } from './commands.ts'
import { checkAccountTarget } from '../compose/sidecar-account.ts'
import { composeSidecar } from '../compose/sidecar.ts'
import { describeSidecar, readSidecarConfig, type SidecarConfig } from '../config/sidecar.ts'

export const sidecarCommand: Command = {
  summary: 'Runs beside a service in its pod: S3 on loopback, as the service account of the pod.',
  usage: '[--config FILE]',
  help: [
    '--config FILE    sidecar.yaml (default: ./sidecar.yaml)',
    'Sends requests on to a central Sluice (central), or serves one tenant straight from its account (account, tenant, pod).',
    'Clients may sign with any access key, or not at all. npx sluice check-config --sidecar reads the file and prints what holds.'
  ],
  options: { config: { type: 'string', short: 'c' } },
  run: sidecar
}

/** The configuration that a sidecar was told to use. */
export function sidecarConfigOf({ values }: Arguments): SidecarConfig {
  const path = typeof values['config'] === 'string' ? values['config'] : 'sidecar.yaml'
  let yamlText: string
  try {
    yamlText = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}. Give --config the path of a sidecar.yaml`, { cause: error })
  }
  return readSidecarConfig({ yamlText, env: process.env, readFile: (file) => readFileSync(file, 'utf8') })
}

/** Judges a sidecar.yaml as starting would, and prints what holds. */
export function checkSidecar(args: Arguments): number {
  const config = sidecarConfigOf(args)
  const warnings = config.target.kind === 'account' ? checkAccountTarget(config, config.target) : []
  process.stdout.write(describeSidecar(config))
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  return 0
}

async function sidecar(args: Arguments): Promise<number> {
  const running = composeSidecar(sidecarConfigOf(args), { logDestination: 1 })
  // Heard from the first moment: as the first process of a container there is no default that would end this one.
  const signalled = untilSignalled(() => void running.stop())
  const { s3, ops } = await running.start()
  process.stderr.write(`The sidecar serves S3 at ${s3}${ops === null ? '' : `, ops at ${ops}`}\n`)
  await signalled
  await running.stop()
  return 0
}
