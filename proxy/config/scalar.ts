import type { Field, JsonSchema } from './field.ts'
import { quote } from './field.ts'

interface ScalarOptions<Value> {
  readonly help: string
  readonly takes: string
  readonly schema: JsonSchema
  /** Takes the place of a value that is wrong, so that reading goes on. */
  readonly standIn: Value
  /** What holds when nothing is written, as it would be written. */
  readonly fallback?: string | number | boolean
  /** Gives the value, or throws what it must be. */
  parse(written: string | number | boolean): Value
  show?(value: Value): unknown
}

interface Options<Fallback> {
  readonly help: string
  readonly fallback?: Fallback
}

/** A setting of one value, written as text, number or boolean. */
export function scalar<Value>(options: ScalarOptions<Value>): Field<Value> {
  const { help, takes, fallback, standIn } = options
  return {
    kind: 'scalar',
    help,
    takes,
    fallback: fallback === undefined ? null : String(fallback),
    secret: false,
    schema: { ...options.schema, description: help, ...(fallback === undefined ? {} : { default: fallback }) },
    read(written, path, reading) {
      const given = written ?? fallback
      if (given === undefined) {
        reading.problem(path, `is required: ${help}`)
        return standIn
      }
      if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'boolean') {
        reading.problem(path, `must be ${takes}, but is ${quote(given)}`)
        return standIn
      }
      try {
        return options.parse(given)
      } catch (error) {
        reading.problem(path, `${(error as Error).message}, but is ${quote(given)}`)
        return standIn
      }
    },
    show: options.show ?? ((value) => value)
  }
}

/** Text. A number is refused: YAML reads `007` as 7. */
export function text(options: Options<string> & { readonly pattern?: RegExp; readonly takes?: string }): Field<string> {
  const takes = options.takes ?? 'text'
  return scalar({
    help: options.help,
    takes,
    schema: { type: 'string', ...(options.pattern === undefined ? {} : { pattern: options.pattern.source }) },
    standIn: '',
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      if (typeof written !== 'string') throw new Error('must be text (write it in quotes)')
      if (written === '' || options.pattern?.test(written) === false) throw new Error(`must be ${takes}`)
      return written
    }
  })
}

/** A part of a whole. */
export function ratio(options: Options<number>): Field<number> {
  const takes = 'a number from 0 to 1'
  return scalar({
    help: options.help,
    takes,
    schema: { type: 'number', minimum: 0, maximum: 1 },
    standIn: 0,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      // A variable gives text.
      const value = typeof written === 'string' && /^\d(?:\.\d{1,12})?$/.test(written) ? Number(written) : written
      if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new Error(`must be ${takes}`)
      return value
    }
  })
}

/** A whole number within bounds. */
export function whole(options: Options<number> & { readonly min: number; readonly max: number; readonly takes?: string }): Field<number> {
  const takes = options.takes ?? `a whole number from ${options.min} to ${options.max}`
  return scalar({
    help: options.help,
    takes,
    schema: { type: 'integer', minimum: options.min, maximum: options.max },
    standIn: options.min,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      const value = typeof written === 'string' && /^\d{1,15}$/.test(written) ? Number(written) : written
      if (typeof value !== 'number' || !Number.isInteger(value) || value < options.min || value > options.max)
        throw new Error(`must be ${takes}`)
      return value
    }
  })
}

/** A count, or `auto` for as many as there are cores. */
export function countOrAuto(options: Options<number> & { readonly max: number }): Field<number | 'auto'> {
  const count = whole({ ...options, min: 1, takes: `auto, or a whole number from 1 to ${options.max}` })
  return {
    ...count,
    schema: { anyOf: [{ const: 'auto' }, count.schema] },
    read: (written, path, reading) => (written === 'auto' ? 'auto' : count.read(written, path, reading))
  }
}

/** A TCP port. */
export function port(options: Options<number>): Field<number> {
  return whole({ ...options, min: 0, max: 65_535, takes: 'a port from 1 to 65535 (0 for any that is free)' })
}

/** Yes or no. */
export function flag(options: Options<boolean>): Field<boolean> {
  return scalar({
    help: options.help,
    takes: 'true or false',
    schema: { type: 'boolean' },
    standIn: false,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      if (written === true || written === 'true') return true
      if (written === false || written === 'false') return false
      throw new Error('must be true or false')
    }
  })
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[], options: Options<Word>): Field<Word> {
  const [first] = words
  if (first === undefined) throw new Error('a choice needs a word')
  const takes = `one of ${words.join(', ')}`
  return scalar<Word>({
    help: options.help,
    takes,
    schema: { enum: words },
    standIn: first,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      const found = words.find((word) => word === written)
      if (found === undefined) throw new Error(`must be ${takes}`)
      return found
    }
  })
}

const DURATION = /^(\d{1,9})(ms|s|m|h|d)?$/
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000]
])

/** A span of time, `5m` or milliseconds; read as milliseconds. */
export function duration(options: Options<string> & { readonly min?: number; readonly max?: number }): Field<number> {
  // Timers of Node take 32 bits; a longer one fires at once.
  const { min = 1, max = 2_147_483_647 } = options
  const takes = `a time such as 500ms, 30s, 5m, 1h (${showDuration(min)} to ${showDuration(max)})`
  return scalar({
    help: options.help,
    takes,
    schema: { type: ['string', 'integer'], pattern: DURATION.source },
    standIn: min,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      const [, digits, unit = 'ms'] = DURATION.exec(String(written)) ?? []
      const value = Number(digits) * (UNIT_MS.get(unit) ?? Number.NaN)
      if (!(value >= min && value <= max)) throw new Error(`must be ${takes}`)
      return value
    },
    show: showDuration
  })
}

function showDuration(ms: number): string {
  for (const [unit, size] of [...UNIT_MS].toReversed()) {
    if (ms % size === 0 && ms >= size) return `${ms / size}${unit}`
  }
  return `${ms}ms`
}

const SIZE = /^(\d{1,12})(B|KiB|MiB|GiB)?$/
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3]
])

/** A number of bytes, `1MiB` or plain. */
export function size(options: Options<string> & { readonly min: number; readonly max: number }): Field<number> {
  const takes = `a size such as 512KiB, 1MiB (${showSize(options.min)} to ${showSize(options.max)})`
  return scalar({
    help: options.help,
    takes,
    schema: { type: ['string', 'integer'], pattern: SIZE.source },
    standIn: options.min,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    parse(written) {
      const [, digits, unit = 'B'] = SIZE.exec(String(written)) ?? []
      const value = Number(digits) * (UNIT_BYTES.get(unit) ?? Number.NaN)
      if (!(value >= options.min && value <= options.max)) throw new Error(`must be ${takes}`)
      return value
    },
    show: showSize
  })
}

function showSize(bytes: number): string {
  for (const [unit, size] of [...UNIT_BYTES].toReversed()) {
    if (bytes % size === 0 && bytes >= size) return `${bytes / size}${unit}`
  }
  return `${bytes}B`
}

/** An http or https URL without user, query or fragment. Kept as written: an issuer is compared character by character. */
export function url(options: { readonly help: string }): Field<string> {
  const takes = 'an https URL (http where it is allowed) without user, query and fragment'
  return scalar({
    help: options.help,
    takes,
    schema: { type: 'string', format: 'uri' },
    standIn: 'https://invalid',
    parse(written) {
      const parsed = typeof written === 'string' && URL.canParse(written) ? new URL(written) : null
      if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) throw new Error(`must be ${takes}`)
      if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '')
        throw new Error(`must be ${takes}`)
      return String(written)
    }
  })
}

/** True for http to another machine, which anybody on the way can read and change. */
export function isExposed(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  // A URL's host is already normalised: 127.1 reads 127.0.0.1 here.
  return (
    protocol === 'http:' &&
    hostname !== 'localhost' &&
    !hostname.endsWith('.localhost') &&
    hostname !== '[::1]' &&
    !/^127\.\d+\.\d+\.\d+$/.test(hostname)
  )
}
