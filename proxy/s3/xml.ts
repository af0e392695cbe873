import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { S3Error } from './error.ts'

export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** One element as read: its own text, exactly as written, and its children in order. Attributes are not kept. */
export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

/** More than any tag of S3, any CDATA with a key and any comment of a client has. */
const TAG_CHARACTERS_MAX = 8192
const REFERENCES_MAX = 200_000
/** A page of 1000 entries has some 30 tags for each. */
const UPSTREAM_TAGS_MAX = 200_000
/** No document of S3 is deeper than 6; a bound keeps a hostile one from growing the stack. */
const DEPTH_MAX = 12

// Entities are resolved here and not by the parser, so that exactly the five of XML and character references exist.
const PARSER = new XMLParser({
  preserveOrder: true,
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreAttributes: true,
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  maxNestedTags: DEPTH_MAX
})

/** What `preserveOrder` gives: one record per node, its name the only key besides `:@`. */
type ParsedNode = Readonly<Record<string, unknown>>

/** The text is not XML that this proxy reads. */
export class XmlProblem extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'XmlProblem'
  }
}

export interface XmlReading {
  /** Names that the root element may have. */
  readonly roots: readonly string[]
  /**
   * `client`: characters that XML 1.0 cannot carry are refused, as S3 does.
   * `upstream`: references to them are resolved, because S3 itself writes `&#x1;` for them.
   */
  readonly from: 'client' | 'upstream'
  /** How many tags, comments and instructions it may have. Reading one costs a microsecond or more, of all requests' time. */
  readonly tagsMax: number
}

/** Reads one XML document; the caller has bounded its size. DTDs are refused before anything is parsed. Throws XmlProblem. */
export function readXml(bytes: Uint8Array, reading: XmlReading): XmlElement {
  const source = decodeUtf8(bytes)
  refuseDtd(source)
  refuseTooMuch(source, reading)
  if (reading.from === 'client' && FORBIDDEN_CHARACTERS.test(source)) throw new XmlProblem('a character that XML 1.0 does not allow')
  const verdict = XMLValidator.validate(source)
  if (verdict !== true) throw new XmlProblem(`${verdict.err.msg} (line ${verdict.err.line}, column ${verdict.err.col})`)
  // The validator overlooks text behind an empty root.
  if (!source.trimEnd().endsWith('>')) throw new XmlProblem('text behind the root element')
  const roots = parse(source).filter((node) => Object.hasOwn(node, '#text') === false)
  const [root] = roots
  if (root === undefined || roots.length !== 1) throw new XmlProblem(`${roots.length} root elements`)
  const element = elementOf(root, reading)
  if (!reading.roots.includes(element.name)) throw new XmlProblem(`root element is ${element.name}, not ${reading.roots.join(' or ')}`)
  return element
}

/** Reads a document that a client sent. What is wrong with it is the client's fault: MalformedXML. */
export function readClientXml(bytes: Uint8Array, root: string, tagsMax: number): XmlElement {
  try {
    return readXml(bytes, { roots: [root], from: 'client', tagsMax })
  } catch (error) {
    if (error instanceof XmlProblem) throw new S3Error('MalformedXML', error.message)
    throw error
  }
}

/** Reads a document that an upstream sent. What is wrong with it is a fault (XmlProblem). */
export function readUpstreamXml(bytes: Uint8Array, ...roots: string[]): XmlElement {
  return readXml(bytes, { roots, from: 'upstream', tagsMax: UPSTREAM_TAGS_MAX })
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // S3 keeps a connection alive with white space before the document, where XML allows none.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trimStart()
  } catch {
    throw new XmlProblem('not UTF-8')
  }
}

function refuseDtd(source: string): void {
  if (/<!(?!--|\[CDATA\[)/.test(source)) throw new XmlProblem('a document type or another declaration')
  const encoding = /^<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']/.exec(source)?.[1]
  // The bytes were read as UTF-8; under another declared encoding they would mean other text.
  if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) throw new XmlProblem(`encoding ${encoding}`)
}

function refuseTooMuch(source: string, { tagsMax }: XmlReading): void {
  let tags = 0
  for (let at = source.indexOf('<'); at !== -1; at = source.indexOf('<', at + 1)) {
    const end = source.indexOf('>', at)
    if (end === -1 || end - at > TAG_CHARACTERS_MAX) throw new XmlProblem('a tag that is too long or does not end')
    if (++tags > tagsMax) throw new XmlProblem(`more than ${tagsMax} tags`)
  }
  let references = 0
  for (let at = source.indexOf('&'); at !== -1; at = source.indexOf('&', at + 1)) {
    if (++references > REFERENCES_MAX) throw new XmlProblem(`more than ${REFERENCES_MAX} references`)
  }
}

function parse(source: string): readonly ParsedNode[] {
  try {
    return PARSER.parse(source) as readonly ParsedNode[]
  } catch (error) {
    throw new XmlProblem(error instanceof Error ? error.message : 'the parser refused it')
  }
}

function elementOf(node: ParsedNode, reading: XmlReading): XmlElement {
  const name = Object.keys(node).find((key) => key !== ':@') ?? ''
  let text = ''
  const children: XmlElement[] = []
  for (const child of node[name] as readonly ParsedNode[]) {
    if (Object.hasOwn(child, '#text')) text += resolveReferences(String(child['#text']), reading)
    else if (Object.hasOwn(child, '#cdata')) text += cdataText(child['#cdata'] as readonly ParsedNode[])
    else children.push(elementOf(child, reading))
  }
  return { name, text, children }
}

function cdataText(nodes: readonly ParsedNode[]): string {
  return nodes.map((node) => String(node['#text'])).join('')
}

const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"]
])

function resolveReferences(text: string, reading: XmlReading): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;&]*)(;?)/g, (_, body: string, end: string) => {
    if (end === '') throw new XmlProblem('an ampersand that begins no reference')
    return PREDEFINED.get(body) ?? characterOf(body, reading)
  })
}

function characterOf(body: string, reading: XmlReading): string {
  const match = /^#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))$/.exec(body)
  if (match === null) throw new XmlProblem(`unknown entity &${body.slice(0, 32)};`)
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16)
  const isScalar = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
  if (!isScalar) throw new XmlProblem(`character reference ${body} names no character`)
  const character = String.fromCodePoint(code)
  if (reading.from === 'client' && FORBIDDEN_CHARACTERS.test(character)) throw new XmlProblem(`character reference ${body}`)
  return character
}

/** What is no `Char` of XML 1.0 (section 2.2). Lone surrogates cannot come out of UTF-8. */

const FORBIDDEN_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** The text of the first child of that name; undefined when there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text
}

/** The children of that name, in order. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name)
}

/** The text of a child that the document must have; a fault when it is missing. */
export function requiredText(element: XmlElement, name: string): string {
  const text = childText(element, name)
  if (text === undefined) throw new XmlProblem(`${element.name} has no ${name}`)
  return text
}

// A carriage return would be read back as a line feed (XML 1.0 section 2.11), so it goes as a reference.

const ESCAPED = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/**
 * Text made safe for XML. Characters that XML 1.0 cannot carry are written as references, as S3 does: a strict reader
 * refuses the document, which is why S3 has `encoding-type=url`.
 */
export function escapeXml(text: string): string {
  return text.replace(ESCAPED, (character) => {
    switch (character) {
      case '&':
        return '&amp;'
      case '<':
        return '&lt;'
      case '>':
        return '&gt;'
      case '"':
        return '&quot;'
      case '\r':
        return '&#13;'
      default:
        return `&#x${character.charCodeAt(0).toString(16)};`
    }
  })
}

/** `<name>text</name>`, escaped; nothing when there is no text to write. */
export function textElement(name: string, text: string | number | boolean | null | undefined): string {
  return text === null || text === undefined ? '' : `<${name}>${escapeXml(String(text))}</${name}>`
}

/** `<name>…</name>` around XML that is already written. */
export function element(name: string, ...content: readonly string[]): string {
  return `<${name}>${content.join('')}</${name}>`
}

/** A whole document in the namespace of S3. */
export function xmlDocument(root: string, ...content: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${S3_NAMESPACE}">${content.join('')}</${root}>`
}
