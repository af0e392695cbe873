/**
 * What an operation does is a tree: each node is the run after one list of answers, and is computed once by replaying
 * the generator. A process in a state of the world is a node of it.
 */
import { balanceProblem } from './balance.ts'
import type { Outcome, Protocol, Seen, Step } from '../../../../proxy/ownership/steps.ts'

export interface Node {
  readonly id: number
  readonly step: Step | null
  readonly outcome: Outcome | null
  readonly parent: Node | null
  /** What the parent's step was given. */
  readonly given: unknown
  readonly start: () => Protocol
  readonly children: Map<string, Node>
}

/** Gives numbers to nodes and answers, so that states can be compared. */
export interface Registry {
  nodes: number
  readonly answers: Map<string, number>
  readonly ids: WeakMap<object, number>
}

export function newRegistry(): Registry {
  return { nodes: 0, answers: new Map(), ids: new WeakMap() }
}

/** Equal answers have equal numbers. */
export function answerId(registry: Registry, seen: Seen): number {
  const known = registry.ids.get(seen)
  if (known !== undefined) return known
  const text = JSON.stringify(seen, (_key, value: unknown) => (value instanceof Map ? [...(value as Map<string, string>)] : value))
  const id = registry.answers.get(text) ?? registry.answers.size
  registry.answers.set(text, id)
  registry.ids.set(seen, id)
  return id
}

/** The run before its first answer. */
export function rootNode(registry: Registry, start: () => Protocol): Node {
  return explore(registry, { parent: null, given: undefined, start })
}

/** The run after one more answer. */
export function nextNode(registry: Registry, node: Node, name: string, given: unknown): Node {
  const known = node.children.get(name)
  if (known !== undefined) return known
  const made = explore(registry, { parent: node, given, start: node.start })
  node.children.set(name, made)
  return made
}

function explore(registry: Registry, at: Pick<Node, 'parent' | 'given' | 'start'>): Node {
  const givens: unknown[] = []
  for (let node: Pick<Node, 'parent' | 'given'> | null = at; node?.parent; node = node.parent) givens.unshift(node.given)
  const run = at.start()
  let got = run.next()
  for (const given of givens) got = run.next(given)
  const node: Node = {
    ...at,
    id: registry.nodes++,
    step: got.done ? null : got.value,
    outcome: got.done ? got.value : null,
    children: new Map()
  }
  if (node.outcome !== null) {
    const problem = unbalanced(node)
    if (problem !== null) throw new Error(problem)
  }
  return node
}

function unbalanced(last: Node): string | null {
  const path: Node[] = []
  for (let node: Node | null = last; node !== null; node = node.parent) path.unshift(node)
  const trace = path.flatMap((node, index) => (node.step === null ? [] : [{ step: node.step, given: path[index + 1]?.given }]))
  return balanceProblem(trace, last.outcome)
}
