import { shown, type Place } from '../problems.ts'
import { parseTemplate, templateGlob } from '../template.ts'
import type { CompiledValue } from './criterion.ts'

export const ARN_PREFIX = 'arn:aws:s3:::'

/**
 * The matcher of one `Resource` or `NotResource` value; null after reporting why it is none.
 * As in AWS a `*` reaches across slashes: `arn:aws:s3:::a*` is every tenant whose id begins with `a`, and their objects.
 */
export function compileResource(value: string, place: Place): CompiledValue | null {
  if (value !== '*' && (!value.startsWith(ARN_PREFIX) || value.length === ARN_PREFIX.length || value[ARN_PREFIX.length] === '/')) {
    place.report.problem(place.path, `${shown(value)} is neither * nor ${ARN_PREFIX}<tenant>[/<key>]`)
    return null
  }
  const template = parseTemplate(value, true, place)
  return template === null ? null : { test: templateGlob(template), variables: template.variables }
}

/** The resource as patterns see it: an action without one (`*`) is on `arn:aws:s3:::*`, so that this ARN, which AWS's examples write for ListAllMyBuckets, matches. */
export function resourceArn(resource: string): string {
  return resource === '*' ? `${ARN_PREFIX}*` : resource
}

/** Whether the resource is an object: a bucket and `*` have no key. */
export function isObject(resource: string): boolean {
  return resource.includes('/')
}
