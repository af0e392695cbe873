/**
 * The language the table of settings is written in. A field knows how to read what was written, how to name it, and how to
 * show it again without secrets; the types of the configuration, its help text and its schema are all derived from the table.
 */
import { editDistance } from '../../policy/problems.ts'

/** One thing that is wrong, and where. */
export interface Problem {
  /** Path of the setting, e.g. `accounts[1].endpoint`, or the name of the variable it came from. */
  readonly at: string
  readonly says: string
}

/** Everything that is wrong with a policy document, each with its place in the document. */
export type JudgePolicy = (document: unknown) => readonly { readonly path: string; readonly message: string }[]

export type JsonSchema = Readonly<Record<string, unknown>>

/** What reading needs from outside, and what it finds wrong. */
export class Reading {
  readonly problems: Problem[] = []
  readonly env: Readonly<Record<string, string | undefined>>
  /** Literal secrets and other conveniences are allowed. */
  readonly dev: boolean
  /** Variables that a `{env: NAME}` points to: they are not typos. */
  readonly referencedEnv = new Set<string>()
  /** Path of a setting to the variable that gave it. */
  readonly fromEnv = new Map<string, string>()
  readonly readFile: (path: string) => string
  /** What is wrong with a policy document; nothing where nobody judges. */
  readonly judgePolicy: JudgePolicy
  readonly #paths: string[] = []

  constructor(options: {
    readonly env: Readonly<Record<string, string | undefined>>
    readonly readFile: (path: string) => string
    readonly dev: boolean
    readonly judgePolicy: JudgePolicy
  }) {
    this.env = options.env
    this.readFile = options.readFile
    this.dev = options.dev
    this.judgePolicy = options.judgePolicy
  }

  problem(path: string, says: string): void {
    this.#paths.push(path)
    this.problems.push({ at: this.fromEnv.get(path) ?? path, says })
  }

  /** True when nothing at or under any of the paths was found wrong, so that what was read there can be compared with other settings. */
  sound(...paths: readonly string[]): boolean {
    return !this.#paths.some((bad) => paths.some((path) => bad === path || bad.startsWith(`${path}.`) || bad.startsWith(`${path}[`)))
  }
}

export interface Field<Value> {
  readonly kind: 'scalar' | 'list' | 'group' | 'map' | 'special'
  readonly help: string
  /** What may be written, in words: `a port from 1 to 65535`. */
  readonly takes: string
  /** What holds when nothing is written, in words; null for a setting that must be written. */
  readonly fallback: string | null
  readonly secret: boolean
  readonly schema: JsonSchema
  readonly children?: ReadonlyMap<string, Field<unknown>>
  readonly item?: Field<unknown>
  /** Reads what was written (`undefined`: nothing). Tells the problems to `reading` and gives a stand-in for what is wrong. */
  read(written: unknown, path: string, reading: Reading): Value
  /** The value as it may be printed. */
  show(value: Value): unknown
}

export type ValueOf<F> = F extends Field<infer Value> ? Value : never
export type Children = Readonly<Record<string, Field<unknown>>>
export type GroupValue<C extends Children> = { readonly [Name in keyof C]: ValueOf<C[Name]> }

const isMapping = (written: unknown): written is Readonly<Record<string, unknown>> =>
  typeof written === 'object' && written !== null && !Array.isArray(written)

/** What was written, for a problem's sentence: short, and never a structure. */
export function quote(written: unknown): string {
  if (Array.isArray(written)) return 'a list'
  if (isMapping(written)) return 'a mapping'
  const text = JSON.stringify(written) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Settings that belong together. A name that is not one of them is a problem, with the nearest that is. */
export function group<C extends Children>(help: string, children: C): Field<GroupValue<C>> {
  const fields = new Map<string, Field<unknown>>(Object.entries(children))
  const required = [...fields].filter(([, field]) => field.fallback === null).map(([name]) => name)
  return {
    kind: 'group',
    help,
    takes: 'a mapping',
    fallback: required.length === 0 ? 'the defaults of its settings' : null,
    secret: false,
    schema: {
      type: 'object',
      description: help,
      additionalProperties: false,
      properties: Object.fromEntries([...fields].map(([name, field]) => [name, field.schema])),
      ...(required.length === 0 ? {} : { required })
    },
    children: fields,
    read(written, path, reading) {
      if (written !== undefined && written !== null && !isMapping(written))
        reading.problem(path, `must be a mapping, but is ${quote(written)}`)
      const entries = new Map(isMapping(written) ? Object.entries(written) : [])
      for (const name of entries.keys()) {
        if (!fields.has(name)) reading.problem(join(path, name), `is not a setting${nearest(name, [...fields.keys()])}`)
      }
      const values = [...fields].map(([name, field]) => [name, field.read(entries.get(name) ?? undefined, join(path, name), reading)])
      return Object.fromEntries(values) as GroupValue<C>
    },
    show: (value) => Object.fromEntries([...fields].map(([name, field]) => [name, field.show(value[name])]))
  }
}

/** A setting that may be left out, then null. A group that is left out as a whole asks for none of its settings. */
export function optional<Value>(field: Field<Value>, absent = 'nothing'): Field<Value | null> {
  return {
    ...field,
    fallback: absent,
    read: (written, path, reading) => (written === undefined || written === null ? null : field.read(written, path, reading)),
    show: (value) => (value === null ? null : field.show(value))
  }
}

export interface ListOptions {
  readonly help: string
  /** The least number of items; 0 unless told, and then the list may be left out. */
  readonly min?: number
  readonly fallback?: readonly unknown[]
}

/** Several of one kind. In a variable, separated by commas. */
export function list<Value>(item: Field<Value>, { help, min = 0, fallback }: ListOptions): Field<readonly Value[]> {
  const absent = fallback ?? (min === 0 ? [] : undefined)
  return {
    kind: 'list',
    help,
    takes: `a list: ${item.takes}`,
    fallback: absent === undefined ? null : absent.length === 0 ? 'none' : absent.join(', '),
    secret: item.secret,
    schema: { type: 'array', description: help, items: item.schema, ...(min > 0 ? { minItems: min } : {}) },
    item,
    read(written, path, reading) {
      const given = written ?? absent
      if (given === undefined) {
        reading.problem(path, `is required: ${help}`)
        return []
      }
      const split = typeof given === 'string' && reading.fromEnv.has(path) ? given.split(',').map((text) => text.trim()) : given
      if (!Array.isArray(split)) {
        reading.problem(path, `must be a list, but is ${quote(given)}`)
        return []
      }
      if (split.length < min) reading.problem(path, `needs at least ${min}: ${help}`)
      return split.map((one: unknown, index) => item.read(one ?? undefined, `${path}[${index}]`, reading))
    },
    show: (value) => value.map((one) => item.show(one))
  }
}

/** Things under names the operator chooses. */
export function map<Value>(
  item: Field<Value>,
  { help, name }: { readonly help: string; readonly name: RegExp }
): Field<ReadonlyMap<string, Value>> {
  return {
    kind: 'map',
    help,
    takes: `a mapping of names: ${item.takes}`,
    fallback: 'none',
    secret: item.secret,
    schema: { type: 'object', description: help, propertyNames: { pattern: name.source }, additionalProperties: item.schema },
    item,
    read(written, path, reading) {
      if (written === undefined) return new Map()
      if (!isMapping(written)) {
        reading.problem(path, `must be a mapping of names, but is ${quote(written)}`)
        return new Map()
      }
      const values = new Map<string, Value>()
      for (const [key, one] of Object.entries(written)) {
        if (!name.test(key)) reading.problem(join(path, key), `is not a name: it must match ${name.source}`)
        values.set(key, item.read(one ?? undefined, join(path, key), reading))
      }
      return values
    },
    show: (value) => Object.fromEntries([...value].map(([key, one]) => [key, item.show(one)]))
  }
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** ` (did you mean …?)` for a slip of the fingers, '' when nothing is near. */
export function nearest(name: string, candidates: readonly string[]): string {
  const reach = Math.max(2, Math.floor(name.length / 4))
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= reach)
    .toSorted((a, b) => a.distance - b.distance)
  return best === undefined ? '' : ` (did you mean ${best.candidate}?)`
}
