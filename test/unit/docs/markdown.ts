/** Text as inline code. */
export const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

/** A table as Markdown, unpadded, so that a change of one cell is a change of one line. Cells are Markdown themselves. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Plain text with the characters escaped that Markdown would take for its own; what stands in backticks stays as it is. */
export function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part.replaceAll('|', '\\|') : part.replace(/[\\*_<>[\]|]/g, (char) => `\\${char}`)))
    .join('')
}

const START = (name: string): string => `<!-- prettier-ignore-start -->\n<!-- generated: ${name} -->\n`
const END = '\n<!-- generated: end -->\n<!-- prettier-ignore-end -->'

/** The page with what stands between the marks of a generated part replaced; throws where the page has no such part. */
export function withGenerated(page: string, name: string, body: string): string {
  const start = page.indexOf(START(name))
  const end = page.indexOf(END, start)
  if (start === -1 || end === -1) throw new Error(`the page has no part that is generated as ${name}`)
  return `${page.slice(0, start)}${START(name)}\n${body}\n${page.slice(end)}`
}

/** The fenced blocks of a language whose first line is a comment naming them. */
export function blockNamed(page: string, language: string, name: string): string {
  for (const [, body = ''] of page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))) {
    if (body.startsWith(`# ${name}`)) return body
  }
  throw new Error(`the page has no ${language} block that begins with # ${name}`)
}
