import type { Test } from 'tap'
import { RawClient } from '../../helpers/raw-http.ts'
import { seed, stored } from './calls.ts'
import { contentOf } from './leaks.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Caller, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

/** What only shows when requests meet: on one connection, in one cache, on one key, in one head. */
export async function races(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  await crosstalk(t, rig)
  await staleOwners(t, rig)
  await sameKey(t, rig)
  await forms(t, rig)
  await oddBytes(t, rig)
}

async function answerTo(rig: Rig, call: Call): Promise<{ readonly status: number; readonly text: string }> {
  const client = new RawClient(rig.port)
  try {
    const bytes = rig.bytesOf(call)
    const response = await client.send(bytes).readResponse({ bodiless: call.method === 'HEAD' })
    rig.note(`${call.method} ${call.target}`, { bytes, response, as: call.as })
    return { status: response.status, text: response.body.toString('latin1') }
  } finally {
    client.destroy()
  }
}

async function crosstalk(t: Test, rig: Rig): Promise<void> {
  const { a1, a2, b1 } = rig.callers
  await t.test('a hundred requests at once are answered each by its own caller’s rights', async (t) => {
    for (const place of ['awstag', 'miniometa']) {
      await seed(rig, a1, `/ta-${place}/k`)
      await seed(rig, b1, `/tb-${place}/k`)
      await seed(rig, a2, `/ta-${place}/k2`)
    }
    const asked = Array.from({ length: 120 }, (_, index): Call => {
      const place = index % 2 === 0 ? 'awstag' : 'miniometa'
      const as = [a1, a2, b1][index % 3] ?? a1
      return {
        method: 'GET',
        target: ['/ta-PLACE/k', '/ta-PLACE/k2', '/tb-PLACE/k'][Math.floor(index / 6) % 3]?.replace('PLACE', place) ?? '',
        as
      }
    })
    const { result } = await rig.watching(() => Promise.all(asked.map((call) => answerTo(rig, call))))
    const wrong = result.filter(({ status, text }, index) => {
      const { as, target } = asked[index] ?? { as: null, target: '' }
      const owner = target.startsWith('/tb') ? 'b1' : target.endsWith('2') ? 'a2' : 'a1'
      const isOwn = as?.service === owner
      return isOwn ? status !== 200 || !text.includes(contentOf(owner)) : status !== 403 || text.includes('canary')
    })
    t.same(wrong, [])
  })
}

async function staleOwners(t: Test, rig: Rig): Promise<void> {
  const { a1, a2 } = rig.callers
  await t.test('who an object belonged to a moment ago decides nothing, also where another replica changed it', async (t) => {
    const replica = await rig.another((settings) => settings)
    try {
      for (const place of ['awstag', 'awsmeta', 'miniotag', 'miniometa']) {
        const target = `/ta-${place}/handed-over`
        await seed(rig, a1, target)
        for (let round = 0; round < 3; round++)
          await succeeds(t, rig, 'its owner reads it, and is remembered', { method: 'GET', target, as: a1 })
        await succeeds(t, replica, 'deletes it elsewhere', { method: 'DELETE', target, as: a1 })
        // The very bytes, so that the ETag is the one that is remembered.
        const word = `the bytes of ${contentOf('a1')}`
        await succeeds(t, replica, 'and another takes the key', { method: 'PUT', target, as: a2, body: word })
        await refused(t, rig, { why: `${place}: a read`, call: { method: 'GET', target, as: a1 }, code: 'AccessDenied', reach: 'reads' })
        await refused(t, rig, {
          why: 'a write',
          call: { method: 'PUT', target, as: a1, body: 'x' },
          code: 'AccessDenied',
          reach: 'noWrite'
        })
        await refused(t, rig, { why: 'a delete', call: { method: 'DELETE', target, as: a1 }, code: 'AccessDenied', reach: 'looks' })
        await refused(t, rig, {
          why: 'tags',
          call: { method: 'GET', target: `${target}?tagging`, as: a1 },
          code: 'AccessDenied',
          reach: 'looks'
        })
        await refused(t, rig, {
          why: 'a copy',
          call: { method: 'PUT', target: `/ta-${place}/copied`, as: a1, headers: [['x-amz-copy-source', target]] },
          code: 'AccessDenied',
          reach: 'reads'
        })
      }
    } finally {
      await replica.stop()
    }
  })
}

async function sameKey(t: Test, rig: Rig): Promise<void> {
  const { a1, a2 } = rig.callers
  for (const place of ['awsTag', 'minioTag', 'awsMeta', 'minioMeta'] as const) {
    await t.test(`of two services that write one free key at once, one has it and the other is told so (${place})`, async (t) => {
      const { store, bucket } = PLACES[place]
      const tenant = `ta-${place.toLowerCase()}`
      for (let round = 0; round < 6; round++) {
        const write = (as: Caller): Promise<{ readonly status: number }> =>
          answerTo(rig, { method: 'PUT', target: `/${tenant}/race-${round}`, as, body: contentOf(as.service) })
        const { result } = await rig.watching(() => Promise.all([write(a1), write(a2), write(a1), write(a2)]))
        const kept = await stored(rig, store, { bucket, key: `${tenant}/race-${round}` })
        const [winner, loser] = kept === contentOf('a1') ? [0, 1] : [1, 0]
        const won = result.filter((_, index) => index % 2 === winner).map(({ status }) => status)
        const lost = result.filter((_, index) => index % 2 === loser).map(({ status }) => status)
        t.same(
          [kept === null, won.includes(200), lost.filter((status) => status === 200)],
          [false, true, []],
          `${won.join()} and ${lost.join()}`
        )
      }
    })
  }
}

async function forms(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const boundary = 'zqboundary'
  const form = (fields: Readonly<Record<string, string>>): string =>
    `${Object.entries(fields)
      .map(
        ([name, value]) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${name === 'file' ? '; filename="x"' : ''}\r\n\r\n${value}\r\n`
      )
      .join('')}--${boundary}--\r\n`
  const body = form({
    key: 'posted',
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': 'x',
    policy: 'e30=',
    'x-amz-signature': 'x',
    file: 'x'
  })
  const multipart: [string, string] = ['content-type', `multipart/form-data; boundary=${boundary}`]
  await t.test('S-13: a form proves its sender by its own fields, and nothing else does', async (t) => {
    await refused(t, rig, {
      why: 'a form without a proof',
      call: { method: 'POST', target: '/ta-awstag', as: null, body, headers: [multipart] },
      code: 'InvalidArgument'
    })
    await refused(t, rig, {
      why: 'signed by its header',
      call: { method: 'POST', target: '/ta-awstag', as: a1, body, headers: [multipart] },
      code: 'InvalidArgument'
    })
    await refused(t, rig, {
      why: 'to the service',
      call: { method: 'POST', target: '/', as: null, body, headers: [multipart] },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'named like a form of STS',
      call: {
        method: 'POST',
        target: '/ta-awstag',
        as: null,
        body: 'Action=AssumeRoleWithWebIdentity',
        headers: [['content-type', 'application/x-www-form-urlencoded']]
      },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'on a tenant’s host',
      call: {
        method: 'POST',
        target: '/',
        host: 'ta-awstag.s3.zq.test',
        as: null,
        body: 'Action=GetCallerIdentity',
        headers: [['content-type', 'application/x-www-form-urlencoded']]
      },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'STS in a query',
      call: { method: 'GET', target: '/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15', as: null },
      code: 'AccessDenied'
    })
  })
}

async function oddBytes(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  await t.test('S-25: bytes of metadata arrive as they were sent, and what was signed is what is stored', async (t) => {
    for (const place of ['awstag', 'miniotag']) {
      for (const value of [
        'caf\u00e9',
        Buffer.from('日本 é', 'utf8').toString('latin1'),
        '\u00a0x\u00a0',
        'a  b',
        '"quoted", with; signs',
        '=?utf-8?B?w6k=?=',
        '\u0080\u00ff'
      ]) {
        const target = `/ta-${place}/bytes`
        const { upstream } = await succeeds(t, rig, JSON.stringify(value), {
          method: 'PUT',
          target,
          as: a1,
          body: 'x',
          headers: [['x-amz-meta-bytes', value]]
        })
        const sent = upstream.find(({ method, effective }) => method === 'PUT' && effective)?.rawHeaders ?? []
        t.equal(sent[sent.findIndex((name) => name.toLowerCase() === 'x-amz-meta-bytes') + 1], value, 'the same bytes')
      }
    }
  })
  await t.test('S-9: a target of bytes that no target has is refused', async (t) => {
    for (const [why, target] of [
      ['raw UTF-8', `/ta-awstag/${Buffer.from('é').toString('latin1')}`],
      ['a raw control character', '/ta-awstag/a\u0001b'],
      ['a raw delete', '/ta-awstag/a\u007fb'],
      ['a tab', '/ta-awstag/a\tb'],
      ['a space', '/ta-awstag/a b']
    ] as const) {
      const before = rig.state()
      const { status, upstream } = await rig.send({ method: 'PUT', target, as: a1, body: 'x' })
      t.same([status >= 400 && status < 500, upstream, rig.state() === before], [true, [], true], `${why}: ${status}`)
    }
  })
  await t.test('S-30: a head that would cost long to read is refused before anybody is asked who calls', async (t) => {
    const names = Array.from({ length: 7000 }, (_, index) => (index + 1296).toString(36))
    await refused(t, rig, {
      why: 'thousands of parameters',
      call: { method: 'GET', target: `/ta-awstag?${names.join('&')}`, as: null },
      code: 'InvalidArgument'
    })
    const many: Call = {
      method: 'GET',
      target: '/ta-awstag',
      as: a1,
      editAuthorization: (text) => text.replace('SignedHeaders=', `SignedHeaders=${names.slice(0, 5000).join(';')};`)
    }
    await refused(t, rig, { why: 'thousands of signed headers', call: many, code: 'SignatureDoesNotMatch' })
  })
}
