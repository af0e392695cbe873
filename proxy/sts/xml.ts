import { STS_ERRORS, type StsErrorCode } from './error.ts'

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

/** An element: its name and its text, or the elements in it. */
export type XmlElement = readonly [name: string, content: string | readonly XmlElement[]]

/** `<Action>Response` around `<Action>Result` and the request id, as SDKs read the answers of the AWS query protocol. */
export function answerXml(action: string, result: readonly XmlElement[], requestId: string): string {
  return document(`${action}Response`, [
    [`${action}Result`, result],
    ['ResponseMetadata', [['RequestId', requestId]]]
  ])
}

/** The error answer of the AWS query protocol. */
export function errorXml(code: StsErrorCode, message: string, requestId: string): string {
  return document('ErrorResponse', [
    [
      'Error',
      [
        ['Type', STS_ERRORS[code].type],
        ['Code', code],
        ['Message', message]
      ]
    ],
    ['RequestId', requestId]
  ])
}

/** Seconds without fraction, as STS writes times; some SDKs refuse a fraction. */
export function xmlTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

function document(root: string, elements: readonly XmlElement[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${elements.map(write).join('')}</${root}>`
}

function write([name, content]: XmlElement): string {
  return `<${name}>${typeof content === 'string' ? escape(content) : content.map(write).join('')}</${name}>`
}

const ESCAPES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;']
])

function escape(text: string): string {
  // XML 1.0 §2.2 has no form at all for most control characters, not even an escaped one.
  return text.replace(/[&<>"']/g, (char) => ESCAPES.get(char) ?? '').replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g, '\ufffd')
}
