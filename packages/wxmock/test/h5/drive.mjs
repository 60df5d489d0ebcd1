/** Opens a built page in Chromium, taps its buttons one after the other, and prints what the page shows after each. */

import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'

const [folder] = process.argv.slice(2)
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html' }

const site = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://site')
  const file = join(folder, pathname === '/' ? 'index.html' : pathname)
  const bytes = await readFile(file).catch(() => undefined)
  response.writeHead(bytes ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(bytes)
})
await new Promise((done) => site.listen(0, '127.0.0.1', done))

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-quic'] })
const page = await browser.newPage()
page.on('pageerror', (error) => console.log(`error: ${error}`))
await page.goto(`http://127.0.0.1:${site.address().port}/?user=alice`)
for (const id of ['login', 'check', 'phone']) {
  const before = await page.textContent('#said')
  await page.click(`#${id}`)
  await page.waitForFunction((text) => document.querySelector('#said').textContent !== text, before)
  console.log(`${id}: ${await page.textContent('#said')}`)
}
console.log(`calls: ${await page.evaluate(`phone.calls().map(({ api, state }) => api + ' ' + state).join(', ')`)}`)
await browser.close()
site.close()
