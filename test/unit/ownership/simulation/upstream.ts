/**
 * The simulated upstream: one call of `serve` is one atomic request. Unversioned, a key holds at most one object;
 * versioned, a stack whose last is current. Bodies are words, and an ETag is the body.
 */
import type { Ask, ObjectRef, Seen, WireCondition } from '../../../../proxy/ownership/steps.ts'
import type { AnyAsk, Env, Op, Stored, World } from './world.ts'

/** What a request did, for the checker. */
export interface Effect {
  readonly kind: 'write' | 'delete' | 'uncover' | 'retag' | 'copyFrom'
  readonly key: string
  /** The object that it met. */
  readonly on: Stored | undefined
  readonly made?: Stored
  readonly to?: string | undefined
  /** The object whose bytes were written, where that is known. */
  readonly from?: string
}

export interface Who {
  readonly me: string
  readonly gen: string
  readonly op: Op | undefined
}

export interface Ghost {
  readonly gen: string
  readonly own: string | null
  readonly body: string
}

const MISSING: Seen = { status: 404, code: 'NoSuchKey', reply: null }
const FAILED: Seen = { status: 412, code: 'PreconditionFailed', reply: null }

/** The object that a read of the key shows. */
export function current(world: World, key: string): Stored | undefined {
  const top = world.store[key]?.at(-1)
  return top === undefined || top.marker ? undefined : top
}

function find(world: World, at: ObjectRef): Stored | undefined {
  if (at.versionId === undefined) return current(world, at.key)
  return world.store[at.key]?.find((one) => one.vid === at.versionId)
}

function ghost(one: Stored): Ghost {
  return { gen: one.gen, own: one.own, body: one.body }
}

function asStored(one: Ghost): Stored {
  return { ...one, etag: one.body, lm: 0 }
}

function shown(one: Stored): Seen {
  return {
    status: 200,
    etag: one.etag,
    lastModified: String(one.lm),
    size: one.body.length,
    ...(one.mark !== undefined && { mark: one.mark }),
    ...(one.nonce !== undefined && { nonce: one.nonce }),
    ...(one.vid !== undefined && { versionId: one.vid }),
    tagCount: tagsOf(one).size,
    reply: ghost(one)
  }
}

function tagsOf(one: { tag?: string; ctag?: string }): Map<string, string> {
  return new Map([
    ...(one.tag === undefined ? [] : [['service', one.tag] as const]),
    ...(one.ctag === undefined ? [] : [['c', one.ctag] as const])
  ])
}

/** Performs one request on the world; `out` takes its effects. `part` picks the key of a DeleteObjects. */
export function serve(
  world: World,
  request: { ask: AnyAsk; part: number; snap: Stored | null },
  env: Env,
  who: Who,
  out: Effect[]
): Seen | Stored {
  const { ask } = request
  switch (ask.ask) {
    case 'head':
    case 'read':
    case 'readRange':
      return serveRead(world, ask, who)
    case 'tags': {
      const one = find(world, ask.at)
      if (one === undefined || one.marker) return MISSING
      return { status: 200, tags: tagsOf(one), ...(one.vid !== undefined && { versionId: one.vid }), reply: ghost(one) }
    }
    case 'below': {
      const stack = world.store[ask.at.key] ?? []
      const index = stack.findIndex((one) => one.vid === ask.versionId)
      if (index < 0) return { status: 200, below: { found: false }, reply: null }
      const below = stack[index - 1]
      return {
        status: 200,
        below: below?.vid === undefined || below.marker ? { found: true } : { found: true, versionId: below.vid },
        reply: null
      }
    }
    case 'put':
    case 'putRead':
    case 'copy':
    case 'complete':
      return serveWrite(world, { ask, snap: request.snap }, env, who, out)
    case 'createUpload':
    case 'partCopy':
    case 'partPut':
    case 'abort':
      return serveUpload(world, ask, env, who, out)
    case 'delete':
      return serveDelete(world, { at: ask.at, etag: ask.condition.kind === 'match' ? ask.condition.etag : null }, env, who, out)
    case 'deleteBatch': {
      const item = ask.items[request.part]
      if (item === undefined) throw new Error('no such part')
      return serveDelete(world, item, env, who, out)
    }
    case 'putTags': {
      const one = find(world, ask.at)
      if (one === undefined || one.marker) return MISSING
      return retag(world, one, { key: ask.at.key, to: ask.tags.get('service'), ctag: ask.tags.get('c') }, out)
    }
    default:
      return serveRaw(world, ask, env, who, out)
  }
}

function serveRead(world: World, ask: Extract<Ask, { ask: 'head' | 'read' | 'readRange' }>, who: Who): Seen {
  const one = find(world, ask.at)
  if (one === undefined) {
    return world.store[ask.at.key]?.at(-1)?.marker && ask.at.versionId === undefined ? { ...MISSING, deleteMarker: true } : MISSING
  }
  if (one.marker) return { status: 405, code: 'MethodNotAllowed', deleteMarker: true, reply: null }
  if (ask.ask !== 'read') return shown(one)
  if (ask.pin !== undefined && ask.pin !== one.etag) return FAILED
  const op = ask.at.place === 'target' ? who.op : undefined
  if (op?.op === 'attrs') {
    const { status, etag, reply } = { ...shown(one), etag: one.etag }
    return { status, etag, reply }
  }
  if (ask.conditions && op?.match === one.etag) return { status: 304, etag: one.etag, reply: ghost(one) }
  if (op?.first !== undefined && op.first >= one.body.length) return { status: 416, code: 'InvalidRange', reply: ghost(one) }
  return shown(one)
}

function refused(one: Stored | undefined, condition: WireCondition, honoured: boolean): Seen | null {
  if (!honoured) return null
  if (condition.kind === 'absent') return one === undefined ? null : FAILED
  if (condition.kind === 'none') return null
  if (one === undefined) return MISSING
  return condition.etag === one.etag ? null : FAILED
}

type WriteAsk = Extract<Ask, { ask: 'put' | 'putRead' | 'copy' | 'complete' }>

function serveWrite(world: World, request: { ask: WriteAsk; snap: Stored | null }, env: Env, who: Who, out: Effect[]): Seen | Stored {
  const { ask, snap } = request
  const { key } = ask.at
  const on = current(world, key)
  const mine = { mark: who.me, tag: who.me, gen: who.gen, own: who.me, lm: world.now }
  switch (ask.ask) {
    case 'put':
      return (
        refused(on, ask.condition, env.cls !== 'D') ??
        place(
          world,
          { key, env, out },
          { ...mine, body: who.op?.body ?? '', etag: '', ...(who.op?.ctag !== undefined && { ctag: who.op.ctag }) }
        )
      )
    case 'putRead': {
      const from = ask.from.reply as Ghost
      const made = { ...mine, body: from.body, etag: '', ...ctagOf(ask.source.tags) }
      out.push({ kind: 'copyFrom', key, on: asStored(from) })
      return refused(on, ask.condition, env.cls !== 'D') ?? place(world, { key, env, out, from: from.gen }, made)
    }
    case 'copy': {
      const { source } = ask
      if (snap === null) {
        const found = find(world, source.versionId === undefined ? source.at : { ...source.at, versionId: source.versionId })
        if (found === undefined || found.marker) return MISSING
        if (!env.ignoresSource && found.etag !== source.etag) return FAILED
        out.push({ kind: 'copyFrom', key: source.at.key, on: found })
        return found
      }
      const kept = (ask.directives as string) === 'COPY' ? { mark: snap.mark, tag: snap.tag, ctag: snap.ctag } : ctagOf(source.tags)
      return (
        refused(on, ask.condition, env.cls === 'A') ??
        place(world, { key, env, out, from: snap.gen }, { ...mine, body: snap.body, etag: '', ...kept } as Stored)
      )
    }
    case 'complete': {
      const upload = world.uploads[ask.uploadId]
      if (upload?.done !== undefined && env.completeAgain) return { status: 200, etag: upload.done, reply: null }
      const no = refused(on, ask.condition, env.cls === 'A' || env.cls === 'B')
      const set = (more: object) => {
        if (upload !== undefined) world.uploads = { ...world.uploads, [ask.uploadId]: { ...upload, ...more } }
      }
      if (no !== null && env.killsUpload && upload?.done === undefined) set({ aborted: true })
      if (no !== null && upload?.done === undefined) return no
      if (upload === undefined || upload.done !== undefined || upload.aborted)
        return no ?? { status: 404, code: 'NoSuchUpload', reply: null }
      const made = { ...upload, gen: who.gen, lm: world.now, etag: `${upload.body}-1` }
      const { key: _key, from: _from, ...stored } = made
      const seen = place(world, { key, env, out, ...(upload.from !== undefined && { from: upload.from }) }, stored)
      set({ done: seen.etag })
      return seen
    }
    default:
      return ask satisfies never
  }
}

function ctagOf(tags: ReadonlyMap<string, string> | null): { ctag?: string } {
  const ctag = tags?.get('c')
  return ctag === undefined ? {} : { ctag }
}

function place(world: World, where: { key: string; env: Env; out: Effect[]; from?: string }, made: Stored): Seen {
  const { key, env, out } = where
  const etag = made.etag === '' ? made.body : made.etag
  const stored: Stored = { ...made, etag: env.uniqueEtags ? `${etag}#${made.gen}` : etag, ...(env.versioned && { vid: made.gen }) }
  out.push({ kind: 'write', key, on: current(world, key), made: stored, ...(where.from !== undefined && { from: where.from }) })
  world.store = { ...world.store, [key]: env.versioned ? [...(world.store[key] ?? []), stored] : [stored] }
  return { status: 200, etag: stored.etag, ...(stored.vid !== undefined && { versionId: stored.vid }), reply: null }
}

type UploadAsk = Extract<Ask, { ask: 'createUpload' | 'partCopy' | 'partPut' | 'abort' }>

function serveUpload(world: World, ask: UploadAsk, env: Env, who: Who, out: Effect[]): Seen {
  if (ask.ask === 'createUpload') {
    const id = `u${ask.nonce}`
    const made = {
      key: ask.at.key,
      mark: who.me,
      tag: who.me,
      nonce: ask.nonce,
      own: who.me,
      body: '',
      ...ctagOf(ask.source?.tags ?? null)
    }
    world.uploads = { ...world.uploads, [id]: made }
    return { status: 200, uploadId: id, reply: null }
  }
  const upload = world.uploads[ask.uploadId]
  if (upload === undefined || upload.aborted) return { status: 404, code: 'NoSuchUpload', reply: null }
  const set = (more: object) => {
    world.uploads = { ...world.uploads, [ask.uploadId]: { ...upload, ...more } }
  }
  if (ask.ask === 'abort') {
    set({ aborted: true })
    return { status: 204, reply: null }
  }
  if (ask.ask === 'partPut') {
    const { body, gen } = ask.from.reply as Ghost
    out.push({ kind: 'copyFrom', key: upload.key, on: asStored(ask.from.reply as Ghost) })
    set({ body, from: gen })
    return { status: 200, etag: body, reply: null }
  }
  const { source } = ask
  const found = find(world, source.versionId === undefined ? source.at : { ...source.at, versionId: source.versionId })
  if (found === undefined || found.marker) return MISSING
  if (!env.ignoresSource && found.etag !== source.etag) return FAILED
  out.push({ kind: 'copyFrom', key: source.at.key, on: found })
  set({ body: found.body, from: found.gen })
  return { status: 200, etag: found.body, reply: null }
}

function serveDelete(world: World, item: { at: ObjectRef; etag: string | null }, env: Env, who: Who, out: Effect[]): Seen {
  const { at, etag } = item
  const { key } = at
  const one = find(world, at)
  if (etag !== null && env.cls === 'A' && one?.etag !== etag) return one === undefined ? MISSING : FAILED
  if (one !== undefined) out.push({ kind: 'delete', key, on: one })
  const stack = world.store[key] ?? []
  if (!env.versioned) world.store = { ...world.store, [key]: [] }
  else if (at.versionId !== undefined) {
    world.store = { ...world.store, [key]: stack.filter((other) => other !== one) }
    const uncovered = current(world, key)
    if (one?.marker && uncovered !== undefined) out.push({ kind: 'uncover', key, on: uncovered })
  } else {
    const marker: Stored = { marker: true, vid: `${who.gen}d`, gen: `${who.gen}d`, own: who.me, body: '', etag: '', lm: world.now }
    world.store = { ...world.store, [key]: [...stack, marker] }
  }
  return { status: 204, reply: null }
}

function retag(
  world: World,
  one: Stored,
  change: { key: string; to: string | undefined; ctag: string | undefined; own?: string },
  out: Effect[]
): Seen {
  const { key, to, ctag, own } = change
  out.push({ kind: 'retag', key, on: one, to })
  const { tag: _tag, ctag: _ctag, ...rest } = one
  const made: Stored = {
    ...rest,
    ...(to !== undefined && { tag: to }),
    ...(ctag !== undefined && { ctag }),
    ...(own !== undefined && { own })
  }
  world.store = { ...world.store, [key]: (world.store[key] ?? []).map((other) => (other === one ? made : other)) }
  return { status: 200, reply: null }
}

function serveRaw(world: World, ask: Exclude<AnyAsk, Ask>, env: Env, who: Who, out: Effect[]): Seen {
  const one = current(world, ask.key)
  switch (ask.ask) {
    case 'rawHead':
      return one === undefined ? MISSING : shown(one)
    case 'rawPut': // Around the proxy: tag, no mark, no condition.
      return place(world, { key: ask.key, env, out }, { body: ask.body, etag: '', tag: who.me, gen: who.gen, own: who.me, lm: world.now })
    case 'rawDelete':
      return serveDelete(world, { at: { place: 'target', key: ask.key as ObjectRef['key'] }, etag: null }, { ...env, cls: 'B' }, who, out)
    case 'setOwnerTag':
      return one === undefined ? MISSING : retag(world, one, { key: ask.key, to: ask.to, ctag: one.ctag, own: ask.to }, out)
    case 'transfer': {
      if (one?.etag !== ask.etag) return FAILED
      const made = { ...one, mark: ask.to, tag: ask.to, own: ask.to, gen: who.gen, etag: ask.newEtag ? `${one.body}-1` : one.body }
      return place(world, { key: ask.key, env, out }, made)
    }
    default:
      return ask satisfies never
  }
}
