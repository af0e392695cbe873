/** Plays one exchange file: a proxy of its own, the client's bytes in, the upstream's answers from the file. */
import { leaks, outboundProblems, straying } from './checks.ts'
import { exchange, wireOf } from './client.ts'
import { parseExchangeFile, writeExchangeFile, type Message, type Played } from './exchange-file.ts'
import { filledIn } from './placeholders.ts'
import { startProxy } from './proxy.ts'
import { settingsOf } from './settings.ts'
import { UNFORESEEN, type ScriptedUpstream } from './upstream.ts'

/** What playing a file came to. */
export interface Result {
  /** The file as it should stand. */
  readonly text: string
  /** What is wrong beyond a difference of the text. */
  readonly problems: readonly string[]
  /** Of each exchange: the operation, and how it was answered. */
  readonly outcomes: readonly Outcome[]
}

export interface Outcome {
  readonly operation: string | null
  readonly status: number
  readonly code: string | null
  readonly reason: string | null
  /** Requests to the upstream. */
  readonly sent: number
}

/** Plays the file against a fresh proxy. */
export async function playFile(text: string, upstream: ScriptedUpstream): Promise<Result> {
  const file = parseExchangeFile(text)
  const settings = settingsOf(file)
  await upstream.renew()
  const proxy = await startProxy(settings.proxy, {
    upstream: upstream.client,
    upstreamPort: settings.isDown ? CLOSED_PORT : upstream.port,
    note: (line) => upstream.note(line)
  })
  const problems: string[] = []
  const played: Played[] = []
  try {
    for (const { request, answers } of file.exchanges) {
      upstream.begin(answers)
      const wire = await wireOf(await filledIn(request, settings.client.caller), settings.client)
      const answer = await exchange(proxy.port, wire, (status) => upstream.interim(status))
      const requestId = proxy.records.at(-1)?.requestId ?? 'none'
      const one: Played = { request, events: upstream.events, answer: masked(answer, requestId) }
      played.push(one)
      if (upstream.answersLeft > 0) problems.push(`${upstream.answersLeft} answers of the upstream were not asked for`)
      problems.push(...(await problemsOf(one, settings.client.caller)))
    }
  } finally {
    await proxy.stop()
  }
  if (settings.faultExpected !== proxy.faults.length > 0) {
    problems.push(settings.faultExpected ? 'no fault was logged' : `a fault was logged: ${String(proxy.faults[0])}`)
  }
  const outcomes = proxy.records.map((record) => ({
    operation: record.operation,
    status: record.status,
    code: record.errorCode,
    reason: record.reason,
    sent: record.upstreamRequests
  }))
  return { text: writeExchangeFile(text, played), problems, outcomes }
}

/** Nothing listens here: the first port of the range that no user's process may take. */
const CLOSED_PORT = 1

async function problemsOf(played: Played, caller: string): Promise<string[]> {
  const outbound = played.events.flatMap((event) => (event.kind === 'upstream' ? [event.request] : []))
  const unforeseen = played.events.filter((event) => event.kind === 'upstream' && event.answer === UNFORESEEN)
  return [
    ...unforeseen.map(() => 'the file has no answer for a request to the upstream'),
    ...(await Promise.all(outbound.map(outboundProblems))).flat(), 
    ...leaks(played.answer),
    ...straying(played, caller)
  ]
}

/** The request's id is random, and so is the only part of an answer that is not fixed. */
function masked(answer: Message, requestId: string): Message {
  const text = answer.body.toString('latin1').replaceAll(requestId, '{request id}')
  return {
    ...answer,
    rawHeaders: answer.rawHeaders.map((value) => value.replaceAll(requestId, '{request id}')),
    body: Buffer.from(text, 'latin1')
  }
}
