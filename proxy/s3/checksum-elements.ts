import { textElement, type XmlElement } from './xml.ts'

/** Checksums of an object or part as XML elements hold them: element name and value, in the order of the document. */
export type ChecksumElements = readonly (readonly [name: string, value: string])[]

const NAMES: ReadonlySet<string> = new Set([
  'ChecksumCRC32',
  'ChecksumCRC32C',
  'ChecksumCRC64NVME',
  'ChecksumMD5',
  'ChecksumSHA1',
  'ChecksumSHA256',
  'ChecksumSHA512',
  'ChecksumXXHASH3',
  'ChecksumXXHASH64',
  'ChecksumXXHASH128',
  'ChecksumType'
])

/** True for the name of an element that holds a checksum or its type. */
export function isChecksumElement(name: string): boolean {
  return NAMES.has(name)
}

/** The checksums directly under an element; empty ones are left out. */
export function readChecksums(parent: XmlElement): ChecksumElements {
  return parent.children.filter(({ name, text }) => NAMES.has(name) && text !== '').map(({ name, text }) => [name, text] as const)
}

/** The elements, as they were read. */
export function writeChecksums(checksums: ChecksumElements): string {
  return checksums.map(([name, value]) => textElement(name, value)).join('')
}
