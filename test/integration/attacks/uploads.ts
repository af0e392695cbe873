import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { beginUpload, partsBody, seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Caller, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

const TENANT = 'ta-awstag'

/** Every operation that names an upload. */
function onUpload(target: string, uploadId: string, etag: string): readonly (readonly [string, Omit<Call, 'as'>])[] {
  const id = encodeURIComponent(uploadId)
  return [
    ['UploadPart', { method: 'PUT', target: `${target}?partNumber=1&uploadId=${id}`, body: 'hijacked' }],
    [
      'UploadPartCopy',
      {
        method: 'PUT',
        target: `${target}?partNumber=1&uploadId=${id}`,
        headers: [['x-amz-copy-source', `${target.split('/')[1] ?? ''}/own`]]
      }
    ],
    ['ListParts', { method: 'GET', target: `${target}?uploadId=${id}` }],
    ['CompleteMultipartUpload', { method: 'POST', target: `${target}?uploadId=${id}`, body: partsBody(etag) }],
    ['AbortMultipartUpload', { method: 'DELETE', target: `${target}?uploadId=${id}` }]
  ]
}

/** S-12: an upload id is good for the one who got it, for the key it was got for, and for nothing else. */
export async function uploads(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1, w1, w2 } = rig.callers
  for (const [place, as] of [
    ['awstag', a1],
    ['miniotag', a1],
    ['awstag', a2],
    ['miniotag', a2]
  ] as const)
    await seed(rig, as, `/ta-${place}/own-${as.service}`)
  for (const [tenant, as] of [
    ['ta-awstag', a1],
    ['ta-miniotag', a1],
    ['tb-awstag', b1],
    ['ta-awsmeta', a1]
  ] as const)
    await seed(rig, as, `/${tenant}/own`)
  for (const place of ['awstag', 'miniotag'] as const) {
    await t.test(`S-12: an upload id in other hands, on another key or in another tenant names no upload (${place})`, async (t) => {
      const tenant = `ta-${place}`
      const target = `/${tenant}/up`
      const { uploadId, etag } = await beginUpload(rig, a1, target)
      const elsewhere = place === 'awstag' ? 'ta-miniotag' : 'ta-awstag'
      const hands: readonly (readonly [string, Caller, string, string])[] = [
        ['another service of the tenant', a2, target, 'NoSuchUpload'],
        ['a service of every tenant', w1, target, 'NoSuchUpload'],
        ['a service of another tenant', b1, target, 'AccessDenied'],
        ['a service of another tenant, on its own key', b1, '/tb-awstag/up', 'NoSuchUpload'],
        ['its owner, on another key', a1, `/${tenant}/up2`, 'NoSuchUpload'],
        ['its owner, on a key that begins alike', a1, `/${tenant}/up/up`, 'NoSuchUpload'],
        ['its owner, in another tenant', a1, `/${elsewhere}/up`, 'NoSuchUpload'],
        ['nobody', { ...a1, credentials: { ...a1.credentials, secretAccessKey: 'x' } }, target, 'SignatureDoesNotMatch']
      ]
      for (const [why, as, at, code] of hands) {
        for (const [name, call] of onUpload(at, uploadId, etag))
          await refused(t, rig, { why: `${name} by ${why}`, call: { ...call, as }, code })
      }
      const parts = await succeeds(t, rig, 'its owner lists its parts', { method: 'GET', target: `${target}?uploadId=${uploadId}`, as: a1 })
      t.match(parts.text, /<PartNumber>1<\/PartNumber>/)
      await succeeds(t, rig, 'and completes it', {
        method: 'POST',
        target: `${target}?uploadId=${uploadId}`,
        as: a1,
        body: partsBody(etag)
      })
    })
  }
  await t.test('S-12: nothing but a whole, unchanged id names an upload', async (t) => {
    const target = `/${TENANT}/up3`
    const { uploadId, etag } = await beginUpload(rig, a1, target)
    const [kid = '', place = '', mac = ''] = uploadId.split('.')
    const [physical = ''] = rig.stores.aws.openUploads(PLACES.awsTag.bucket)
    const turned = (text: string, at: number): string => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    const ids = [
      physical,
      `${kid}.${place}`,
      `${kid}.${place}.`,
      `${kid}..${mac}`,
      `.${place}.${mac}`,
      `${kid}.${turned(place, 5)}.${mac}`,
      `${kid}.${place}.${turned(mac, 5)}`,
      `00000000.${place}.${mac}`,
      `${kid.toUpperCase()}0.${place}.${mac}`,
      `${uploadId}x`,
      `${uploadId}=`,
      `${uploadId} `,
      `${uploadId}.${mac}`,
      `${kid}.${mac}.${place}`,
      'null',
      '../..',
      '%00',
      'a'.repeat(10_000),
      `${kid}.${place.slice(4)}.${mac}`
    ]
    for (const id of ids) {
      for (const [name, call] of onUpload(target, id, etag))
        await refused(t, rig, { why: `${name} ${id.slice(0, 40)}`, call: { ...call, as: a1 }, code: 'NoSuchUpload' })
    }
    const twin = await beginUpload(rig, a1, target)
    const spliced = `${kid}.${twin.uploadId.split('.')[1] ?? ''}.${mac}`
    for (const [name, call] of onUpload(target, spliced, etag))
      await refused(t, rig, { why: `${name} with halves of two ids`, call: { ...call, as: a1 }, code: 'NoSuchUpload' })
  })
  await t.test('S-12: a list of uploads shows the caller its own, under its own names', async (t) => {
    for (const tenant of ['ta-awstag', 'ta-miniotag']) {
      await beginUpload(rig, w1, `/${tenant}/listed/w1`)
      await beginUpload(rig, w2, `/${tenant}/listed/w2`)
      for (const [as, shown, hidden] of [
        [w1, 'listed/w1', 'listed/w2'],
        [w2, 'listed/w2', 'listed/w1']
      ] as const) {
        const { text, upstream } = await succeeds(t, rig, `${tenant} by ${as.service}`, { method: 'GET', target: `/${tenant}?uploads`, as })
        t.ok(text.includes(shown))
        t.notOk(text.includes(hidden))
        t.same(upstream, [], 'from the ledger')
      }
      const { text } = await succeeds(t, rig, 'who has none sees none', {
        method: 'GET',
        target: `/${tenant}?uploads&prefix=listed/`,
        as: a2
      })
      t.notMatch(text, /<Upload>/)
      await refused(t, rig, { why: 'another tenant', call: { method: 'GET', target: `/${tenant}?uploads`, as: b1 }, code: 'AccessDenied' })
    }
    const foreign = await beginUpload(rig, w2, '/ta-awstag/listed/w2')
    const { text } = await succeeds(t, rig, 'a marker of another service marks nothing', {
      method: 'GET',
      target: `/ta-awstag?uploads&key-marker=listed/w2&upload-id-marker=${foreign.uploadId}`,
      as: w1
    })
    t.notMatch(text, /listed\/w2<\/Key>/)
  })
  await rotation(t, rig)
}

async function rotation(t: Test, rig: Rig): Promise<void> {
  const { a1, a2 } = rig.callers
  await t.test('S-12: a turned key ring opens the ids of the key before, for their owner alone; a retired key opens none', async (t) => {
    const target = `/${TENANT}/rotated`
    const { uploadId, etag } = await beginUpload(rig, a1, target)
    const [old] = JSON.parse(rig.ringText) as readonly { kid: string; key: string; state: string }[]
    const fresh = { kid: 'feedbeef', key: randomBytes(32).toString('base64'), state: 'active' }
    const turned = await rig.another((settings) => settings, JSON.stringify([{ ...old, state: 'accept' }, fresh]))
    try {
      for (const [name, call] of onUpload(target, uploadId, etag))
        await refused(t, turned, { why: `${name} by another`, call: { ...call, as: a2 }, code: 'NoSuchUpload' })
      await succeeds(t, turned, 'the owner goes on', { method: 'GET', target: `${target}?uploadId=${uploadId}`, as: a1 })
    } finally {
      await turned.stop()
    }
    const retired = await rig.another((settings) => settings, JSON.stringify([{ ...old, state: 'retired' }, fresh]))
    try {
      await refused(t, retired, {
        why: 'the session of a retired key',
        call: { method: 'GET', target: `${target}?uploadId=${uploadId}`, as: a1 },
        code: 'ExpiredToken'
      })
      const { a1: again } = retired.callers
      for (const [name, call] of onUpload(target, uploadId, etag))
        await refused(t, retired, { why: `${name} with an id of a retired key`, call: { ...call, as: again }, code: 'NoSuchUpload' })
    } finally {
      await retired.stop()
    }
  })
}
