import cluster, { type Worker } from 'node:cluster'
import { StringDecoder } from 'node:string_decoder'
import type { FromWorker, Order, Pages, ToWorker } from './messages.ts'

/** Where all workers listen. */
export type WorkerAddresses = Pick<Extract<FromWorker, { kind: 'started' }>, 's3' | 'api'>

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: string | null
}

/** A worker as the primary sees it. */
export interface WorkerProcess {
  readonly pid: number
  /** Rejects when it cannot serve, or ends before it does. */
  readonly started: Promise<WorkerAddresses>
  readonly ended: Promise<Ending>
  readonly hasEnded: boolean
  /** The page, or null when it has not come by the deadline. */
  ask<Page extends keyof Pages>(page: Page, deadlineMs: number): Promise<Pages[Page] | null>
  /** Drains and ends. A second call hurries. */
  stop(): void
  kill(): void
}

export interface WorkerHandlers {
  /** Whole lines of its standard output. */
  onLines(lines: string): void
  /** It cannot serve; told before it ends, also after it started. */
  onRefused(says: string): void
}

/** An exit of node takes milliseconds, but was seen to wait for one of its threads for ever. */
const EXIT_MS = 2_000

/** How all workers are started: by one entry, with options of node's. Their standard output comes here, line by line. */
export function prepareWorkers(entry: string, nodeOptions: readonly string[]): void {
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({
    exec: entry,
    args: [],
    execArgv: [...process.execArgv, ...nodeOptions],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  })
}

/** Starts one worker. */
export function startWorker(order: Omit<Order, 'kind'>, { onLines, onRefused }: WorkerHandlers): WorkerProcess {
  const worker = cluster.fork()
  const { promise: started, resolve: start, reject: refuse } = Promise.withResolvers<WorkerAddresses>()
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>()
  const questions = createQuestions(worker)
  let hasEnded = false
  // Whoever starts it waits; whoever restarts it looks at how it ended.
  started.catch(() => undefined)
  relayLines(worker, onLines)
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'started') start(message)
    else if (message.kind === 'answer') questions.answered(message.id, message.page)
    else if (message.kind === 'done') setTimeout(() => worker.process.kill('SIGKILL'), EXIT_MS).unref()
    else {
      onRefused(message.says)
      refuse(new Error(message.says))
    }
  })
  // A message to a process that has just ended is lost, and its end is told elsewhere.
  worker.on('error', () => undefined)
  worker.once('exit', (code: number | null, signal: string | null) => {
    hasEnded = true
    questions.close()
    refuse(new Error(`worker ${order.number} ended before it served, ${wordsOf({ code, signal })}`))
  })
  // Later than its exit: then its last lines have come.
  worker.process.once('close', (code: number | null, signal: string | null) => end({ code, signal }))
  send(worker, { kind: 'start', ...order })
  return {
    pid: worker.process.pid ?? 0,
    started,
    ended,
    get hasEnded() {
      return hasEnded
    },
    ask: (page, deadlineMs) => questions.ask(page, deadlineMs),
    stop: () => send(worker, { kind: 'stop' }),
    kill: () => void worker.process.kill('SIGKILL')
  }
}

export function wordsOf({ code, signal }: Ending): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}

function createQuestions(worker: Worker) {
  const open = new Map<number, (page: unknown) => void>()
  let asked = 0
  return {
    async ask<Page extends keyof Pages>(page: Page, deadlineMs: number): Promise<Pages[Page] | null> {
      if (!worker.isConnected()) return null
      const id = asked++
      const answer = new Promise<unknown>((resolve) => {
        open.set(id, resolve)
        setTimeout(() => resolve(null), deadlineMs).unref()
      })
      send(worker, { kind: 'ask', id, page })
      const said = await answer
      open.delete(id)
      return said as Pages[Page] | null
    },
    answered: (id: number, page: unknown) => open.get(id)?.(page),
    close: () => open.forEach((resolve) => resolve(null))
  }
}

/** Whole lines alone, so that those of several workers never mix; half a line of one that was killed is dropped. */
function relayLines(worker: Worker, onLines: (lines: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let begun = ''
  worker.process.stdout?.on('data', (chunk: Buffer) => {
    const text = begun + decoder.write(chunk)
    const end = text.lastIndexOf('\n') + 1
    begun = text.slice(end)
    if (end > 0) onLines(text.slice(0, end))
  })
}
