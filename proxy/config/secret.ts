import { parse } from 'yaml'
import { quote, type Field, type Reading } from './field.ts'

/** A value that is never printed. `reveal` is the only way to it, so neither a logger nor JSON shows it by accident. */
export interface Secret {
  /** Where it came from, for people: `file /run/secrets/key`, `variable NAME`, `the configuration itself`. */
  readonly source: string
  /** The file to watch; null where the value cannot change while the process lives. */
  readonly file: string | null
  reveal(): string
}

/** A file named by the configuration, as it was when the configuration was read. */
export interface FileText {
  readonly path: string
  readonly text: string
}

/** A policy document, inline or from a file. Not yet judged: policy/parse.ts does. */
export interface PolicyDocument {
  /** Where it stands, for messages. */
  readonly source: string
  readonly document: unknown
}

export const secretOf = (value: string, source: string, file: string | null = null): Secret => ({ source, file, reveal: () => value })

const REFERENCE = 'a reference {file: PATH} or {env: NAME}'

interface SecretOptions {
  readonly help: string
  /** True for text that holds no secret, e.g. a database URL without password: it may be written outright. */
  harmless?(text: string): boolean
}

/** A secret, by reference. Written outright it would end in version control and in every print of the file: only dev mode allows that. */
export function secret({ help, harmless }: SecretOptions): Field<Secret> {
  return {
    kind: 'scalar',
    help,
    takes: REFERENCE,
    fallback: null,
    secret: true,
    schema: { description: help, anyOf: [referenceSchema('file'), referenceSchema('env'), { type: 'string' }] },
    read(written, path, reading) {
      if (written === undefined) {
        reading.problem(path, `is required: ${help} Write ${REFERENCE}`)
        return secretOf('', 'nowhere')
      }
      if (typeof written === 'string') {
        if (!reading.dev && harmless?.(written) !== true) {
          reading.problem(path, `holds a secret outright, which only dev mode allows: write ${REFERENCE}`)
        }
        if (written === '') reading.problem(path, 'is empty')
        return secretOf(written, 'the configuration itself')
      }
      return readReference(written, path, reading) ?? secretOf('', 'nowhere')
    },
    show: (value) => `(redacted, from ${value.source})`
  }
}

function referenceSchema(name: string): Record<string, unknown> {
  return { type: 'object', additionalProperties: false, required: [name], properties: { [name]: { type: 'string' } } }
}

function readReference(written: unknown, path: string, reading: Reading): Secret | null {
  const entries = typeof written === 'object' && written !== null && !Array.isArray(written) ? Object.entries(written) : []
  const [entry] = entries
  // The value itself is not quoted: it may be the secret.
  if (entry === undefined || entries.length !== 1 || typeof entry[1] !== 'string') {
    reading.problem(path, `must be ${REFERENCE}`)
    return null
  }
  const [kind, name] = entry as [string, string]
  if (kind === 'file') {
    const read = readText(name, path, reading)
    if (read === null) return null
    // Editors and `echo` end a file with a line break, which is no part of a key.
    const value = read.replace(/\r?\n$/, '')
    if (value === '') reading.problem(path, `file ${name} is empty`)
    return secretOf(value, `file ${name}`, name)
  }
  if (kind === 'env') {
    reading.referencedEnv.add(name)
    const value = reading.env[name] ?? ''
    if (value === '') reading.problem(path, `variable ${name} is not set`)
    return secretOf(value, `variable ${name}`)
  }
  reading.problem(path, `must be ${REFERENCE}, but names ${quote(kind)}`)
  return null
}

function readText(file: string, path: string, reading: Reading): string | null {
  try {
    return reading.readFile(file)
  } catch (error) {
    const code = (error as { code?: unknown }).code
    reading.problem(path, code === 'ENOENT' ? `file ${file} does not exist` : `file ${file} cannot be read: ${(error as Error).message}`)
    return null
  }
}

/** The path of a file whose whole text is secret. */
export function secretFile(help: string): Field<Secret> {
  return {
    ...secret({ help }),
    takes: 'the path of a file',
    schema: { type: 'string', description: help },
    read(written, path, reading) {
      if (typeof written === 'string' && written !== '') return readReference({ file: written }, path, reading) ?? secretOf('', 'nowhere')
      reading.problem(path, written === undefined ? `is required: ${help}` : `must be the path of a file, but is ${quote(written)}`)
      return secretOf('', 'nowhere')
    }
  }
}

interface FileOptions {
  readonly help: string
  /** What is wrong with the text, or null. */
  check?(text: string): string | null
}

/** The path of a file, which must be there and hold what it should. */
export function file({ help, check }: FileOptions): Field<FileText> {
  return {
    kind: 'scalar',
    help,
    takes: 'the path of a file',
    fallback: null,
    secret: false,
    schema: { type: 'string', description: help },
    read(written, path, reading) {
      if (typeof written !== 'string' || written === '') {
        reading.problem(path, written === undefined ? `is required: ${help}` : `must be the path of a file, but is ${quote(written)}`)
        return { path: '', text: '' }
      }
      const read = readText(written, path, reading)
      const wrong = read === null ? null : read.trim() === '' ? 'is empty' : (check?.(read) ?? null)
      if (wrong !== null) reading.problem(path, `file ${written} ${wrong}`)
      return { path: written, text: read ?? '' }
    },
    show: (value) => value.path
  }
}

/** What keeps a text from being a PEM bundle of certificates, or null. */
export function problemOfPem(pem: string): string | null {
  return pem.includes('-----BEGIN CERTIFICATE-----') ? null : 'holds no PEM certificate'
}

/** A policy document written in place or as `{file: PATH}` of JSON or YAML. */
export function policyDocument(help: string): Field<PolicyDocument> {
  return {
    kind: 'special',
    help,
    takes: 'a policy document, or {file: PATH} of one',
    fallback: null,
    secret: false,
    schema: { type: 'object', description: help },
    read(written, path, reading) {
      if (typeof written !== 'object' || written === null || Array.isArray(written)) {
        reading.problem(path, `must be a policy document or {file: PATH}, but is ${quote(written)}`)
        return { source: path, document: {} }
      }
      const { file: name, ...rest } = written as Record<string, unknown>
      if (typeof name !== 'string' || Object.keys(rest).length > 0) return { source: path, document: written }
      const read = readText(name, path, reading)
      if (read === null) return { source: name, document: {} }
      try {
        return { source: name, document: parse(read, { uniqueKeys: true }) as unknown }
      } catch (error) {
        reading.problem(path, `file ${name} is neither JSON nor YAML: ${(error as Error).message.split('\n', 1)[0] ?? ''}`)
        return { source: name, document: {} }
      }
    },
    show: (value) => (value.source.startsWith('policies') || value.source.startsWith('roles') ? value.document : { file: value.source })
  }
}
