import { createHash } from 'node:crypto'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Party } from './party.ts'
import { prepare } from './requests.ts'
import { TENANT } from './sluice.ts'
import { contentOf, OBJECTS, WORKLOADS } from './workloads.ts'

interface Answer {
  readonly status: number
  readonly sha256: string
  readonly cipher: string | null
}

/** Every subject gives exactly the bytes of each object under the same cipher, or nothing is timed. Returns the cipher, null for none. */
export async function checkAnswers(parties: readonly Party[]): Promise<string | null> {
  let cipher: string | null = null
  for (const party of parties) {
    for (const object of Object.keys(OBJECTS)) {
      const answer = await read(party, object)
      const expected = createHash('sha256').update(contentOf(object)).digest('hex')
      if (answer.status !== 200 || answer.sha256 !== expected)
        throw new Error(`${party.name} answered ${answer.status} with other bytes for ${object}`)
      cipher ??= answer.cipher
      if (answer.cipher !== null && answer.cipher !== cipher)
        throw new Error(`${party.name} speaks ${answer.cipher} and another ${String(cipher)}: they cannot be compared`)
    }
  }
  return cipher
}

function read(party: Party, object: string): Promise<Answer> {
  const [sample] = WORKLOADS
  if (sample === undefined) throw new Error('there are no workloads')
  const { heads } = prepare({ ...sample, object }, party, { bucket: TENANT, folder: '', round: 'check', newKeys: 1 })
  const [requestLine = '', ...lines] = (heads[0] ?? '').trimEnd().split('\r\n')
  const { ca, port } = party.subject
  const options = {
    ...{ host: '127.0.0.1', port, path: requestLine.split(' ')[1] ?? '', agent: false },
    headers: Object.fromEntries(lines.map((line) => line.split(': ') as [string, string])),
    ...(ca === null ? {} : { ca, servername: 'localhost' })
  }
  return new Promise((resolve, reject) => {
    const sent = (ca === null ? requestPlain : requestTls)(options, (response) => {
      const cipher = ca === null ? null : (response.socket as TLSSocket).getCipher().standardName
      const hash = createHash('sha256')
      response.on('data', (bytes: Buffer) => void hash.update(bytes))
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, sha256: hash.digest('hex'), cipher }))
    })
    sent.once('error', reject)
    sent.end()
  })
}
