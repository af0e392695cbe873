/**
 * `npm test`: type check, lint, format check, then every test that needs nothing but Node; client suites in other
 * languages run where their runtime is found and are named where it is not. Ends with `N passed, N failed`.
 * With paths: only those suites.
 */
import { join } from 'node:path'
import { installClients } from './clients/install/install.ts'
import { CLIENTS_SUITES, globOf, runSteps, type Step } from './run-steps.ts'

const asked = process.argv.slice(2).map(globOf)
const isWhole = asked.length === 0
// Their suite is a step of its own, which installs them first. Without any path tap runs all that .taprc includes.
const tests = isWhole ? CLIENTS_SUITES.flatMap((suite) => ['--exclude', suite]) : asked

const STEPS: readonly Step[] = [
  { name: 'prepare tap', command: 'tap', args: ['build'], counts: 'one' },
  { name: 'typecheck', command: 'tsc', args: ['--noEmit', '-p', '.'], counts: 'one' },
  { name: 'lint', command: 'eslint', args: ['.'], counts: 'one' },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'], counts: 'one' },
  { name: 'tests', command: 'tap', args: ['--reporter', 'tap', ...tests], counts: 'tap' }
]

function clientsStep(): Step {
  // Downloads go on beside the other steps.
  const after = installClients({ slowToo: false })
  const args = [join(import.meta.dirname, 'clients', 'run.ts')]
  return { name: 'clients in other languages', command: process.execPath, args, counts: 'line', after }
}

const { failed } = await runSteps(isWhole ? [...STEPS, clientsStep()] : STEPS)
process.exitCode = failed === 0 ? 0 : 1
