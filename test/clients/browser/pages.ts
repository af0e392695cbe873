import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MadeForm } from './forms.ts'

/** The web server of a service: another origin than the proxy's. */
export interface Pages {
  readonly origin: string
  /** A page that shows this form from now on, with a button that has a name, as AWS's example has it. */
  show(form: MadeForm): void
  stop(): void
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')

export async function startPages(): Promise<Pages> {
  let page = ''
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!doctype html><title>app</title>${page}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    show({ url, fields }) {
      const inputs = Object.entries(fields).map(
        ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`
      )
      page = `<form action="${escaped(url)}" method="post" enctype="multipart/form-data">${inputs.join('')}
        <input type="file" name="file"><input type="submit" name="submit" value="Upload"></form>`
    },
    stop() {
      server.close()
      server.closeAllConnections()
    }
  }
}
