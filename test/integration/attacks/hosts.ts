import type { Test } from 'tap'
import { seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

const DOMAIN = 's3.zq.test'

/** The tenant that a request is for, by host name or by path: never two at once. */
export async function hosts(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, b1 } = rig.callers
  await seed(rig, a1, '/ta-awstag/mine')
  await seed(rig, a1, '/ta-awstag/tb-awstag/secret')
  await seed(rig, b1, '/tb-awstag/secret')
  await seed(rig, b1, '/tb-awstag/ta-awstag/mine')
  await seed(rig, rig.callers.w1, '/ta-dotted.name/x')
  await t.test('S-9: a host name names the tenant and the path the key, or the path names both', async (t) => {
    const reads: readonly (readonly [host: string, target: string])[] = [
      [`ta-awstag.${DOMAIN}`, '/mine'],
      [`ta-awstag.${DOMAIN}:1234`, '/mine'],
      [`ta-awstag.${DOMAIN}.`, '/mine'],
      [`TA-AWSTAG.${DOMAIN.toUpperCase()}`, '/mine'],
      [`ta-awstag.${DOMAIN}`, '/tb-awstag/secret'],
      [DOMAIN, '/ta-awstag/mine'],
      [`${DOMAIN}:80`, '/ta-awstag/mine'],
      ['anything.example', '/ta-awstag/mine'],
      [`ta-awstag.${DOMAIN}.evil.example`, '/ta-awstag/mine'],
      [`tb-awstag.x${DOMAIN}`, '/ta-awstag/mine'],
      ['[::1]:80', '/ta-awstag/mine']
    ]
    for (const [host, target] of reads) {
      const { text } = await succeeds(t, rig, `${host} ${target}`, { method: 'GET', target, host, as: a1 })
      t.match(text, /canarya1canary/)
    }
  })
  await t.test('S-9: a host name of another tenant is another tenant, whatever the path says', async (t) => {
    const cases: readonly (readonly [host: string, target: string, code: string])[] = [
      [`tb-awstag.${DOMAIN}`, '/ta-awstag/mine', 'AccessDenied'],
      [`tb-awstag.${DOMAIN}`, '/mine', 'AccessDenied'],
      [`tb-awstag.${DOMAIN}`, '/secret', 'AccessDenied'],
      [`TB-AWSTAG.${DOMAIN}`, '/secret', 'AccessDenied'],
      [`tb-awstag.${DOMAIN}.`, '/secret', 'AccessDenied'],
      [`tb-awstag.${DOMAIN}:443`, '/secret', 'AccessDenied'],
      [`ta-awstag.${DOMAIN}`, '/../tb-awstag/secret', 'InvalidURI'],
      [`ta-awstag.${DOMAIN}`, '//tb-awstag/secret', 'NoSuchKey'],
      [`user@ta-awstag.${DOMAIN}`, '/mine', 'InvalidBucketName'],
      [`ta-awstag.${DOMAIN}@evil.example`, '/mine', 'InvalidBucketName'],
      [`tb-awstag.ta-awstag.${DOMAIN}`, '/mine', 'AccessDenied'],
      [`ta-awstag..${DOMAIN}`, '/mine', 'NoSuchBucket'],
      [`.${DOMAIN}`, '/ta-awstag/mine', 'InvalidBucketName'],
      [`*.${DOMAIN}`, '/mine', 'InvalidBucketName'],
      [`ta-awstag%2f.${DOMAIN}`, '/mine', 'InvalidBucketName'],
      [`ta_awstag.${DOMAIN}`, '/mine', 'AccessDenied'],
      [`${DOMAIN}/tb-awstag`, '/secret', 'InvalidBucketName'],
      ['', '/tb-awstag/secret', 'AccessDenied'],
      [`${'x'.repeat(3000)}.${DOMAIN}`, '/mine', 'InvalidBucketName']
    ]
    for (const [host, target, code] of cases) {
      for (const method of ['GET', 'PUT'] as const) {
        const call: Call = { method, target, host, as: a1, ...(method === 'PUT' && { body: 'x' }) }
        // A path style host reads `/mine` as a tenant that is too short or foreign.
        const outcome = await rig.send(call)
        const codes =
          code === 'NoSuchKey' && method === 'PUT' ? [null] : host.includes('@evil') || host.includes('/') ? [code, 'AccessDenied'] : [code]
        t.ok((codes as readonly (string | null)[]).includes(outcome.code), `${method} ${host.slice(0, 60)} ${target}: ${outcome.code}`)
        if (outcome.code !== null && outcome.code !== 'NoSuchKey') t.same(outcome.upstream, [], 'nothing is asked')
      }
    }
  })
  await t.test('S-9: a host in another header, in the target or unsigned does not count', async (t) => {
    for (const name of ['X-Forwarded-Host', 'X-Host', 'X-Original-Host', 'Forwarded', 'X-HTTP-Host-Override']) {
      const { text } = await succeeds(t, rig, name, {
        method: 'GET',
        target: '/ta-awstag/mine',
        as: a1,
        headers: [[name, name === 'Forwarded' ? `host=tb-awstag.${DOMAIN}` : `tb-awstag.${DOMAIN}`]]
      })
      t.match(text, /canarya1canary/)
    }
    const swapped: Call = {
      method: 'GET',
      target: '/mine',
      host: `ta-awstag.${DOMAIN}`,
      as: a1,
      editHead: (lines) => lines.map((line) => (line.startsWith('Host:') ? `Host: tb-awstag.${DOMAIN}` : line))
    }
    await refused(t, rig, { why: 'another host than was signed', call: swapped, code: 'SignatureDoesNotMatch' })
    await refused(t, rig, {
      why: 'no host',
      call: { ...swapped, editHead: (lines) => lines.filter((line) => !line.startsWith('Host:')) },
      code: 'InvalidRequest'
    })
    await refused(t, rig, {
      why: 'two hosts',
      call: { ...swapped, editHead: (lines) => [...lines, `Host: tb-awstag.${DOMAIN}`] },
      code: 'InvalidRequest'
    })
    await refused(t, rig, {
      why: 'a whole URL',
      call: { method: 'GET', target: `http://tb-awstag.${DOMAIN}/secret`, as: b1 },
      code: 'InvalidURI'
    })
  })
  await t.test('S-4: a copy source is read as it is written, whatever the host is', async (t) => {
    const host = `ta-awstag.${DOMAIN}`
    await succeeds(t, rig, 'its own', { method: 'PUT', target: '/copy', host, as: a1, headers: [['x-amz-copy-source', 'ta-awstag/mine']] })
    await refused(t, rig, {
      why: 'another tenant',
      call: { method: 'PUT', target: '/copy', host, as: a1, headers: [['x-amz-copy-source', 'tb-awstag/secret']] },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'a key without its bucket',
      call: { method: 'PUT', target: '/copy', host, as: a1, headers: [['x-amz-copy-source', 'mine']] },
      code: 'InvalidArgument'
    })
  })
  await t.test('a tenant with dots in its name is one tenant', async (t) => {
    for (const [host, target] of [
      [`ta-dotted.name.${DOMAIN}`, '/x'],
      [DOMAIN, '/ta-dotted.name/x']
    ] as const) {
      await succeeds(t, rig, host, { method: 'GET', target, host, as: rig.callers.w1 })
    }
    await refused(t, rig, {
      why: 'its last part is another',
      call: { method: 'GET', target: '/x', host: `name.${DOMAIN}`, as: a1 },
      code: 'AccessDenied'
    })
  })
}
