/** What encoding a key costs. Run: node bench/encode.ts */
import { encodeKey, encodeQueryValue } from '../proxy/s3/encode.ts'

const ROUNDS = 1_000_000
const keys: [label: string, key: string][] = [
  ['plain', 'tenant/some/plain/key.txt'],
  ['escaped', 'tenant/with space/ключ (1).txt'],
  ['900 bytes', 'abcdefgh/'.repeat(100)]
]

let sink = 0
for (const [label, key] of keys) {
  for (const encode of [encodeKey, encodeQueryValue]) {
    for (let index = 0; index < ROUNDS / 10; index++) sink += encode(key).length
    const start = process.hrtime.bigint()
    for (let index = 0; index < ROUNDS; index++) sink += encode(key).length
    console.log(`${encode.name} ${label}`.padEnd(32), `${(Number(process.hrtime.bigint() - start) / ROUNDS).toFixed(0)} ns`)
  }
}
if (sink === 0) throw new Error('nothing was measured')
