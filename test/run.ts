/**
 * `npm test`: type check, lint and format check beside every test that needs nothing but Node, then every client by every way in;
 * clients in other languages take part where their runtime is found and are named where it is not. Ends with
 * `N passed, N failed`. With paths: only those suites.
 */
import { installClients } from './clients/install/install.ts'
import { notePrepared, PREPARE } from './prepare-tap.ts'
import { CLIENTS_SUITE, globOf, MATRIX_SUITE, runSteps, type Step } from './run-steps.ts'

const asked = process.argv.slice(2).map(globOf)
const isWhole = asked.length === 0
const needsClients = isWhole || asked.some((path) => path.startsWith('test/clients'))
// Downloads go on beside the other steps.
const clients = needsClients
  ? installClients({ slowToo: false }).then(({ env, skipped }) => ({ env, lines: skipped }))
  : Promise.resolve({ env: {}, lines: [] })

const TAP = ['--reporter', 'tap']

/** One core's work each, beside tests that leave some of two. */
const CHECKS: readonly Step[] = [
  { name: 'typecheck', command: 'tsc', args: ['--noEmit', '-p', '.'], counts: 'one' },
  { name: 'lint', command: 'eslint', args: ['.'], counts: 'one' },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'], counts: 'one' }
]

// Without any path tap runs all that .taprc includes.
const WHOLE: readonly Step[] = [
  ...PREPARE,
  { name: 'tests', command: 'tap', args: [...TAP, '--exclude', MATRIX_SUITE, '--exclude', CLIENTS_SUITE], counts: 'tap' },
  { name: 'every client by every way in', command: 'tap', args: [...TAP, '--timeout', '600', MATRIX_SUITE], counts: 'tap', after: clients }
]
const SOME: readonly Step[] = [
  ...PREPARE,
  { name: 'tests', command: 'tap', args: [...TAP, ...(needsClients ? ['--timeout', '600'] : []), ...asked], counts: 'tap', after: clients }
]

const { failed } = await runSteps(isWhole ? WHOLE : SOME, CHECKS)
if (failed === 0) notePrepared()
process.exitCode = failed === 0 ? 0 : 1
