import { parseAllDocuments } from 'yaml'
import { completeAccount, type AccountConfig } from './accounts.ts'
import { overlayEnvironment, refuseUnknownVariables } from './environment.ts'
import { Reading, type JudgePolicy, type Problem } from './field.ts'
import type { RoleConfig, RolePolicy } from './identity.ts'
import type { IssuerConfig } from './issuers.ts'
import { checkSettings, SETTINGS, type Settings } from './settings.ts'

export type { AccountConfig, IssuerConfig, RoleConfig, RolePolicy }
export type { FileText, PolicyDocument, Secret } from './secret.ts'

/** Everything the process was told, complete and checked. Times are milliseconds, sizes bytes. */
export interface Config extends Omit<Settings, 'accounts'> {
  readonly accounts: readonly AccountConfig[]
  readonly dev: boolean
}

export interface ConfigSource {
  /** Text of sluice.yaml; '' where there is none. */
  readonly yamlText: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads a file that the configuration names, or throws. */
  readonly readFile: (path: string) => string
  /** Dev mode: secrets may be written outright, roles need no tenants, and a key ring is made up. */
  readonly dev?: boolean
  /** Judges policy documents, so that what is wrong with them is told with the rest; left out, whoever compiles them does. */
  readonly judgePolicy?: JudgePolicy
}

/** What requests depend on, whatever process serves them. */
export interface ServingConfig extends Pick<Config, 'limits' | 'timeouts' | 'compat' | 'revocation'> {
  readonly listeners: Pick<Config['listeners'], 's3'>
}

/** Everything that is wrong with a configuration, at once. */
export class ConfigProblems extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map(({ at, says }) => `  ${at}: ${says}`).join('\n')}`
    )
    this.name = 'ConfigProblems'
    this.problems = problems
  }
}

/** The configuration, or one error with every problem found. Opens nothing but the files it names, and those through `readFile`. */
export function readConfig({ yamlText, env, readFile, dev = false, judgePolicy = () => [] }: ConfigSource): Config {
  const reading = new Reading({ env, readFile, dev, judgePolicy })
  const tree = readYaml({ name: 'sluice.yaml', text: yamlText }, reading)
  overlayEnvironment(tree, reading)
  const settings = SETTINGS.read(tree, '', reading)
  checkSettings(settings, reading)
  refuseUnknownVariables(reading)
  if (reading.problems.length > 0) throw new ConfigProblems(reading.problems)
  return { ...settings, accounts: settings.accounts.map(completeAccount), dev }
}

/** The settings as written, and what keeps the text from being a mapping of settings. */
export function readYaml({ name, text }: { readonly name: string; readonly text: string }, reading: Reading): Record<string, unknown> {
  const documents = parseAllDocuments(text, { uniqueKeys: true, version: '1.2' })
  if (!Array.isArray(documents) || documents.length === 0) return {}
  const [document, second] = documents
  if (document === undefined) return {}
  if (second !== undefined) reading.problem(name, 'holds several documents: remove the `---` between them')
  // A warning is an unknown tag, whose value would then be taken for something it is not.
  const wrong = [...document.errors, ...document.warnings]
  for (const { message } of wrong) reading.problem(name, message.split('\n', 1)[0]?.replace(/:$/, '') ?? message)
  if (document.errors.length > 0) return {}
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  if (value === null || value === undefined) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return { ...value }
  reading.problem(name, 'must be a mapping of settings')
  return {}
}
