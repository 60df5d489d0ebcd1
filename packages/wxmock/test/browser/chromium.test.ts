import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchange, freshApp, http, server } from '../mock.ts'
import type { App } from '../mock.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (!executablePath) console.warn('not run: no chromium here; on Debian: apt-get install chromium')

/** A site on an origin of its own, as a front end under development is. */
const site = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site')
  const script = (type: string, body: string, more = '') => `<script ${type} ${more}>${body}</script>`
  const app = searchParams.get('app')
  const pages: Record<string, string> = {
    '/classic': script('', '', `src="${server}/_mock/wx.js?app=${app}"`) + '<button open-type="getPhoneNumber"><b>手机号</b></button>',
    '/fixed': script('', '', `src="${server}/_mock/wx.js?app=${app}" data-user="bob" data-device="pad"`),
    '/module': script('type="module"', `import * as wxmock from '${server}/_mock/wx.mjs?app=${app}'; window.wxmock = wxmock`),
  }
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(`<!doctype html><title>page</title>${pages[pathname] ?? ''}`)
})

let browser: Browser
let context: BrowserContext
let base: string
let app: App

beforeAll(async () => {
  if (!executablePath) return
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  base = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-quic'] })
  context = await browser.newContext()
  app = await freshApp()
}, 60000)
afterAll(async () => {
  await browser?.close()
  site.close()
})

async function open(path: string, query = ''): Promise<Page> {
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(`${base}${path}?app=${app.appid}${query}`)
  return page
}
const complaints: string[] = []

/** Runs in the page. */
const run = <T>(page: Page, script: string): Promise<T> => page.evaluate(`(async () => { ${script} })()`)

test.runIf(executablePath)('a page logs in, its key expires, checkSession fails, it logs in again', async () => {
  const page = await open('/classic')
  const code = await run<string>(page, 'return (await wx.login()).code')
  const first = await exchange(app, code)
  expect(await run(page, 'return wx.checkSession()')).toEqual({ errMsg: 'checkSession:ok' })
  await run(page, 'await phone.expireKey()')
  expect(await run(page, 'return wx.checkSession().catch((fail) => fail)')).toEqual({
    errMsg: 'checkSession:fail session time out, need relogin',
  })
  const second = await exchange(app, await run<string>(page, 'return (await uni.login()).code'))
  expect(second.session_key).not.toBe(first.session_key)
  expect(await run(page, 'return Taro.checkSession()')).toEqual({ errMsg: 'checkSession:ok' })
  expect(await run(page, 'return wx.getAccountInfoSync().miniProgram.appId')).toBe(app.appid)
  const calls = 'return phone.calls().map(({ api }) => api)'
  expect(await run(page, calls)).toEqual(['login', 'checkSession', 'checkSession', 'login', 'checkSession'])
})

test.runIf(executablePath)('a tap on a phone button hands out a number, or a refusal', async () => {
  const page = await open('/classic')
  await run(page, `await wx.login(); addEventListener('getphonenumber', ({ detail }) => (window.heard = detail))`)
  const tap = async () => {
    await page.evaluate('window.heard = undefined')
    await page.click('button b')
    return (await page.waitForFunction('window.heard')).jsonValue() as Promise<object>
  }
  expect(Object.keys(await tap()).sort()).toEqual(['cloudID', 'code', 'encryptedData', 'errMsg', 'iv'])
  await run(page, `await phone.deny('phone')`)
  expect(await tap()).toEqual({ errMsg: 'getPhoneNumber:fail user deny', errno: 103 })
  await run(page, `await phone.allow('phone')`)
})

test.runIf(executablePath)('two tabs are two phones; a reload is the same one, a copy another', async () => {
  const [one, other, bob] = [await open('/classic'), await open('/classic'), await open('/classic', '&user=bob')]
  const device = (page: Page) => run<string>(page, 'return phone.device')
  const devices = [await device(one), await device(other), await device(bob)]
  expect(new Set(devices).size).toBe(3)
  await run(one, `wx.setStorageSync('token', 'of one'); await wx.login()`)
  expect(await run(other, `return wx.getStorageSync('token')`)).toBe('')
  expect(await run(bob, 'return phone.ready()')).toMatchObject({ user: 'bob', device: devices[2] })

  // Another phone of the same page changes nothing of it.
  await run(one, 'wxmock.createPhone()')
  await one.reload()
  expect([await device(one), await run(one, `return wx.getStorageSync('token')`)]).toEqual([devices[0], 'of one'])

  // A window that is opened from a page starts with a copy of its session storage.
  const [copy] = await Promise.all([context.waitForEvent('page'), one.evaluate('void window.open(location.href)')])
  await copy.waitForFunction('window.phone')
  expect(await device(copy)).not.toBe(devices[0])
  expect(await run(copy, `return wx.getStorageSync('token')`)).toBe('')

  // WeChat sees them apart: each mints codes of its own.
  await run(other, 'await wx.login()')
  const { entries } = await http('GET', `/_mock/v1/journal?app=${app.appid}&user=alice`)
  const minted = JSON.stringify(entries)
  for (const name of devices.slice(0, 2)) expect(minted).toContain(`"${name}"`)
})

test.runIf(executablePath)('the script names the person and the phone, and goes before the address of the page', async () => {
  const page = await open('/fixed', '&user=alice')
  expect(await run(page, 'return phone.ready()')).toEqual({ appid: app.appid, user: 'bob', device: 'pad' })
})

test.runIf(executablePath)('as a module: the same, and exports', async () => {
  const page = await open('/module', '&user=bob')
  await page.waitForFunction('window.wxmock')
  expect(await run(page, 'return (await wxmock.wx.login()).errMsg')).toBe('login:ok')
  expect(await run(page, 'return wx.login === wxmock.wx.login && phone === wxmock.phone')).toBe(true)
  expect(await run(page, 'return (await phone.ready()).user')).toBe('bob')
  // Nobody listens on the discard port.
  const dead = `wxmock.createPhone({ server: 'http://127.0.0.1:9' }).wx.login().catch((fail) => fail.errMsg)`
  expect(await run(page, `return ${dead}`)).toMatch(/^login:fail the mock at http:\/\/127\.0\.0\.1:9 cannot be reached/)
})

test.runIf(executablePath)('no page complained', () => {
  expect(complaints).toEqual([])
})
