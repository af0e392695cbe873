import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { conditionHolds, conditionProblems } from '../ask-policy.ts'

const inside = (wanted: string, actual: string): boolean | 'undecided' =>
  conditionHolds('IpAddress', { 'aws:SourceIp': wanted }, { context: { 'aws:SourceIp': actual } })

const CASES = [
  { wanted: '203.0.113.0/24', actual: '203.0.113.77', holds: true },
  { wanted: '203.0.113.0/24', actual: '203.0.114.1', holds: false },
  { wanted: '203.0.113.7', actual: '203.0.113.7', holds: true },
  { wanted: '203.0.113.7', actual: '203.0.113.8', holds: false },
  { wanted: '10.0.0.0/9', actual: '10.127.255.255', holds: true },
  { wanted: '10.0.0.0/9', actual: '10.128.0.0', holds: false },
  { wanted: '10.9.9.9/8', actual: '10.1.1.1', holds: true },
  { wanted: '0.0.0.0/0', actual: '198.51.100.1', holds: true },
  { wanted: '0.0.0.0/0', actual: '2001:db8::1', holds: false },
  { wanted: '::/0', actual: '2001:db8::1', holds: true },
  { wanted: '::/0', actual: '198.51.100.1', holds: false },
  { wanted: '2001:db8::/32', actual: '2001:DB8:ffff::1', holds: true },
  { wanted: '2001:db8::/33', actual: '2001:db8:8000::', holds: false },
  { wanted: '2001:db8::1', actual: '2001:0db8:0:0:0:0:0:1', holds: true },
  // A dual-stack socket shows IPv4 peers in IPv6 writing.
  { wanted: '203.0.113.0/24', actual: '::ffff:203.0.113.77', holds: true },
  { wanted: '203.0.113.0/24', actual: '::ffff:cb00:714d', holds: true },
  { wanted: '::ffff:203.0.113.0/120', actual: '203.0.113.77', holds: true },
  { wanted: '::/0', actual: '::ffff:203.0.113.77', holds: false },
  { wanted: '0.0.0.0/0', actual: 'fe80::1%eth0', holds: false },
  { wanted: '0.0.0.0/0', actual: '010.0.0.1', holds: false },
  { wanted: '0.0.0.0/0', actual: '1.2.3', holds: false },
  { wanted: '0.0.0.0/0', actual: '', holds: false },
  { wanted: '::/0', actual: '1::2::3', holds: false },
  { wanted: '::/0', actual: '1:2:3:4:5:6:7:8:9', holds: false },
  { wanted: '::/0', actual: '1.2.3.4::', holds: false }
]
for (const { wanted, actual, holds } of CASES) {
  t.test(`IpAddress ${wanted} ${holds ? 'holds' : 'does not hold'} for ${JSON.stringify(actual)}`, (t) => {
    t.equal(inside(wanted, actual), holds)
    t.end()
  })
}

t.test('NotIpAddress holds for what is in none of its ranges', (t) => {
  const outside = (actual: string): boolean | 'undecided' =>
    conditionHolds('NotIpAddress', { 'aws:SourceIp': ['10.0.0.0/8', 'fd00::/8'] }, { context: { 'aws:SourceIp': actual } })
  t.equal(outside('10.1.1.1'), false)
  t.equal(outside('fd12::1'), false)
  t.equal(outside('::ffff:10.1.1.1'), false)
  t.equal(outside('192.0.2.1'), true)
  t.end()
})

t.test('ranges agree with the ones of node:net', (t) => {
  const byte = fc.nat({ max: 255 })
  const near = fc
    .tuple(byte, byte, byte, byte)
    .chain((start) =>
      fc.tuple(fc.constant(start), fc.tuple(...start.map((value) => fc.oneof(fc.constant(value), byte))), fc.nat({ max: 32 }))
    )
  fc.assert(
    fc.property(near, ([start, other, bits]) => {
      const list = new BlockList()
      list.addSubnet(start.join('.'), bits, 'ipv4')
      return inside(`${start.join('.')}/${bits}`, other.join('.')) === list.check(other.join('.'))
    }),
    { numRuns: 300 }
  )
  const ipv6Near = fc.ipV6().chain((start) => fc.tuple(fc.constant(start), fc.oneof(fc.constant(start), fc.ipV6()), fc.nat({ max: 128 })))
  fc.assert(
    fc.property(ipv6Near, ([start, other, bits]) => {
      // Mapped addresses are IPv4 here; node:net keeps both readings.
      fc.pre(!/^[0:]*ffff:/i.test(start) && !/^[0:]*ffff:/i.test(other))
      const list = new BlockList()
      list.addSubnet(start, bits, 'ipv6')
      return inside(`${start}/${bits}`, other) === list.check(other, 'ipv6')
    }),
    { numRuns: 300 }
  )
  t.end()
})

for (const value of [
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0',
  '10.0.0.256',
  '2001:db8::/129',
  'localhost',
  '',
  '*',
  '${aws:SourceIp}',
  '10.0.0.0/-1',
  '::1%lo'
]) {
  t.test(`the range ${JSON.stringify(value)} fails loading`, (t) => {
    t.match(conditionProblems('IpAddress', 'aws:SourceIp', value), [/is not an IP address or range|policy variable/])
    t.end()
  })
}

t.test('an address operator reads nothing but an address', (t) => {
  t.match(conditionProblems('IpAddress', 'aws:UserAgent', '10.0.0.0/8'), [/IpAddress cannot read aws:UserAgent, which is a text/])
  t.end()
})
