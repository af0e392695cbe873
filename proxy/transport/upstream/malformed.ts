/** Bytes that are not the HTTP/1.1 that we accept. The connection they came on is not used again. */
export class Malformed extends Error {}
