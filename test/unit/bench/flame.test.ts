import t from 'tap'
import { flameGraph, type CpuProfile } from '../../../bench/end-to-end/flame.ts'

const node = (id: number, functionName: string, url: string, children: readonly number[] = []): CpuProfile['nodes'][number] => ({
  ...{ id, callFrame: { functionName, url, lineNumber: 9 }, children }
})

t.test('a frame is as wide as its share of the time, without the time in which nothing ran', (t) => {
  const profile: CpuProfile = {
    nodes: [
      node(1, '(root)', '', [2, 3, 5]),
      node(2, '(idle)', ''),
      node(3, 'handle', 'file:///srv/proxy/handle.ts', [4]),
      node(4, 'sign<x>', 'file:///srv/proxy/sigv4/sign.ts'),
      node(5, 'writev', 'node:net')
    ],
    samples: [2, 3, 4, 5],
    timeDeltas: [9_000_000, 100, 200, 100]
  }
  const graph = flameGraph(profile, 'a title')
  t.match(graph, /<title>handle proxy\/handle.ts:10: 75\.0 %, by itself 25\.0 %<\/title><rect x="0\.0" y="65" width="899\.5"/)
  t.match(graph, /<title>sign&lt;x&gt; proxy\/sigv4\/sign.ts:10: 50\.0 %, by itself 50\.0 %<\/title><rect x="0\.0" y="82" width="599\.5"/)
  t.match(graph, /<title>writev node:net:10: 25\.0 %, by itself 25\.0 %<\/title><rect x="900\.0" y="65" width="299\.5"/)
  t.notMatch(graph, /idle/)
  t.match(graph, /<desc id="description">Most time by itself: sign&lt;x&gt; proxy\/sigv4\/sign.ts:10 50\.0 %/)
  t.end()
})
