/** Texts in braces that stand for what the client was given before: long, sealed, and no reader's business. */
import { sealPageToken } from '../../proxy/identity/page-token.ts'
import { sealUploadId } from '../../proxy/identity/upload-id.ts'
import { countedRandom, ownerOfCaller, RING } from './cast.ts'
import type { Message } from './exchange-file.ts'
import { webIdentityToken } from './proxy.ts'

/** The upload and the page at the upstream that sealed texts name. */
const UPSTREAM_UPLOAD_ID = 'UPSTREAM-upload-1'
const UPSTREAM_PAGE_TOKEN = 'UPSTREAM-page-2'
const NONCE = '0123456789abcdef0123456789abcdef'

const PLACEHOLDER = /\{(token|upload|page)((?: [^ }]+)*)\}/g

/** The request with every placeholder filled in, as `caller` would send it. */
export async function filledIn(request: Message, caller: string): Promise<Message> {
  const isAsked = request.body.includes('{token}') || request.rawHeaders.some((value) => value.includes('{token}'))
  const token = isAsked ? await webIdentityToken('invoicer') : ''
  const fill = (text: string): string =>
    text.replaceAll(PLACEHOLDER, (_, kind: string, rest: string) => {
      const words = rest.trim().split(' ')
      if (kind === 'token') return token
      return kind === 'upload' ? uploadId(words, caller) : pageToken(words)
    })
  return { first: fill(request.first), rawHeaders: request.rawHeaders.map(fill), body: Buffer.from(fill(request.body.toString('latin1')), 'latin1') }
}

/** `{upload ACCOUNT BUCKET TENANT KEY}`: the id of the caller's own upload; with ` of CALLER` behind, of another's. */
function uploadId([account = '', upstreamBucket = '', tenant = '', key = '', , other]: readonly string[], caller: string): string {
  const place = { account, upstreamBucket, uploadId: UPSTREAM_UPLOAD_ID, nonce: NONCE }
  return sealUploadId(RING, place, { tenant, key, owner: ownerOfCaller(other ?? caller) })
}

/** `{page ACCOUNT BUCKET PREFIX KIND}`: the token of a listing's second page. */
function pageToken([account = '', upstreamBucket = '', prefix = '', kind = '']: readonly string[]): string {
  const binding = { tenant: prefix.split('/')[0] ?? '', account, upstreamBucket, prefix, kind }
  return sealPageToken({ ring: RING, random: countedRandom('page') }, UPSTREAM_PAGE_TOKEN, binding)
}
