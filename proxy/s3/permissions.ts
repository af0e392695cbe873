import type { HeaderView } from './header-view.ts'
import type { OperationRow, Permission, RequestFact } from './operation-row.ts'
import type { QueryParameter } from './query.ts'

export interface PermissionFacts {
  readonly query: readonly QueryParameter[]
  readonly headers: HeaderView
  /** True when the copy source names a version, false when it names none or there is no copy source. */
  readonly copySourceHasVersion: boolean
}

/**
 * The permissions that a row asks of this request. Those on `eachKeyInBody` are all given back:
 * `isAskedOfKey` says for each key which of them it needs.
 */
export function permissionsAsked(row: OperationRow, facts: PermissionFacts): readonly Permission[] {
  return row.permissions.filter(({ on, when, unless }) => {
    if (on === 'eachKeyInBody') return true
    return (when === undefined || isTrue(when, facts)) && (unless === undefined || !isTrue(unless, facts))
  })
}

/** Whether a permission on `eachKeyInBody` is asked of a key that names a version or not. */
export function isAskedOfKey({ when, unless }: Permission, hasVersion: boolean): boolean {
  return (when === undefined || hasVersion) && (unless === undefined || !hasVersion)
}

function isTrue(fact: RequestFact, { query, headers, copySourceHasVersion }: PermissionFacts): boolean {
  if (fact === 'copySource versionId') return copySourceHasVersion
  if (fact === 'copySource current') return !copySourceHasVersion
  const name = fact.slice(fact.indexOf(' ') + 1)
  if (fact.startsWith('query ')) return query.some((parameter) => parameter.name === name)
  const [header = '', value] = name.split('=')
  const sent = headers.get(header)
  return value === undefined ? sent !== undefined : sent?.toUpperCase() === value.toUpperCase()
}
