/** One rule of the protocol taken back each: what to change in the production text, and which scenario must fail then. */
export interface Mutation {
  readonly rule: string
  readonly patches: readonly { readonly file: string; readonly find: string; readonly replace: string }[]
  readonly scenario: string
  readonly violation: 'S1' | 'S2' | 'S3' | 'S4' | 'L1'
}

export const MUTATIONS: readonly Mutation[] = [
  {
    rule: 'R1: the cache never decides a write',
    patches: [{ file: 'write.ts', find: 'isOwn && context.uniqueEtags ?', replace: 'isOwn ?' }],
    scenario: 'small put, warm cache, deleted elsewhere, B writes the same bytes',
    violation: 'S2'
  },
  {
    rule: 'R2: a copy replaces metadata and tags',
    patches: [{ file: 'copy.ts', find: "directives: 'REPLACE'", replace: "directives: 'COPY' as 'REPLACE'" }],
    scenario: 'copy, source handed over, same bytes',
    violation: 'S3'
  },
  {
    rule: 'R3: where the source condition is ignored, CopyObject is not used',
    patches: [{ file: 'copy.ts', find: 'request.sameAccount && context.sourceConditions', replace: 'request.sameAccount' }],
    scenario: 'copy, the upstream ignores copy-source-if-match',
    violation: 'S1'
  },
  {
    rule: 'R3: where the source condition is ignored, UploadPartCopy is not used',
    patches: [{ file: 'upload-part-copy.ts', find: 'request.sameAccount && context.sourceConditions', replace: 'request.sameAccount' }],
    scenario: 'copied part, the upstream ignores copy-source-if-match',
    violation: 'S1'
  },
  {
    rule: 'R3: mark and ETag are checked on every range',
    patches: [
      {
        file: 'copy-in-parts.ts',
        find: 'const isSame = sameEtag(from.etag, source.etag) && (from.mark ?? null) === source.mark',
        replace: 'const isSame = true'
      }
    ],
    scenario: 'copied part, the upstream ignores copy-source-if-match',
    violation: 'S1'
  },
  {
    rule: 'R4: only the nonce proves a completed upload',
    patches: [{ file: 'complete.ts', find: 'looked.nonce === request.nonce', replace: "looked.etag.endsWith('-1')" }],
    scenario: 'complete over an equal object of the same owner',
    violation: 'S4'
  },
  {
    rule: 'R4: only the nonce proves a completed upload, also after an abort',
    patches: [{ file: 'complete.ts', find: 'looked.nonce === request.nonce', replace: "looked.etag.endsWith('-1')" }],
    scenario: 'complete after an abort, equal object there',
    violation: 'S4'
  },
  {
    rule: 'R5: complete looks first',
    patches: [
      {
        file: 'complete.ts',
        find: 'let condition: WireCondition | null = null',
        replace: "let condition: WireCondition | null = { kind: 'absent' }"
      }
    ],
    scenario: 'complete over an own object, where a 412 ends the upload',
    violation: 'L1'
  },
  {
    rule: 'R6: an answer without mark is not relayed',
    patches: [
      { file: 'read.ts', find: 'pin = looked.etag', replace: '' },
      {
        file: 'read.ts',
        find: "if (held.state === 'ended') return held.outcome",
        replace:
          "if (held.state === 'ended') return held.outcome\n    if (held.state === 'unmarked') return { outcome: 'relay', seen: held.seen, proof: null }"
      }
    ],
    scenario: '304 to a conditional GET',
    violation: 'S1'
  },
  {
    rule: 'R6: attributes are released only with the ETag of a look',
    patches: [
      { file: 'attributes.ts', find: 'return sameEtag(held.etag, found.looked.etag) ?', replace: 'return held.etag !== undefined ?' }
    ],
    scenario: 'GetObjectAttributes',
    violation: 'S1'
  },
  {
    rule: 'R7: released tags hold the service tag',
    patches: [
      { file: 'get-tagging.ts', find: 'tags !== null && (tags.get(SERVICE_TAG) ?? null) === looked.owner', replace: 'tags !== null' }
    ],
    scenario: 'tags, metadata mode',
    violation: 'S1'
  },
  {
    rule: 'R7: copied tags hold the service tag',
    patches: [{ file: 'source-tags.ts', find: '(tags.get(SERVICE_TAG) ?? null) !== looked.owner', replace: 'tags.size === 0' }],
    scenario: 'copy, metadata mode, the source handed over between its head and its tags',
    violation: 'S1'
  },
  {
    rule: 'R8: an object without mark is judged by head, tags and an equal head, for writes',
    patches: [{ file: 'look.ts', find: 'pinned === undefined ? yield* bracketed(context, at, shown) : owned', replace: 'owned' }],
    scenario: 'large put on an object without mark, outside writers',
    violation: 'S2'
  },
  {
    rule: 'R8: an object without mark is judged by head, tags and an equal head, for reads',
    patches: [{ file: 'look.ts', find: 'pinned === undefined ? yield* bracketed(context, at, shown) : owned', replace: 'owned' }],
    scenario: 'read of an object without mark, outside writers',
    violation: 'S1'
  },
  {
    rule: 'R9: verdicts on objects without mark are not cached',
    patches: [
      { file: 'cache.ts', find: 'if (looked.mark === null || looked.owner !== looked.mark) return', replace: '' },
      { file: 'cache.ts', find: 'seen.mark === cached.mark', replace: '(seen.mark ?? null) === cached.mark' }
    ],
    scenario: 'the verdict on an object without mark is not kept',
    violation: 'S1'
  },
  {
    rule: 'R10: a change seen half way is no denial',
    patches: [
      {
        file: 'look.ts',
        find: "if (tags === null) return isMissing(tagged) ? { verdict: 'again', before }",
        replace: 'if (tags === null) return isMissing(tagged) ? owned(at, head, { owner: null, tagged: null })'
      }
    ],
    scenario: 'read against own deletes and puts',
    violation: 'L1'
  },
  {
    rule: 'R11: a delete by version takes the lease',
    patches: [
      { file: 'delete.ts', find: 'if (!takesLeases(context))', replace: 'if (!takesLeases(context) || request.at.versionId !== undefined)' }
    ],
    scenario: 'delete of a version that covers one of B, class B',
    violation: 'S2'
  },
  {
    rule: 'R11: a delete takes the lease',
    patches: [{ file: 'delete.ts', find: 'if (!takesLeases(context))', replace: 'if (context !== null)' }],
    scenario: 'delete, class B',
    violation: 'S2'
  },
  {
    rule: 'R11: each key of a batch takes the lease',
    patches: [{ file: 'delete-many.ts', find: 'if (takesLeases(context) &&', replace: 'if (context === null && takesLeases(context) &&' }],
    scenario: 'delete, class B, against an own batch',
    violation: 'S2'
  },
  {
    rule: 'R11: tagging takes the lease',
    patches: [{ file: 'put-tagging.ts', find: 'if (!takesLeases(context) ||', replace: 'if (context !== null ||' }],
    scenario: 'tagging, class B, hand-over',
    violation: 'S2'
  },
  ...['', ' by a copy', ' complete over it'].map((way) => ({
    rule: `R11: a write over another's object takes the lease${way && `:${way}`}`,
    patches: [
      {
        file: 'under-lease.ts',
        find: 'return owner !== context.me && takesLeases(context)',
        replace: 'return owner !== context.me && context === null'
      }
    ],
    scenario: way.includes('complete')
      ? 'policy lets B complete over it, A deletes, class B'
      : `policy lets B overwrite${way}, A deletes, class B`,
    violation: 'S2' as const
  })),
  {
    rule: 'R12: after an unknown outcome a lease is left to expire',
    patches: [{ file: 'under-lease.ts', find: 'unknown: hold.unknown }', replace: 'unknown: false }' }],
    scenario: 'delete, class B, answer lost, request late',
    violation: 'S2'
  },
  {
    rule: 'R13: the leases of a batch are taken in sorted order',
    patches: [{ file: 'delete-many.ts', find: '.sort()', replace: '' }],
    scenario: 'two batches in opposite orders, class B',
    violation: 'L1'
  },
  {
    rule: 'R14: in class B a copy onto itself is no CopyObject',
    patches: [
      {
        file: 'copy.ts',
        find: 'if (byName && (context.closed.copy ||',
        replace: 'if (byName && (request.ontoItself || context.closed.copy ||'
      }
    ],
    scenario: 'copy onto itself, class B, against an own put',
    violation: 'S4'
  },
  {
    rule: 'R14: a copy onto itself replaces only what it read',
    patches: [{ file: 'complete.ts', find: 'if (request.only !== undefined &&', replace: 'if (request.only === null &&' }],
    scenario: 'large copy onto itself, class B, against an own put',
    violation: 'S4'
  },
  {
    rule: 'the condition of class A deletes',
    patches: [{ file: 'delete.ts', find: 'context.closed.delete && etag !== null ?', replace: 'context === null && etag !== null ?' }],
    scenario: 'delete, hand-over, other bytes',
    violation: 'S2'
  },
  {
    rule: 'the ETag of each key of a class A batch',
    patches: [{ file: 'delete-many.ts', find: 'context.closed.delete ? verdict.etag : null', replace: 'null' }],
    scenario: 'batch, class A, hand-over',
    violation: 'S2'
  },
  ...(['tag', 'metadata'] as const).map((mode) => ({
    rule: `tags that policy reads stand between two equal heads, in ${mode} mode`,
    patches: [{ file: 'look.ts', find: 'const after = yield* askOne', replace: 'const after = at ? head : yield* askOne' }],
    scenario: `a policy that reads tags, ${mode} mode`,
    violation: 'S1' as const
  })),
  {
    rule: 'tags that policy reads are read after the head',
    patches: [{ file: 'look.ts', find: 'if (context.needsTags && pinned === undefined)', replace: 'if (context === null)' }],
    scenario: 'a policy that reads tags, tag mode',
    violation: 'S1'
  }
]
