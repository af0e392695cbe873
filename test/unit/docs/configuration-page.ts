import { settingsHelp, sidecarSettingsHelp } from '../../../proxy/config/describe.ts'
import { code, plain, table } from './markdown.ts'

interface Setting {
  readonly path: string
  readonly variable: string | null
  readonly help: string
  readonly takes: string
  /** Null: required. */
  readonly fallback: string | null
}

const NAME = /^([\w.[\]]+)(?: \((SLUICE_\w+)\))?$/
const TEXT = /^ {4}(.*) Takes (.*); (?:default: (.*)|required)\.$/
const IS_GROUP = /^a mapping$/

/** One section per top-level setting, from what `sluice check-config --settings` prints. */
export function configurationPage(): string {
  return page(readHelp(settingsHelp()), '##')
}

/** The same for a sidecar, without what stands on the page of settings already. */
export function sidecarPage(): string {
  return page(
    readHelp(sidecarSettingsHelp()).filter(({ path }) => !/^(?:account|pod\.issuer)[.[]/.test(path)),
    '###'
  )
}

function page(settings: readonly Setting[], mark: string): string {
  const tops = settings.filter(({ path }) => /^\w+$/.test(path))
  return tops.map((top) => section(top, settings, mark)).join('\n\n')
}

function readHelp(text: string): readonly Setting[] {
  const lines = text.split('\n')
  return Array.from({ length: lines.length / 2 }, (_, index) => {
    const name = NAME.exec(lines[2 * index] ?? '')
    const about = TEXT.exec(lines[2 * index + 1] ?? '')
    if (name === null || about === null) throw new Error(`the help of settings is not as expected: ${lines[2 * index]}`)
    const [, path = '', variable] = name
    const [, help = '', takes = '', fallback] = about
    return { path, variable: variable ?? null, help, takes, fallback: fallback ?? null }
  })
}

function section(top: Setting, settings: readonly Setting[], mark: string): string {
  const inside = settings.filter(({ path }) => path.startsWith(`${top.path}.`) || path.startsWith(`${top.path}[`))
  const lines = [`${mark} ${top.path}`, '', `${plain(top.help)}${shapeOf(top)}`]
  if (inside.length === 0) return lines.join('\n')
  const hasVariables = inside.some(({ variable }) => variable !== null)
  const head = ['Setting', ...(hasVariables ? ['Variable'] : []), 'What it is', 'Takes', 'Default']
  const rows = inside.map((setting) => [
    code(setting.path),
    ...(hasVariables ? [setting.variable === null ? '' : code(setting.variable)] : []),
    plain(setting.help),
    IS_GROUP.test(setting.takes) ? '' : plain(setting.takes),
    fallbackOf(setting)
  ])
  return [...lines, '', table(head, rows)].join('\n')
}

function shapeOf({ takes, fallback }: Setting): string {
  if (IS_GROUP.test(takes)) return fallback === null ? ' Required.' : ''
  return ` ${plain(takes[0]?.toUpperCase() ?? '')}${plain(takes.slice(1))}; ${fallback === null ? 'required' : `default: ${plain(fallback)}`}.`
}

function fallbackOf({ path, takes, fallback }: Setting): string {
  if (fallback === null) return '**required**'
  if (path.includes('.capabilities.') && fallback === 'nothing') return "the provider's row"
  if (IS_GROUP.test(takes)) return fallback === 'nothing' ? 'left out' : ''
  return plain(fallback)
}
