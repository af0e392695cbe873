import { readFileSync } from 'node:fs'
import type { Arguments } from './commands.ts'
import { problemsOfPolicy } from '../compose/policies.ts'
import { CONFIG_FILE_ENV } from '../config/environment.ts'
import { readConfig, type Config } from '../config/config.ts'

/** The text of the sluice.yaml that a command was told to use; '' where there is none and none was named. */
export function configTextOf({ values }: Arguments): string {
  const named = typeof values['config'] === 'string' ? values['config'] : process.env[CONFIG_FILE_ENV]
  const path = named ?? 'sluice.yaml'
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (named !== undefined)
      throw new Error(`cannot read ${path}: ${(error as Error).message}. Give --config or ${CONFIG_FILE_ENV} the path of a sluice.yaml`)
    return ''
  }
}

/** The configuration of a text, the variables over it. */
export function configOfText(yamlText: string): Config {
  // The variables of commands are not settings.
  const { SLUICE_MIGRATION_URL: _, ...env } = process.env
  return readConfig({ yamlText, env, readFile: (file) => readFileSync(file, 'utf8'), judgePolicy: problemsOfPolicy })
}
