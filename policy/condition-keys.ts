import type { Context, Fact, ObjectFacts } from './decision.ts'

/** What a statement is matched against. */
export interface Asked {
  readonly resource: string
  readonly context: Context
  /** `undefined`: not looked at. `null`: there is none. */
  readonly object: ObjectFacts | null | undefined
}

/** What the values of a key look like, which says which operators may read it. */
export type KeyKind = 'text' | 'number' | 'date' | 'epoch' | 'bool' | 'ip'

export type Values = readonly [string, ...string[]] | 'missing' | 'unknown'

interface KeyRow {
  readonly kind: KeyKind
  /** Every request has it. A variable made of any other key may stay unresolved. */
  readonly always?: true
  /** It may have several values, so a condition on it says ForAllValues or ForAnyValue. */
  readonly many?: true
}

/** Every condition key that the request answers. A key that is not here, and not one of the object's, fails loading. */
const CONTEXT_KEYS = {
  'aws:CurrentTime': { kind: 'date', always: true },
  'aws:EpochTime': { kind: 'epoch', always: true },
  'aws:SecureTransport': { kind: 'bool', always: true },
  'aws:SourceIp': { kind: 'ip', always: true },
  'aws:UserAgent': { kind: 'text' },
  's3:RequestObjectTagKeys': { kind: 'text', many: true },
  's3:TlsVersion': { kind: 'number' },
  's3:VersionId': { kind: 'text' },
  's3:authType': { kind: 'text' },
  's3:delimiter': { kind: 'text' },
  's3:max-keys': { kind: 'number' },
  's3:prefix': { kind: 'text' },
  's3:signatureAge': { kind: 'number' },
  's3:signatureversion': { kind: 'text' },
  's3:x-amz-copy-source': { kind: 'text' },
  's3:x-amz-metadata-directive': { kind: 'text' },
  's3:x-amz-server-side-encryption': { kind: 'text' },
  's3:x-amz-storage-class': { kind: 'text' },
  'sluice:Issuer': { kind: 'text', always: true },
  'sluice:Namespace': { kind: 'text' },
  'sluice:Role': { kind: 'text', always: true },
  'sluice:Service': { kind: 'text', always: true },
  'sluice:ServiceAccount': { kind: 'text' },
  'sluice:Tenant': { kind: 'text' }
} as const satisfies Record<string, KeyRow>

export type FixedContextKey = keyof typeof CONTEXT_KEYS
/** The keys whose values come with the question. */
export type ContextKey = FixedContextKey | `s3:RequestObjectTag/${string}`

/** One condition key as a document names it. */
export interface ConditionKey {
  /** In our spelling, whatever the document's. */
  readonly name: string
  readonly kind: KeyKind
  readonly always: boolean
  readonly many: boolean
  /** The fact that must be fetched to read it; null for a key of the request. */
  readonly fact: Fact | null
  readonly read: (asked: Asked) => Values
}

const REQUEST_TAG = 's3:RequestObjectTag/'
const EXISTING_TAG = 's3:ExistingObjectTag/'
const OWNER = 'sluice:ObjectOwner'

/** Every name a document may use, in our spelling; `<key>` stands for the key of a tag. */
export const CONDITION_KEY_NAMES: readonly string[] = [
  ...Object.keys(CONTEXT_KEYS),
  OWNER,
  `${REQUEST_TAG}<key>`,
  `${EXISTING_TAG}<key>`
].sort()

const FIXED = new Map<string, ConditionKey>(
  (Object.entries(CONTEXT_KEYS) as [FixedContextKey, KeyRow][]).map(([name, row]) => [name.toLowerCase(), contextKey(name, row)])
)
FIXED.set(OWNER.toLowerCase(), { name: OWNER, kind: 'text', always: false, many: false, fact: 'objectOwner', read: readOwner })

/**
 * The condition key of that name, or null. Names are compared without case, as AWS does; the key of a tag is compared
 * exactly, because S3 keeps `Team` and `team` apart on one object.
 */
export function findConditionKey(text: string): ConditionKey | null {
  const lower = text.toLowerCase()
  const fixed = FIXED.get(lower)
  if (fixed !== undefined) return fixed
  if (lower.startsWith(REQUEST_TAG.toLowerCase()) && text.length > REQUEST_TAG.length) {
    return contextKey(`${REQUEST_TAG}${text.slice(REQUEST_TAG.length)}`, { kind: 'text' })
  }
  if (lower.startsWith(EXISTING_TAG.toLowerCase()) && text.length > EXISTING_TAG.length) return existingTag(text.slice(EXISTING_TAG.length))
  return null
}

function contextKey(name: ContextKey, row: KeyRow): ConditionKey {
  const read = (asked: Asked): Values => {
    const values = asked.context.get(name)
    // An empty list counts as missing, or AWS's idiom `Null: {key: false}` beside ForAllValues would let it through.
    return values === undefined || values.length === 0 ? 'missing' : (values as readonly [string, ...string[]])
  }
  return { name, kind: row.kind, always: row.always ?? false, many: row.many ?? false, fact: null, read }
}

function existingTag(tag: string): ConditionKey {
  const read = ({ object }: Asked): Values => {
    if (object === undefined) return 'unknown'
    if (object === null) return 'missing'
    if (object.tags === null) return 'unknown'
    const value = object.tags.get(tag)
    return value === undefined ? 'missing' : [value]
  }
  return { name: `${EXISTING_TAG}${tag}`, kind: 'text', always: false, many: false, fact: 'existingObjectTags', read }
}

function readOwner({ object }: Asked): Values {
  if (object === undefined) return 'unknown'
  return object === null ? 'missing' : [object.owner]
}
