/**
 * A second reading of the policy language, for comparison: it takes the plain document and one complete state of the
 * world, interprets everything anew for each question, and knows nothing of facts that are missing. It shares no code
 * with the engine.
 */

export interface World {
  readonly action: string
  readonly resource: string
  /** Every key with its values, those of the object included. A key that is not here is missing. */
  readonly keys: Readonly<Record<string, readonly string[]>>
}

export interface PlainStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

/** Whether the statements allow it: some Allow matches and no Deny does. */
export function allows(statements: readonly PlainStatement[], world: World): boolean {
  const matching = statements.filter((statement) => applies(statement, world))
  return matching.some(({ Effect }) => Effect === 'Allow') && !denies(statements, world)
}

export function denies(statements: readonly PlainStatement[], world: World): boolean {
  return statements.some((statement) => statement.Effect === 'Deny' && applies(statement, world))
}

function applies(statement: PlainStatement, world: World): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement
  const actions = list(Action ?? NotAction)
  const named = actions.some((pattern) => like(pattern.toLowerCase(), world.action.toLowerCase(), world))
  if (named === (Action === undefined)) return false

  const texts = [...list(Resource ?? NotResource), ...Object.values(Condition).flatMap((keys) => Object.values(keys).flatMap(list))]
  if (texts.some((text) => !isResolved(text, world))) return false

  const covered = list(Resource ?? NotResource).some((pattern) => like(pattern, world.resource, world))
  if (covered === (Resource === undefined)) return false
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => holds(operator, { values: world.keys[key], wanted: list(wanted), world }))
  )
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return typeof value === 'string' ? [value] : (value ?? [])
}

const VARIABLE = /\$\{([A-Za-z0-9:/]+)(?:, '([^']*)')?\}/

function isResolved(text: string, world: World): boolean {
  const match = VARIABLE.exec(text)
  if (match === null) return true
  return match[2] !== undefined || world.keys[match[1] ?? '']?.length === 1
}

/** At most one variable per text is all that the tests write. */
function filled(text: string, world: World, quote: (value: string) => string): string {
  return text.replace(VARIABLE, (_, key: string, fallback?: string) => {
    const values = world.keys[key]
    return quote((values?.length === 1 ? values[0] : undefined) ?? fallback ?? '')
  })
}

const quoted = (value: string): string => value.replace(/[\\^$.|()[\]{}+*?/-]/g, String.raw`\$&`)

function like(pattern: string, text: string, world: World): boolean {
  const pieces = pattern.split(/(\$\{[^}]*\}|[*?])/)
  const source = pieces.map((piece) => {
    if (piece === '*') return '.*'
    if (piece === '?') return '.'
    if (piece === '${*}') return quoted('*')
    return piece.startsWith('${') ? filled(piece, world, quoted) : quoted(piece)
  })
  return new RegExp(`^${source.join('')}$`, 's').test(text)
}

interface Comparison {
  readonly values: readonly string[] | undefined
  readonly wanted: readonly string[]
  readonly world: World
}

function holds(written: string, { values = [], wanted, world }: Comparison): boolean {
  if (written === 'Null') return wanted.includes(values.length === 0 ? 'true' : 'false')
  const [, qualifier = '', name = '', ifExists = ''] = /^(ForAllValues:|ForAnyValue:)?(.*?)(IfExists)?$/.exec(written) ?? []
  const negated = name.includes('Not')
  const accepts = (value: string): boolean => wanted.some((text) => compare(name.replace('Not', ''), { value, text, world })) !== negated
  if (values.length === 0 && ifExists !== '') return true
  if (qualifier === 'ForAllValues:') return values.every(accepts)
  if (qualifier === 'ForAnyValue:') return values.some(accepts)
  if (values.length === 0) return negated
  return negated ? values.every(accepts) : values.some(accepts)
}

function compare(name: string, { value, text, world }: { value: string; text: string; world: World }): boolean {
  const wanted = filled(text, world, (inserted) => inserted)
  switch (name) {
    case 'StringEquals':
      return value === wanted
    case 'StringEqualsIgnoreCase':
      return value.toLowerCase() === wanted.toLowerCase()
    case 'StringLike':
      return like(text, value, world)
    case 'NumericLessThan':
      return /^\d+$/.test(value) && Number(value) < Number(wanted)
    case 'NumericEquals':
      return /^\d+$/.test(value) && Number(value) === Number(wanted)
    default:
      throw new Error(`the brute-force reading knows no ${name}`)
  }
}
