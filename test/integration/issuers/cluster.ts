import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ClusterCommand, ReviewAnswer, Signer } from './cluster-process.ts'

/** A cluster of which only the issuer is there, as a process of its own. */
export interface Cluster {
  readonly iss: string
  /** Of the API server. */
  readonly url: string
  /** A token as kubelet projects it; a claim that is undefined is left out. */
  mint(order?: TokenOrder): Promise<string>
  /** A new key signs from now on; those before stay in the key set. */
  rotate(kid: string): Promise<void>
  drop(kid: string): Promise<void>
  deletePod(uid: string): Promise<void>
  answerReviews(answer: ReviewAnswer): Promise<void>
  serveKeys(answer: 'served' | 'down'): Promise<void>
  counts(): Promise<{ readonly keys: number; readonly anonymous: number; readonly reviews: number }>
  stop(): Promise<void>
}

export interface TokenOrder {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly signer?: Signer
}

export const AUDIENCE = 'sluice.test'

/** Starts a cluster whose API server answers to its own `iss`, as one does where nobody has chosen another audience. */
export async function startCluster(iss: string, audience = AUDIENCE): Promise<Cluster> {
  const child = fork(join(import.meta.dirname, 'cluster-process.ts'), [iss, iss], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const [{ url }] = (await once(child, 'message')) as [{ readonly url: string }]
  const waiting = new Map<number, (result: unknown) => void>()
  let asked = 0
  child.on('message', ({ id, result }: { id: number; result: unknown }) => {
    waiting.get(id)?.(result)
    waiting.delete(id)
  })
  const tell = <Result = void>(command: ClusterCommand): Promise<Result> =>
    new Promise((resolve) => {
      waiting.set(++asked, (result) => resolve(result as Result))
      child.send({ id: asked, command })
    })
  return {
    iss,
    url,
    mint: ({ claims = {}, header = {}, signer = 'active' } = {}) =>
      tell({ do: 'mint', claims: { ...claimsNow(iss, audience), ...claims }, header, signer }),
    rotate: (kid) => tell({ do: 'rotate', kid }),
    drop: (kid) => tell({ do: 'drop', kid }),
    deletePod: (uid) => tell({ do: 'deletePod', uid }),
    answerReviews: (answer) => tell({ do: 'reviews', answer }),
    serveKeys: (answer) => tell({ do: 'keys', answer }),
    counts: () => tell({ do: 'counts' }),
    async stop() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    }
  }
}

function claimsNow(iss: string, audience: string): Readonly<Record<string, unknown>> {
  const iat = Math.floor(Date.now() / 1000)
  return {
    ...{ iss, aud: [audience], sub: 'system:serviceaccount:shop:orders', iat, nbf: iat, exp: iat + 3600, jti: randomUUID() },
    'kubernetes.io': kubernetesClaims('shop', 'orders')
  }
}

/** What Kubernetes says of a service account and its only pod. */
export const kubernetesClaims = (namespace: string, name: string, podUid = 'pod-1'): Readonly<Record<string, unknown>> => ({
  namespace,
  serviceaccount: { name, uid: 'sa-1' },
  pod: { name: `${name}-1`, uid: podUid }
})
