/** The tags that a copy takes along where looks do not read them. */
import { isMissing, lookFailed, refuse, slowDown, tagsIn } from './answers.ts'
import { askOne } from './ask.ts'
import { SERVICE_TAG, type OwnershipContext } from './context.ts'
import { pinnedTo } from './look.ts'
import type { Looked, Outcome, Protocol } from './steps.ts'

/** The source with its tags, if it has any besides ours and they are wanted. */
export function* withUserTags(context: OwnershipContext, looked: Looked, wanted: boolean): Protocol<Looked | Outcome> {
  if (!wanted || looked.tags !== null || !context.hasTags || (looked.head.tagCount ?? 0) < 2) return looked
  const tagged = yield* askOne({ ask: 'tags', at: pinnedTo(looked.at, looked.at.versionId ?? looked.versionId) })
  const tags = tagsIn(tagged)
  if (tags === null) return isMissing(tagged) ? slowDown('the source went away while it was copied') : lookFailed(tagged)
  // The tags of a successor are not the caller's to copy.
  if ((tags.get(SERVICE_TAG) ?? null) !== looked.owner) return refuse('AccessDenied', 'the tags do not hold the service tag of the source')
  return { ...looked, tags, tagged }
}
