import { StsError } from './error.ts'

const FORM_BYTES_MAX = 64 * 1024
const PARAMETERS_MAX = 32

/** The parameters of a form body, each at most once: with two values for one name, two readers would see two requests. */
export function readForm(body: Uint8Array): ReadonlyMap<string, string> {
  if (body.length > FORM_BYTES_MAX) throw invalid(`the form has more than ${FORM_BYTES_MAX} bytes`)
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
  const parameters = new Map<string, string>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    if (parameters.has(name)) throw invalid('a parameter is given twice')
    if (parameters.size === PARAMETERS_MAX) throw invalid(`the form has more than ${PARAMETERS_MAX} parameters`)
    parameters.set(name, equals === -1 ? '' : decode(pair.slice(equals + 1)))
  }
  return parameters
}

/** Whether a content type says "form", whatever its parameters. */
export function isForm(contentType: string | null): boolean {
  const [type = ''] = (contentType ?? '').split(';')
  return type.trim().toLowerCase() === 'application/x-www-form-urlencoded'
}

function decode(text: string): string {
  // WHATWG URL §5: a plus sign is a space in a form, nowhere else.
  const spaced = text.replaceAll('+', ' ')
  if (/[^\x20-\x7e]/.test(spaced)) throw invalid('the form holds a character that must be percent-encoded')
  try {
    return decodeURIComponent(spaced)
  } catch {
    throw invalid('the form is not percent-encoded UTF-8')
  }
}

function invalid(problem: string): StsError {
  return new StsError('ValidationError', problem, problem)
}
