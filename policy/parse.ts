import { compileStatement, coversAction, type Statement } from './statement.ts'
import { isRecord, refuseUnknownElements } from './elements.ts'
import { PolicyProblems, Report, problemLine, shown, type Place } from './problems.ts'

/** A policy document, compiled: nothing of it is parsed again. */
export interface Policy {
  readonly name: string
  readonly statements: readonly Statement[]
  /** The statements about one action. */
  readonly about: (action: string) => readonly Statement[]
  /** What loads but may not mean what its author thinks, one line each. */
  readonly warnings: readonly string[]
}

const VERSION = '2012-10-17'
const STATEMENTS_MAX = 500
const ACTIONS_KEPT_MAX = 256

/**
 * The policy that a document in AWS's policy language spells. Throws PolicyProblems with everything that is wrong with
 * it; nothing unknown is skipped, because a condition that is not understood would be a condition that is not asked.
 */
export function parsePolicy(json: unknown, name: string): Policy {
  const report = new Report()
  const statements = readDocument(json, name, report)
  if (report.problems.length > 0) throw new PolicyProblems(name, report.problems)
  return { name, statements, about: statementsByAction(statements), warnings: report.warnings.map(problemLine) }
}

/** The same for JSON text, such as the session policy of AssumeRoleWithWebIdentity. */
export function parsePolicyText(text: string, name: string): Policy {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new PolicyProblems(name, [{ path: '', message: 'the text is not JSON' }])
  }
  return parsePolicy(json, name)
}

function readDocument(json: unknown, name: string, report: Report): readonly Statement[] {
  if (!isRecord(json)) {
    report.problem('', `${shown(json)} is not a policy document`)
    return []
  }
  refuseUnknownElements(json, ['Version', 'Id', 'Statement'], { path: '', report })
  // Without it AWS takes 2008-10-17, in which `${…}` is plain text; a forgotten line would change what is allowed.
  if (json['Version'] !== VERSION) report.problem('Version', `${shown(json['Version'])} is not "${VERSION}"`)
  if ('Id' in json && typeof json['Id'] !== 'string') report.problem('Id', `${shown(json['Id'])} is not a text`)
  if (!('Statement' in json)) report.problem('Statement', 'is missing')
  else return readStatements(json['Statement'], name, { path: 'Statement', report })
  return []
}

function readStatements(element: unknown, name: string, { path, report }: Place): readonly Statement[] {
  if (!Array.isArray(element)) return [compileStatement(element, name, { path, report })].filter((statement) => statement !== null)
  if (element.length === 0) report.problem(path, 'is an empty list')
  if (element.length > STATEMENTS_MAX) {
    report.problem(path, `has more than ${STATEMENTS_MAX} statements`)
    return []
  }
  const statements: Statement[] = []
  const sids = new Set<unknown>()
  for (const [index, part] of (element as readonly unknown[]).entries()) {
    const place = { path: `${path}[${index}]`, report }
    const sid = isRecord(part) ? part['Sid'] : undefined
    if (sid !== undefined && sids.has(sid)) report.problem(`${place.path}.Sid`, `${shown(sid)} is the id of another statement too`)
    sids.add(sid)
    const statement = compileStatement(part, name, place)
    if (statement !== null) statements.push(statement)
  }
  return statements
}

/** Looks the patterns of an action up once. Actions come from the operation table, never from a client; the bound holds should that change. */
function statementsByAction(statements: readonly Statement[]): Policy['about'] {
  const kept = new Map<string, readonly Statement[]>()
  return (action) => {
    const known = kept.get(action)
    if (known !== undefined) return known
    const lower = action.toLowerCase()
    const about = statements.filter((statement) => coversAction(statement, lower))
    if (kept.size < ACTIONS_KEPT_MAX) kept.set(action, about)
    return about
  }
}
