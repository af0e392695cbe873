import { stringify } from 'yaml'
import type { Config } from './config.ts'
import { ENV_SETTINGS } from './environment.ts'
import type { Field, JsonSchema } from './field.ts'
import { SETTINGS, type Settings } from './settings.ts'
import { SIDECAR } from './sidecar.ts'
import { providerRow } from '../upstreams/provider.ts'

/** The configuration as YAML, for people: everything that holds, defaults included, and no secret. */
export function describeConfig(config: Config): string {
  const shown = SETTINGS.show(config as unknown as Settings)
  return `${stringify(shown, { lineWidth: 0 })}${config.accounts.map(describeAccount).join('')}`
}

function describeAccount({ id, provider, class: letter }: Config['accounts'][number]): string {
  const { assumes } = providerRow(provider)
  return `# account ${id}: class ${letter}${assumes === null ? '' : `; assumes ${assumes}`}\n`
}

/** The same for a sidecar, whose settings no variable gives. */
export function sidecarSettingsHelp(): string {
  return linesOf(SIDECAR, '', new Map()).join('\n')
}

/** One paragraph per setting: its path, its variable, what it takes, what holds without it. */
export function settingsHelp(): string {
  const env = new Map(ENV_SETTINGS.map((setting) => [setting.path, setting.env]))
  return linesOf(SETTINGS, '', env).join('\n')
}

function linesOf(field: Field<unknown>, path: string, env: ReadonlyMap<string, string>): readonly string[] {
  const variable = env.get(path)
  const own =
    path === ''
      ? []
      : [
          `${path}${variable === undefined ? '' : ` (${variable})`}`,
          `    ${field.help} Takes ${field.takes}; ${field.fallback === null ? 'required' : `default: ${field.fallback}`}.`
        ]
  const inside = [...(field.children ?? [])].flatMap(([name, child]) => linesOf(child, path === '' ? name : `${path}.${name}`, env))
  const item =
    field.item === undefined ? [] : [...(field.item.children ?? [])].flatMap(([name, child]) => linesOf(child, `${path}[].${name}`, env))
  return [...own, ...inside, ...item]
}

/** JSON Schema of sluice.yaml, for editors and for the chart. */
export function configSchema(): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'sluice.yaml', ...SETTINGS.schema }
}
