/** `npm run clients`: installs every client that the suites can use, those with long builds too, and names the others. */
import { installClients } from './install.ts'

const { env, skipped } = await installClients({ slowToo: true })
for (const [variable, place] of Object.entries(env)) process.stdout.write(`${variable}=${place}\n`)
for (const line of skipped) process.stdout.write(`${line}\n`)
