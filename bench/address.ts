/** What reading the address of a request costs. Run: node bench/address.ts */
import { addressOf } from '../proxy/s3/address.ts'
import { reportAll } from './measure.ts'

const ROUNDS = 200_000
const DOMAINS = ['s3.example.test']
const targets: [label: string, target: string, host: string][] = [
  ['plain key, path style', '/tenant/some/plain/key.txt?x-id=GetObject', '10.0.0.7:8080'],
  ['plain key, virtual style', '/some/plain/key.txt', 'tenant.s3.example.test'],
  ['escaped key', '/tenant/with%20space/%D0%BA%D0%BB%D1%8E%D1%87.txt', '10.0.0.7:8080'],
  ['key of 900 bytes', `/tenant/${'abcdefgh/'.repeat(100)}`, '10.0.0.7:8080']
]

reportAll(
  targets.map(([label, target, host]) => [label, () => addressOf(target, host, DOMAINS).key?.length ?? 0]),
  ROUNDS
)
