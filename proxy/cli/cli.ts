import { parseArgs } from 'node:util'
import { COMMANDS, type Command } from './commands.ts'

/** Runs one command; resolves with the exit code. Mistakes of the user are sentences on standard error, never stacks. */
export async function runCli(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(usage())
    return 0
  }
  const command = COMMANDS.get(name)
  if (command === undefined) {
    process.stderr.write(`sluice: there is no command ${JSON.stringify(name)}\n\n${usage()}`)
    return 2
  }
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true
    })
    if (values.help === true) {
      process.stdout.write(usageOf(name, command))
      return 0
    }
    return await command.run({ values, positionals })
  } catch (error) {
    process.stderr.write(`sluice ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    if (isUsageFault(error)) process.stderr.write(`\n${usageOf(name, command)}`)
    return 1
  }
}

function isUsageFault(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code ?? '').startsWith('ERR_PARSE_ARGS')
}

function usage(): string {
  const lines = [...COMMANDS].map(([name, { summary }]) => `  npx sluice ${name.padEnd(16)} ${summary}`)
  return `Sluice: an enforcing reverse proxy for S3.\n\n${lines.join('\n')}\n\nnpx sluice COMMAND --help tells more.\n`
}

function usageOf(name: string, { summary, usage: words, help }: Command): string {
  return `npx sluice ${name} ${words}\n  ${summary}\n${help.map((line) => `  ${line}\n`).join('')}`
}
