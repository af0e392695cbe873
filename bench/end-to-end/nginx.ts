import { spawn, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pinned, waitForPort, type Subject } from './process.ts'

/** The version of nginx on PATH, or null. */
export function nginxVersion(): string | null {
  const { status, stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return status === 0 ? (/nginx\/(\S+)/.exec(stderr)?.[1] ?? null) : null
}

export interface NginxOptions {
  readonly folder: string
  readonly port: number
  readonly core: number
  /** What stands inside `http { … }`. */
  readonly http: string
  /** The certificate that it shows, in PEM. */
  readonly ca?: string
}

/** One worker in the foreground; everything that it writes lies in `folder`. */
export async function startNginx(name: string, { folder, port, core, http, ca }: NginxOptions): Promise<Subject> {
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${own}/${kind};`).join(' ')
  const file = join(own, 'nginx.conf')
  await writeFile(
    file,
    [
      `${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; daemon off; pid ${own}/pid; error_log ${own}/error.log warn;`,
      'worker_rlimit_nofile 65536;',
      'events { worker_connections 30000; }',
      'http {',
      `  access_log off; tcp_nodelay on; keepalive_timeout 300; keepalive_requests 1000000000; client_max_body_size 0; ${temporary}`,
      http,
      '}\n'
    ].join('\n')
  )
  const child = spawn(...pinned(core, ['nginx', '-c', file, '-e', `${own}/error.log`]), { stdio: 'inherit' })
  await waitForPort(port, child)
  return { name, port, pid: child.pid ?? 0, ca: ca ?? null, stop: () => void child.kill('SIGTERM') }
}

/** A certificate and its key as files. */
export interface Pair {
  readonly certFile: string
  readonly keyFile: string
}

const secured = ({ certFile, keyFile }: Pair): string =>
  `ssl_certificate ${certFile}; ssl_certificate_key ${keyFile}; ssl_protocols TLSv1.3; ssl_session_cache shared:s:10m;`

/** 64 KiB: nginx's own default of 4 and 8 KiB makes large bodies 3.4 times as dear. */
const TUNED_BUFFERS = 'proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 256k; client_body_buffer_size 256k;'

export interface PassThrough {
  readonly port: number
  readonly upstreamPort: number
  /** What it shows to clients; null for plain HTTP. */
  readonly front: Pair | null
  /** The certificate of the upstream, as a file; null for plain HTTP. */
  readonly upstreamCaFile: string | null
  readonly buffers: 'tuned' | 'default'
}

/** Pass-through and nothing else, over connections that are kept. */
export function passThrough({ port, upstreamPort, front, upstreamCaFile, buffers }: PassThrough): string {
  const tls =
    upstreamCaFile === null
      ? ''
      : `proxy_ssl_session_reuse on; proxy_ssl_protocols TLSv1.3; proxy_ssl_server_name on; proxy_ssl_name localhost; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${upstreamCaFile};`
  return `
  upstream canned { server 127.0.0.1:${upstreamPort}; keepalive 512; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port} ${front === null ? '' : 'ssl '}backlog=16384; ${front === null ? '' : secured(front)}
    location / {
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host "127.0.0.1:${upstreamPort}";
      proxy_max_temp_file_size 0; proxy_buffering on; proxy_request_buffering off; ${buffers === 'tuned' ? TUNED_BUFFERS : ''}
      ${tls}
      proxy_pass ${upstreamCaFile === null ? 'http' : 'https'}://canned;
    }
  }`
}

/** How many requests the canned S3 was asked since it started, without this question. */
export async function upstreamRequests(port: number): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}${COUNT_PATH}`)).text()
  const [, , , requests = '0'] = /\n ?(\d+) (\d+) (\d+)/.exec(page) ?? []
  const before = askedBefore.get(port) ?? 0
  askedBefore.set(port, before + 1)
  return Number(requests) - before - 1
}

const COUNT_PATH = '/-/requests'
const askedBefore = new Map<number, number>()

export interface CannedS3 {
  readonly port: number
  /** Where the same is served under TLS. */
  readonly tls: Pair & { readonly port: number }
  /** Where what is put goes: see sink.ts. */
  readonly sinkPort: number
  /** The folder of the objects. */
  readonly objects: string
  readonly owner: string
}

/**
 * An S3 that costs next to nothing, so that the upstream is not what is measured: objects are files named by the last part
 * of the key, all of one owner; what is put is read and thrown away; nothing is checked.
 */
export function cannedS3({ port, tls, sinkPort, objects, owner }: CannedS3): string {
  const s3 = [
    'add_header x-amz-request-id 0123456789ABCDEF always;',
    'add_header x-amz-id-2 "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=" always;',
    `add_header x-amz-meta-sluice-service "${owner}";`,
    'add_header x-amz-tagging-count 1;'
  ].join(' ')
  const tagging = `<?xml version="1.0" encoding="UTF-8"?><Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Tag><Key>service</Key><Value>${owner}</Value></Tag></TagSet></Tagging>`
  return `
  sendfile on; tcp_nopush on; open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s; default_type application/octet-stream;
  map "$request_method $args" $canned {
    default read;
    "~^GET tagging" tagging;
    "~^GET list-type" list;
    "~^PUT " write;
  }
  upstream sink { server 127.0.0.1:${sinkPort}; keepalive 512; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port} backlog=16384; listen 127.0.0.1:${tls.port} ssl backlog=16384; ${secured(tls)} root ${objects};
    ${s3}
    location = ${COUNT_PATH} { stub_status; }
    error_page 404 /absent;
    location = /absent { internal; ${s3} default_type application/xml; return 404 '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>'; }
    location / {
      if ($canned = tagging) { add_header content-type application/xml; return 200 '${tagging}'; }
      if ($canned = list) { add_header content-type application/xml; return 200 '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>'; }
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header If-None-Match ""; proxy_request_buffering off; client_body_buffer_size 256k;
      if ($canned = write) { proxy_pass http://sink; }
      rewrite ^.*/([^/]+)$ /$1 break;
    }
  }`
}
