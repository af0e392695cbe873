import { childText, readUpstreamXml, textElement, XmlProblem } from './xml.ts'

export interface ErrorDocument {
  readonly code: string
  readonly message: string
  /** The path that the client asked for, in the client's own names. */
  readonly resource: string
  readonly requestId: string
  /** Further elements, e.g. `Region`. Their names are ours, their values may be the client's. */
  readonly extra?: Readonly<Record<string, string>>
}

/** The body of an S3 error answer. It has no namespace, as AWS's has none. */
export function errorXml({ code, message, resource, requestId, extra = {} }: ErrorDocument): string {
  const more = Object.entries(extra).filter(([name]) => name !== 'Message')
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error>',
    textElement('Code', code),
    textElement('Message', message),
    ...more.map(([name, value]) => textElement(name, value)),
    textElement('Resource', resource),
    textElement('RequestId', requestId),
    textElement('HostId', requestId),
    '</Error>'
  ].join('')
}

/** The code of an upstream's error answer; null when the body is no S3 error. Its message is never shown: it names the upstream's buckets. */
export function readErrorCode(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null
  try {
    const code = childText(readUpstreamXml(bytes, 'Error'), 'Code')
    return code !== undefined && /^[A-Za-z0-9.]{1,80}$/.test(code) ? code : null
  } catch (error) {
    if (error instanceof XmlProblem) return null
    throw error
  }
}
