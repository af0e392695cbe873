import fc from 'fast-check'
import t from 'tap'
import { ownerOf } from '../../../proxy/identity/owner.ts'

const HASHED = /^sha256:[0-9a-f]{64}$/
const SA = 'system:serviceaccount:billing:invoicer'

const OWNERS: readonly { why: string; subject: string; issuer: string; isDefault: boolean; owner: string | RegExp }[] = [
  { why: 'the default issuer marks with the subject', subject: SA, issuer: 'prod', isDefault: true, owner: SA },
  { why: 'other issuers mark with their id before it', subject: SA, issuer: 'lab', isDefault: false, owner: `lab/${SA}` },
  { why: '256 characters fit', subject: 'a'.repeat(256), issuer: 'prod', isDefault: true, owner: 'a'.repeat(256) },
  { why: '257 characters are hashed', subject: 'a'.repeat(257), issuer: 'prod', isDefault: true, owner: HASHED },
  { why: 'the issuer id counts', subject: 'a'.repeat(253), issuer: 'lab', isDefault: false, owner: HASHED },
  {
    why: 'all characters of tag values may stand',
    subject: 'a.b-c_d+e=f@g:h',
    issuer: 'lab',
    isDefault: false,
    owner: 'lab/a.b-c_d+e=f@g:h'
  },
  { why: 'a character that is illegal in tag values is hashed', subject: 'auth0|42', issuer: 'lab', isDefault: false, owner: HASHED },
  { why: 'a space is hashed', subject: 'a b', issuer: 'lab', isDefault: false, owner: HASHED },
  { why: 'another alphabet is hashed', subject: 'jürgen', issuer: 'lab', isDefault: false, owner: HASHED },
  { why: 'an empty subject is hashed', subject: '', issuer: 'prod', isDefault: true, owner: HASHED },
  { why: 'a line feed at the end is hashed', subject: 'a\n', issuer: 'prod', isDefault: true, owner: HASHED },
  { why: "a subject that spells another issuer's owner is hashed", subject: `lab/${SA}`, issuer: 'prod', isDefault: true, owner: HASHED }
]

for (const { why, subject, issuer, isDefault, owner } of OWNERS) {
  t.test(`the owner of a subject: ${why}`, (t) => {
    const found = ownerOf(subject, issuer, isDefault)
    if (typeof owner === 'string') t.equal(found, owner)
    else t.match(found, owner)
    t.end()
  })
}

t.test('two subjects never share an owner', (t) => {
  const subject = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom('b', 'a/b', 'a/a/b', 'sha256:'),
    fc.string({ minLength: 250, maxLength: 260 })
  )
  const who = fc.tuple(subject, fc.constantFrom('a', 'b', 'default'))
  const owner = ([sub, issuer]: readonly [string, string]): string => ownerOf(sub, issuer, issuer === 'default')
  fc.assert(
    fc.property(who, who, (one, other) => (one[0] === other[0] && one[1] === other[1]) === (owner(one) === owner(other))),
    { numRuns: 1000 }
  )
  // An owner that was hashed, used as a subject, is not that owner.
  const hashed = ownerOf('auth0|42', 'default', true)
  t.not(ownerOf(hashed, 'default', true), hashed)
  t.end()
})

t.test('every owner fits a tag value', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.boolean(), (subject, isDefault) => {
      const owner = ownerOf(subject, 'lab', isDefault)
      return owner.length > 0 && owner.length <= 256 && /^[A-Za-z0-9+\-=._:/@]+$/.test(owner)
    })
  )
  t.end()
})

t.test('renaming the default issuer leaves its hashed owners as they are', (t) => {
  t.equal(ownerOf('auth0|42', 'old', true), ownerOf('auth0|42', 'new', true))
  t.not(ownerOf('auth0|42', 'old', false), ownerOf('auth0|42', 'new', false))
  t.end()
})
