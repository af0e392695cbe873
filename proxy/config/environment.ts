import { nearest, type Field, type Reading } from './field.ts'
import { SETTINGS } from './settings.ts'

/** Where the command line looks for the file; not a setting itself. */
export const CONFIG_FILE_ENV = 'SLUICE_CONFIG'

/** What Kubernetes puts into every pod for a Service called `sluice`; no setting has such a name. */
const INJECTED = /^SLUICE_(?:SERVICE_.*|PORT|PORT_.*)$/

export interface EnvSetting {
  readonly env: string
  readonly path: string
  readonly field: Field<unknown>
}

/** Every setting that a variable can give: those that stand at one fixed path and hold one value, or a list of them. */
export const ENV_SETTINGS: readonly EnvSetting[] = leavesOf(SETTINGS, [])

function leavesOf(field: Field<unknown>, path: readonly string[]): readonly EnvSetting[] {
  if (field.children !== undefined) return [...field.children].flatMap(([name, child]) => leavesOf(child, [...path, name]))
  const flat = field.kind === 'scalar' || (field.kind === 'list' && field.item?.kind === 'scalar')
  return flat ? [{ env: envName(path), path: path.join('.'), field }] : []
}

function envName(path: readonly string[]): string {
  return ['sluice', ...path].map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('_')
}

/** Puts the variables over what the file says. An empty variable counts as not set, which is how charts leave one out. */
export function overlayEnvironment(tree: Record<string, unknown>, reading: Reading): void {
  for (const { env, path, field } of ENV_SETTINGS) {
    const value = reading.env[env]
    if (value === undefined || value === '') continue
    reading.fromEnv.set(path, env)
    // A variable is a reference already: what stands in it is not written in the file.
    place(tree, path.split('.'), field.secret && field.takes.includes('{env: NAME}') ? { env } : value)
  }
}

function place(tree: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    tree[name] = value
    return
  }
  const inner = tree[name]
  // Anything else than a mapping here is a problem of its own, told when it is read.
  const next = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? { ...inner } : {}
  tree[name] = next
  place(next as Record<string, unknown>, rest, value)
}

/** Tells every SLUICE_ variable that nothing reads: it is a slip, and what it was meant to set is not set. */
export function refuseUnknownVariables(reading: Reading): void {
  const known = new Set([CONFIG_FILE_ENV, ...ENV_SETTINGS.map(({ env }) => env)])
  for (const name of Object.keys(reading.env).toSorted()) {
    if (!name.startsWith('SLUICE_') || INJECTED.test(name) || known.has(name) || reading.referencedEnv.has(name)) continue
    reading.problem(name, `is not a setting${nearest(name, [...known])}`)
  }
}
