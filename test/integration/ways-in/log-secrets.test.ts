import { createHash } from 'node:crypto'
import t from 'tap'
import { formBody, formType, signedFields } from '../../helpers/post-form.ts'
import { until } from '../faults/until.ts'
import { presign } from './presign.ts'
import { startSite, TENANT, type Reply, type Sending } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())

interface Case {
  readonly why: string
  readonly send: () => Promise<Reply>
  /** What proves the caller, none of which may be written anywhere. */
  readonly proofs: readonly string[]
}

const session = site.session()
const token = await site.token()
const spoiled = (text: string): string => text.slice(0, -4) + (text.endsWith('AAAA') ? 'BBBB' : 'AAAA')
const signatureIn = (url: string): string => /X-Amz-Signature=([0-9a-f]{64})/.exec(url)?.[1] ?? ''

function byUrl(why: string, secretAccessKey: string): Case {
  const credentials = { ...session, secretAccessKey }
  const url = presign({ method: 'PUT', host: site.host, path: `/${TENANT}/by-url`, credentials, at: site.now() })
  const proofs = [signatureIn(url), session.secretAccessKey, session.sessionToken]
  return { why, send: () => site.send({ method: 'PUT', target: url, body: 'x' }), proofs }
}

function byForm(why: string, secretAccessKey: string): Case {
  const fields = [['key', 'by-form']] as const
  const signed = signedFields({ credentials: { ...session, secretAccessKey }, at: site.now(), bucket: TENANT, fields })
  const sending: Sending = {
    method: 'POST',
    target: `/${TENANT}`,
    headers: { 'content-type': formType() },
    body: formBody({ fields: signed, file: 'x' })
  }
  const signature = signed.find(([name]) => name === 'x-amz-signature')?.[1] ?? ''
  return { why, send: () => site.send(sending), proofs: [signature, session.secretAccessKey, session.sessionToken] }
}

function byToken(why: string, proof: string): readonly Case[] {
  const headers = { authorization: `Bearer ${proof}` }
  const proofs = [proof, proof.split('.').at(-1) ?? '']
  const exchange = { method: 'GET', target: '/v0/container-credentials', headers: { authorization: proof } }
  return [
    { why: `${why}, on a request`, send: () => site.send({ method: 'PUT', target: `/${TENANT}/by-token`, headers, body: 'x' }), proofs },
    { why: `${why}, at the API`, send: () => site.sendApi({ method: 'GET', target: '/rest/v0/caller', headers }), proofs },
    { why: `${why}, for container credentials`, send: () => site.sendApi(exchange), proofs }
  ]
}

const ACCEPTED = [byUrl('a URL', session.secretAccessKey), byForm('a form', session.secretAccessKey), ...byToken('a token', token)]
const REFUSED = [
  byUrl('a URL of another secret', 'other'),
  byForm('a form of another secret', 'other'),
  ...byToken('a changed token', spoiled(token))
]

t.test('S-26: nothing that proves a caller is written to the log, by whichever way it comes', async (t) => {
  let lines = 0
  for (const [cases, good] of [
    [ACCEPTED, true],
    [REFUSED, false]
  ] as const) {
    for (const { why, send, proofs } of cases) {
      const { status } = await send()
      t.equal(status < 300, good, `${why}: ${status}`)
      lines += 1
      await until(`the log has ${lines} lines`, async () => (await site.log()).split('"msg":"request"').length > lines)
      const log = await site.log()
      for (const proof of proofs) {
        t.ok(proof.length > 4, 'there is something to look for')
        for (const form of [proof, encodeURIComponent(proof), Buffer.from(proof).toString('base64')])
          t.notOk(log.includes(form), `${why}: ${createHash('sha256').update(form).digest('hex').slice(0, 8)} is not in the log`)
      }
    }
  }
})
