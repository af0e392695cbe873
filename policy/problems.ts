/** One thing that is wrong with a document, and where. */
export interface Problem {
  /** e.g. `Statement[2].Condition.StringEquls`; '' for the document as a whole. */
  readonly path: string
  readonly message: string
}

const PROBLEMS_SHOWN_MAX = 50

/** A policy document that cannot be loaded, with everything that is wrong with it. */
export class PolicyProblems extends Error {
  readonly policy: string
  readonly problems: readonly Problem[]

  constructor(policy: string, problems: readonly Problem[]) {
    const shown = problems.slice(0, PROBLEMS_SHOWN_MAX).map(problemLine)
    if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`)
    super([`policy ${policy} cannot be loaded:`, ...shown].join('\n  '))
    this.name = 'PolicyProblems'
    this.policy = policy
    this.problems = problems
  }
}

/** A problem as one line: the path, then what is wrong. */
export function problemLine({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`
}

/** Gathers what is wrong with one document and what is merely surprising in it. */
export class Report {
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []

  problem(path: string, message: string): void {
    this.problems.push({ path, message })
  }

  warning(path: string, message: string): void {
    this.warnings.push({ path, message })
  }
}

/** Where in the document something stands, and where to say what is wrong with it. */
export interface Place {
  readonly path: string
  readonly report: Report
}

const NAME_LENGTH_MAX = 80

/** `; did you mean X?` for the candidate that is only a few letters away, else ''. */
export function suggestion(text: string, candidates: Iterable<string>): string {
  if (text.length > NAME_LENGTH_MAX) return ''
  const wanted = text.toLowerCase()
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(text.length / 5)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best === null ? '' : `; did you mean ${best}?`
}

/** Levenshtein's distance, one row at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** A value of the document in words for a message, cut to a length that a log line bears. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > NAME_LENGTH_MAX ? `${text.slice(0, NAME_LENGTH_MAX)}…` : text
}
