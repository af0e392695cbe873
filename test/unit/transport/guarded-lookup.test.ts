import { isIPv6 } from 'node:net'
import t from 'tap'
import { guardedResolve, lookupBy, systemResolve } from '../../../proxy/transport/guarded-lookup.ts'

const asking = (answers: readonly (readonly string[])[]) => {
  let asked = 0
  const resolve = guardedResolve((_hostname, callback) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] ?? []
    callback(
      null,
      addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
    )
  })
  return (hostname: string): Promise<readonly string[] | string> =>
    new Promise((tell) => resolve(hostname, (error, found) => tell(error?.message ?? found.map(({ address }) => address))))
}

t.test('S-16: a name that turns to this machine or its link gets no connection', async (t) => {
  for (const address of [
    ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '169.254.170.2', '::1', '::', 'fe80::1', 'fd00:ec2::254'],
    ...['::ffff:127.0.0.1', '::ffff:169.254.169.254', '::ffff:7f00:1']
  ]) {
    const flips = asking([['203.0.113.7'], [address], ['203.0.113.7', address]])
    t.same(await flips('issuer.example'), ['203.0.113.7'], 'first it is a stranger')
    for (const time of ['then', 'or one of two'])
      t.match(await flips('issuer.example'), `issuer.example leads to ${address}, which is this machine or its link`, `${time} ${address}`)
  }
})

t.test('what is far, and what is called localhost, is found', async (t) => {
  for (const address of ['10.0.0.1', '192.168.1.1', '203.0.113.7', '2001:db8::1', 'fd00::1', '::ffff:10.0.0.1'])
    t.same(await asking([[address]])('s3.example'), [address])
  for (const name of ['localhost', 'LOCALHOST.', 'tenant.s3.localhost'])
    t.same(await asking([['127.0.0.1', '::1']])(name), ['127.0.0.1', '::1'])
  for (const name of ['localhost.example', 'notlocalhost']) t.match(await asking([['127.0.0.1']])(name), 'leads to 127.0.0.1')
})

t.test('net.connect gets what it asked for', async (t) => {
  const lookup = lookupBy(systemResolve)
  const one = await new Promise((resolve) => lookup('localhost', { family: 4 }, (...answer) => resolve(answer)))
  t.same(one, [null, '127.0.0.1', 4])
  const all = await new Promise((resolve) => lookup('localhost', { all: true }, (_error, found) => resolve(found)))
  t.match(all, [{ address: /^(127\.0\.0\.1|::1)$/ }])
})
