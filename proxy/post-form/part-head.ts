import { malformedForm } from './boundary.ts'

/** What a part of a form says of itself. */
export interface PartHead {
  /** In lower case: the names of form fields have no case in S3. */
  readonly name: string
  /** As the client wrote it, perhaps with a path; null for a field that is no file. */
  readonly filename: string | null
}

const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
const NAMED = /^form-data(?:;|$)/i
// No quote within quotes, escaped or not: browsers write %22 there, others \", and two readers could see two names.
const PARAMETER = /[ \t]*;[ \t]*([A-Za-z*]+)=(?:"([^"]*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))/y
/** Encodings in which the bytes stand for themselves. */
const IDENTITY: ReadonlySet<string> = new Set(['binary', '8bit', '7bit'])

/** Reads the header lines of one part (RFC 7578 §4): who it is must be said once, in one way, and its bytes must be sent as they are. */
export function parsePartHead(bytes: Uint8Array): PartHead {
  const seen = new Set<string>()
  let head: PartHead | undefined
  for (const line of formText(bytes).split('\r\n')) {
    const [, written = '', value = ''] = LINE.exec(line) ?? []
    const name = written.toLowerCase()
    // A bare CR or LF would end the line for another reader.
    if (name === '' || /[\r\n\0]/.test(value) || seen.has(name)) throw malformedForm('a part has a header that is malformed or repeated')
    seen.add(name)
    switch (name) {
      case 'content-disposition':
        head = parseDisposition(value)
        break
      case 'content-transfer-encoding':
        if (!IDENTITY.has(value.toLowerCase())) throw malformedForm(`a part is encoded as ${value}`)
        break
      // Some clients always write them; neither has an effect in S3.
      case 'content-type':
      case 'content-length':
        break
      default:
        throw malformedForm(`a part has the header ${name}`)
    }
  }
  if (head === undefined) throw malformedForm('a part has no name')
  return head
}

function parseDisposition(value: string): PartHead {
  if (!NAMED.test(value)) throw malformedForm('a part is not form-data')
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = 'form-data'.length
  for (let at = PARAMETER.lastIndex; at < value.length; at = PARAMETER.lastIndex) {
    const [, written = '', quoted, token] = PARAMETER.exec(value) ?? []
    const name = written.toLowerCase()
    // `filename*` is forbidden here (RFC 7578 §4.2) and would be a second name.
    if ((name !== 'name' && name !== 'filename') || parameters.has(name)) throw malformedForm('the disposition of a part is malformed')
    parameters.set(name, quoted ?? token ?? '')
  }
  const name = parameters.get('name')
  if (name === undefined || name === '') throw malformedForm('a part has no name')
  return { name: name.toLowerCase(), filename: parameters.get('filename') ?? null }
}

/** The text of these bytes; null when they are not UTF-8. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** Text of a form; refused when it is not UTF-8. */
export function formText(bytes: Uint8Array): string {
  const text = utf8(bytes)
  if (text === null) throw malformedForm('a field of the form is not UTF-8')
  return text
}
