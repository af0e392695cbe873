import fc from 'fast-check'
import t from 'tap'
import type { Decision, Facts, ObjectFacts } from '../../../policy/decision.ts'
import { evaluate } from '../../../policy/evaluate.ts'
import { parsePolicy, type Policy } from '../../../policy/parse.ts'
import { allows, denies, type PlainStatement } from './brute-force.ts'
import { ALL_OBJECTS, anyStatements, askedArbitrary, independentStatements, questionOf, worldOf, type Asked } from './universe.ts'

const compile = (Statement: readonly PlainStatement[], name = 'p'): Policy => parsePolicy({ Version: '2012-10-17', Statement }, name)

/** What must come out for one object: the role allows and, where there is a session policy, that does too. */
function expected(documents: readonly (readonly PlainStatement[])[], asked: Asked, object: ObjectFacts | null): 'allow' | 'deny' {
  const world = worldOf(asked, object)
  return documents.every((statements) => allows(statements, world)) ? 'allow' : 'deny'
}

const session = fc.option(anyStatements, { nil: null, freq: 1 })

t.test('with all facts known the engine decides as the brute-force reading does', (t) => {
  const seen = { allow: 0, deny: 0, undecided: 0 }
  fc.assert(
    fc.property(anyStatements, session, askedArbitrary, (role, narrowing, asked) => {
      const policies = [compile(role)]
      const narrow = narrowing === null ? null : compile(narrowing, 'session')
      for (const object of ALL_OBJECTS) {
        const { effect } = evaluate(policies, questionOf(asked), { object }, narrow)
        if (effect !== expected(narrowing === null ? [role] : [role, narrowing], asked, object)) return false
        seen[effect]++
      }
      return true
    }),
    { numRuns: 400 }
  )
  t.ok(seen.allow > 1000 && seen.deny > 1000, `the draw is not one-sided: ${JSON.stringify(seen)}`)
  t.end()
})

t.test('what is decided before the object is looked at holds for every object', (t) => {
  const seen = { allow: 0, deny: 0, undecided: 0 }
  fc.assert(
    fc.property(anyStatements, session, askedArbitrary, (role, narrowing, asked) => {
      const { effect } = evaluate([compile(role)], questionOf(asked), {}, narrowing === null ? null : compile(narrowing, 'session'))
      seen[effect]++
      if (effect === 'undecided') return true
      return ALL_OBJECTS.every((object) => effect === expected(narrowing === null ? [role] : [role, narrowing], asked, object))
    }),
    { numRuns: 1500 }
  )
  t.ok(Math.min(seen.allow, seen.deny, seen.undecided) > 50, JSON.stringify(seen))
  t.end()
})

t.test('it is undecided exactly when the answers for different objects differ, as long as no two conditions read the same fact', (t) => {
  const seen = { allow: 0, deny: 0, undecided: 0 }
  fc.assert(
    fc.property(independentStatements, askedArbitrary, (role, asked) => {
      const { effect } = evaluate([compile(role)], questionOf(asked), {})
      seen[effect]++
      const answers = new Set(ALL_OBJECTS.map((object) => expected([role], asked, object)))
      return effect === 'undecided' ? answers.size === 2 : answers.size === 1 && answers.has(effect)
    }),
    { numRuns: 1500 }
  )
  t.ok(Math.min(seen.allow, seen.deny, seen.undecided) > 50, JSON.stringify(seen))
  t.end()
})

/** Only what was asked for: the tags are left out unless they are needed. */
function factsFor(decision: Decision & { effect: 'undecided' }, object: ObjectFacts | null): Facts {
  if (object === null || decision.needs.includes('existingObjectTags')) return { object }
  return { object: { owner: object.owner, tags: null } }
}

t.test('the facts it asks for are enough to decide, and decide rightly', (t) => {
  let asked = 0
  fc.assert(
    fc.property(anyStatements, session, askedArbitrary, (role, narrowing, question) => {
      const policies = [compile(role)]
      const narrow = narrowing === null ? null : compile(narrowing, 'session')
      const first = evaluate(policies, questionOf(question), {}, narrow)
      if (first.effect !== 'undecided') return true
      asked++
      return ALL_OBJECTS.every((object) => {
        const { effect } = evaluate(policies, questionOf(question), factsFor(first, object), narrow)
        return effect === expected(narrowing === null ? [role] : [role, narrowing], question, object)
      })
    }),
    { numRuns: 800 }
  )
  t.ok(asked > 40, `${asked} undecided`)
  t.end()
})

t.test('a session policy never adds anything', (t) => {
  let narrowed = 0
  fc.assert(
    fc.property(anyStatements, anyStatements, askedArbitrary, (role, narrowing, asked) => {
      const policies = [compile(role)]
      const narrow = compile(narrowing, 'session')
      for (const object of ALL_OBJECTS) {
        const alone = evaluate(policies, questionOf(asked), { object })
        const both = evaluate(policies, questionOf(asked), { object }, narrow)
        if (both.effect === 'allow' && alone.effect !== 'allow') return false
        if (both.effect !== alone.effect) narrowed++
      }
      const alone = evaluate(policies, questionOf(asked), {})
      return alone.effect !== 'deny' || evaluate(policies, questionOf(asked), {}, narrow).effect === 'deny'
    }),
    { numRuns: 200 }
  )
  t.ok(narrowed > 100, `${narrowed} narrowed`)
  t.end()
})

t.test('the policies of a role are one: how statements are spread over them and ordered does not matter', (t) => {
  fc.assert(
    fc.property(anyStatements, askedArbitrary, fc.constantFrom(undefined, ...ALL_OBJECTS), (statements, asked, object) => {
      const facts = object === undefined ? {} : { object }
      const whole = evaluate([compile(statements)], questionOf(asked), facts).effect
      const spread = statements.map((statement, index) => compile([statement], `p${index}`))
      return (
        evaluate(spread, questionOf(asked), facts).effect === whole &&
        evaluate(spread.toReversed(), questionOf(asked), facts).effect === whole
      )
    }),
    { numRuns: 1000 }
  )
  t.pass('for every draw')
  t.end()
})

t.test('one Deny that matches denies whatever else is said, and names itself', (t) => {
  fc.assert(
    fc.property(anyStatements, askedArbitrary, fc.constantFrom(...ALL_OBJECTS), (statements, asked, object) => {
      const decision = evaluate([compile(statements)], questionOf(asked), { object })
      const denied = denies(statements, worldOf(asked, object))
      if (decision.effect === 'deny') return denied === (decision.reason === 'explicit-deny') && denied === (decision.statement !== null)
      return decision.effect === 'allow' && !denied
    }),
    { numRuns: 800 }
  )
  t.pass('for every draw')
  t.end()
})
