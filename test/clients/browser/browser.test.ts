import { chromium, type Page } from 'playwright-core'
import { test, type Test } from 'tap'
import { presign } from '../../integration/ways-in/presign.ts'
import { BUCKET, startSite, TENANT, type Site } from '../../integration/ways-in/site.ts'
import { formOfBoto3, formOfMinioJs, type FormFields, type MadeForm } from './forms.ts'
import { startPages, type Pages } from './pages.ts'

/** Where `npm run test:clients` found them. */
const CHROMIUM = process.env['SLUICE_TEST_CHROMIUM']
const PYTHON = process.env['SLUICE_TEST_PYTHON']
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]
const TIMEOUT_MS = 180_000

const skip = CHROMIUM === undefined && 'no chromium: npm run test:clients looks for one'
test('a browser', { skip, timeout: TIMEOUT_MS }, async (t) => {
  const pages = await startPages()
  const open = await startSite({ cors: { origins: [pages.origin] } })
  const closed = await startSite()
  const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: QUIET })
  t.teardown(async () => {
    await browser.close()
    pages.stop()
    await Promise.all([open.stop(), closed.stop()])
  })
  const page = await browser.newPage()

  await submits(t, { page, pages, site: open })
  await fetches(t, { page, pages, site: open })
  await isRefused(t, { page, pages, site: closed })
})

interface Scene {
  readonly page: Page
  readonly pages: Pages
  readonly site: Site
}

const objectOf = (site: Site, key: string) => site.store.objects(BUCKET).get(`${TENANT}/${key}`)?.[0]

async function submits(t: Test, { page, pages, site }: Scene): Promise<void> {
  const skipBoto3 = PYTHON === undefined && 'no boto3: npm run test:clients installs it'
  await t.test(
    'submits the form that boto3 made, with the name of its file, and is sent to the page that it names',
    { skip: skipBoto3 },
    async (t) => {
      const fields: FormFields = {
        success_action_redirect: `${pages.origin}/done`,
        'Content-Type': 'text/plain',
        'x-amz-meta-note': 'from a page'
      }
      pages.show(await formOfBoto3(PYTHON ?? '', site, { key: 'in/${filename}', fields }))
      await page.goto(pages.origin)
      await page.setInputFiles('input[type=file]', {
        name: 'käse "1".txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('by a button\r\n--')
      })
      await page.click('input[type=submit]')
      await page.waitForURL(/\/done\?/)
      const query = new URL(page.url()).searchParams
      // A browser writes %22 for a quote in a file's name.
      const object = objectOf(site, 'in/käse %221%22.txt')
      t.same([query.get('bucket'), query.get('key'), query.get('etag')], [TENANT, 'in/käse %221%22.txt', object?.etag])
      t.equal((await object?.read())?.toString(), 'by a button\r\n--')
      t.equal(object?.tags.get('service'), 'system:serviceaccount:shop:orders')
      t.equal(object?.metadata.get('note'), 'from a page')
    }
  )

  await t.test('submits the form that minio-js made, and stays where it is', async (t) => {
    pages.show(await formOfMinioJs(site, { key: 'by-minio', type: 'image/png' }))
    await page.goto(pages.origin)
    await page.setInputFiles('input[type=file]', { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('pixels') })
    const answered = page.waitForResponse((response) => response.url().includes(site.host))
    // By its own code: the click of playwright waits for a page to come, and with 204 none does.
    await page.evaluate(`document.querySelector('input[type=submit]').click()`)
    t.equal((await answered).status(), 204)
    t.equal((await objectOf(site, 'by-minio')?.read())?.toString(), 'pixels')
    t.equal(objectOf(site, 'by-minio')?.system.get('content-type'), 'image/png')
  })
}

/** What the page's own code does, and what it may see of the answer; the name of the fault where the browser shows it nothing. */
function inPage(page: Page, code: string): Promise<{ status: number; etag: string | null; text: string } | string> {
  return page.evaluate(`(async () => {
    try {
      const answer = await ${code}
      return { status: answer.status, etag: answer.headers.get('etag'), text: await answer.text() }
    } catch (error) {
      return error.name
    }
  })()`)
}

function postByFetch({ url, fields }: MadeForm, size: number): string {
  return `(() => {
    const body = new FormData()
    for (const [name, value] of Object.entries(${JSON.stringify(fields)})) body.append(name, value)
    body.append('file', new Blob(['x'.repeat(${size})]), 'x.txt')
    return fetch(${JSON.stringify(url)}, { method: 'POST', body })
  })()`
}

function url(site: Site, method: string, key: string): string {
  return `http://${site.host}${presign({ method, host: site.host, path: `/${TENANT}/${key}`, credentials: site.session(), at: site.now() })}`
}

async function fetches(t: Test, { page, pages, site }: Scene): Promise<void> {
  await t.test('fetches from another origin: posts a form, puts and gets by URL, and reads the ETag', async (t) => {
    await page.goto(pages.origin)
    for (const size of [10, 3_000_000]) {
      const posted = await inPage(page, postByFetch(await formOfMinioJs(site, { key: `fetched-${size}`, type: 'text/plain' }), size))
      const object = objectOf(site, `fetched-${size}`)
      t.equal(object?.length, size)
      t.same(posted, { status: 204, etag: object?.etag, text: '' })
    }
    const put = await inPage(
      page,
      `fetch(${JSON.stringify(url(site, 'PUT', 'put'))}, { method: 'PUT', body: 'put by fetch', headers: { 'content-type': 'text/x' } })`
    )
    t.same(put, { status: 200, etag: objectOf(site, 'put')?.etag, text: '' })
    const got = await inPage(page, `fetch(${JSON.stringify(url(site, 'GET', 'put'))})`)
    t.same(got, { status: 200, etag: objectOf(site, 'put')?.etag, text: 'put by fetch' })
    const refused = await inPage(page, `fetch('http://${site.host}/${TENANT}/put')`)
    t.match(refused, { status: 403, text: /<Code>AccessDenied</ }, 'a refusal can be read too')
    if (PYTHON === undefined) return
    const form = await formOfBoto3(PYTHON, site, { key: 'by-boto3', fields: { success_action_status: '201' } })
    t.match(await inPage(page, postByFetch(form, 7)), { status: 201, text: /<Key>by-boto3</ })
  })
}

async function isRefused(t: Test, { page, pages, site }: Scene): Promise<void> {
  await t.test('shows a page of an origin that is not permitted nothing, and does not send what needs asking first', async (t) => {
    await page.goto(pages.origin)
    const put = `fetch(${JSON.stringify(url(site, 'PUT', 'put'))}, { method: 'PUT', body: 'x' })`
    t.equal(await inPage(page, put), 'TypeError')
    t.equal(site.reached(), 0, 'nothing reached the upstream')
    t.equal(await inPage(page, `fetch(${JSON.stringify(url(site, 'GET', 'a'))})`), 'TypeError')
    t.equal(await inPage(page, postByFetch(await formOfMinioJs(site, { key: 'a', type: 'text/plain' }), 10)), 'TypeError')
  })
}
