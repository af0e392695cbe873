/** What encoding a key costs. Run: node bench/encode.ts */
import { encodeKey, encodeQueryValue } from '../proxy/s3/encode.ts'
import { reportAll } from './measure.ts'

const ROUNDS = 200_000
const keys: [label: string, key: string][] = [
  ['plain', 'tenant/some/plain/key.txt'],
  ['escaped', 'tenant/with space/ключ (1).txt'],
  ['900 bytes', 'abcdefgh/'.repeat(100)]
]

reportAll(
  keys.flatMap(([label, key]) =>
    [encodeKey, encodeQueryValue].map((encode) => [`${encode.name} ${label}`, () => encode(key).length] as const)
  ),
  ROUNDS
)
