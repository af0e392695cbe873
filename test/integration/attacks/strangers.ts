import type { Test } from 'tap'
import { contentOf } from './leaks.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { ownerOfService, PLACES, UPSTREAM } from './rig-config.ts'
import { sha256, signHeaders } from './signer.ts'

const A1 = ownerOfService('a1')
const A2 = ownerOfService('a2')

/** What an object that did not come through the proxy may say of its owner, and which service has it then. */
const MARKS: readonly {
  readonly tag: string | null
  readonly mark: string | null
  readonly byTag: string | null
  readonly byMark: string | null
}[] = [
  { tag: null, mark: null, byTag: null, byMark: null },
  { tag: A1, mark: null, byTag: 'a1', byMark: null },
  { tag: null, mark: A1, byTag: null, byMark: 'a1' },
  { tag: A1, mark: A2, byTag: null, byMark: 'a2' },
  { tag: A2, mark: A1, byTag: null, byMark: 'a1' },
  { tag: A1, mark: A1, byTag: 'a1', byMark: 'a1' },
  { tag: '', mark: '', byTag: null, byMark: null },
  { tag: A1.toUpperCase(), mark: A1.toUpperCase(), byTag: null, byMark: null },
  { tag: `${A1} `, mark: A1, byTag: null, byMark: 'a1' },
  { tag: null, mark: `${A1},${A2}`, byTag: null, byMark: null }
]

/** Objects that somebody put into the upstream by hand: nobody's, unless tag and mark say otherwise together. */
export async function strangers(t: Test, rig: Rig): Promise<void> {
  for (const place of ['awsTag', 'awsMeta', 'minioTag', 'minioMeta'] as const) {
    await t.test(`an object from elsewhere belongs to whom its marks name, all of them, and to nobody else (${place})`, async (t) => {
      rig.clear()
      const tenant = `ta-${place.toLowerCase()}`
      for (const [index, { tag, mark, byTag, byMark }] of MARKS.entries()) {
        const key = `stranger-${index}`
        await putByHand(rig, place, { key: `${tenant}/${key}`, tag, mark })
        const owner = PLACES[place].mode === 'tag' ? byTag : byMark
        for (const service of ['a1', 'a2'] as const) {
          const as = rig.callers[service]
          const target = `/${tenant}/${key}`
          const why = `tag ${tag ?? 'none'}, mark ${mark ?? 'none'}, asked by ${service}`
          if (service === owner) {
            await succeeds(t, rig, why, { method: 'GET', target, as })
            continue
          }
          const calls: readonly Omit<Call, 'as'>[] = [
            { method: 'GET', target },
            { method: 'GET', target: `${target}?tagging` },
            { method: 'PUT', target, body: 'x' },
            { method: 'DELETE', target },
            { method: 'PUT', target: `/${tenant}/taken`, headers: [['x-amz-copy-source', `${tenant}/${key}`]] }
          ]
          for (const call of calls) {
            const outcome = await refused(t, rig, {
              why: `${call.method} ${why}`,
              call: { ...call, as },
              code: 'AccessDenied',
              reach: 'noWrite'
            })
            t.notMatch(outcome.text, contentOf('nobody'))
          }
        }
      }
    })
  }
}

async function putByHand(
  rig: Rig,
  place: keyof typeof PLACES,
  object: { key: string; tag: string | null; mark: string | null }
): Promise<void> {
  const { store, bucket } = PLACES[place]
  const { endpoint } = rig.stores[store]
  const target = `/${bucket}/${object.key}`
  const body = `bytes of ${contentOf('nobody')}`
  const headers: [string, string][] = [['host', new URL(endpoint).host]]
  if (object.tag !== null) headers.push(['x-amz-tagging', `service=${encodeURIComponent(object.tag)}`])
  if (object.mark !== null) headers.push(['x-amz-meta-sluice-service', object.mark])
  const signed = signHeaders(
    { method: 'PUT', target, headers },
    { ...UPSTREAM, sessionToken: null },
    { now: new Date(), region: UPSTREAM.region, payload: sha256(body) }
  )
  const { result } = await rig.watching(() =>
    fetch(`${endpoint}${target}`, { method: 'PUT', body, headers: Object.fromEntries(signed.headers.filter(([name]) => name !== 'host')) })
  )
  if (result.status !== 200) throw new Error(`putting ${object.key} by hand: ${result.status} ${await result.text()}`)
}
