import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPhone, installGlobals, phone as shared } from 'wxmock'
import { freshPhone, server } from './mock.ts'

declare const uni: any
declare const Taro: any

/** A backend that says what it was sent, and allows any page. */
const backend = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', '*')
    response.setHeader('Access-Control-Allow-Methods', '*')
    if (request.method === 'OPTIONS') return response.writeHead(204).end()
    if (request.url === '/silent') return
    if (request.url === '/text') return response.end('plain')
    response.statusCode = request.url === '/401' ? 401 : 200
    response.setHeader('content-type', 'application/json')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() }))
  })
})
let base: string
beforeAll(async () => {
  await new Promise<void>((done) => backend.listen(0, '127.0.0.1', done))
  base = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
})
afterAll(() => {
  backend.closeAllConnections()
  backend.close()
})

/** `wx.request` has no promise. */
const request = (wx: any, option: object) =>
  new Promise<any>((resolve, reject) => expect(wx.request({ ...option, success: resolve, fail: reject })).toHaveProperty('abort'))

test('the setup file gives wx, uni and Taro, with one phone behind them', async () => {
  expect(shared.server).toBe(server)
  expect(wx).not.toBe(shared.wx)
  expect(wx.login).toBe(shared.wx.login)
  expect((await wx.login()).errMsg).toBe('login:ok')
  expect((await uni.login()).errMsg).toBe('login:ok')
  const heard: string[] = []
  await expect(Taro.login({ success: () => heard.push('success'), complete: () => heard.push('complete') })).resolves.toHaveProperty('code')
  expect(heard).toEqual(['success', 'complete'])
  expect(uni.login({ success() {} })).toBeUndefined()
  expect(wx.getAccountInfoSync().miniProgram.appId).toMatch(/^wx[0-9a-f]{16}$/)
  expect(shared.calls('login').length).toBe(4)
})

test('what was there before stays, and comes back', async () => {
  const { phone } = await freshPhone()
  const scope = globalThis as any
  const before = scope.wx
  scope.wx = { showToast: () => 'a double', login: () => 'a double' }
  const takeBack = installGlobals(phone)
  expect([scope.wx.showToast(), typeof scope.wx.login().then]).toEqual(['a double', 'function'])
  expect(scope.wx.showModal).toBeUndefined()
  expect([scope.wx.canIUse('getUserProfile'), scope.wx.canIUse('login.object.timeout'), scope.wx.canIUse('showModal')]).toEqual([true, true, false])
  takeBack()
  expect(scope.wx.login()).toBe('a double')
  scope.wx = before
})

test('storage: per app, person and phone', async () => {
  const { phone, wx, app } = await freshPhone()
  wx.setStorageSync('token', { id: 1, at: [null, 'x'] })
  await wx.setStorage({ key: 'day', data: new Date(86400000) })
  expect(wx.getStorageSync('token')).toEqual({ id: 1, at: [null, 'x'] })
  expect((await wx.getStorage({ key: 'day' })).data).toEqual(new Date(86400000))
  expect(wx.getStorageSync('nothing')).toBe('')
  await expect(wx.getStorage({ key: 'nothing' })).rejects.toEqual({ errMsg: 'getStorage:fail data not found' })
  expect(wx.getStorageInfoSync().keys.sort()).toEqual(['day', 'token'])
  const bob = createPhone({ server, app: app.appid, user: 'bob' })
  const pad = createPhone({ server, app: app.appid, user: 'alice', device: 'pad' })
  expect([bob.wx.getStorageSync('token'), pad.wx.getStorageSync('token')]).toEqual(['', ''])
  wx.removeStorageSync('day')
  bob.wx.setStorageSync('token', 'of bob')
  await wx.clearStorage()
  expect([wx.getStorageInfoSync().keys, bob.wx.getStorageSync('token')]).toEqual([[], 'of bob'])
  bob.reset()
  phone.reset()
  expect([bob.wx.getStorageSync('token'), phone.calls()]).toEqual(['', []])
})

test('a request succeeds with any status, and carries what it was given', async () => {
  const { wx } = await freshPhone()
  const seen = await request(wx, { url: `${base}/a?b=1`, data: { c: '二', d: 3 }, header: { Token: 't' } })
  expect(seen).toMatchObject({ statusCode: 200, errMsg: 'request:ok', data: { method: 'GET', url: '/a?b=1&c=%E4%BA%8C&d=3' } })
  expect(seen.data.headers.token).toBe('t')
  const posted = await request(wx, { url: `${base}/401`, method: 'POST', data: { code: 'x' } })
  expect(posted).toMatchObject({ statusCode: 401, data: { method: 'POST', body: '{"code":"x"}' } })
  expect(posted.data.headers['content-type']).toBe('application/json')
  const header = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const form = await request(wx, { url: base, method: 'POST', header, data: { code: 'a+b', n: 1 } })
  expect(form.data.body).toBe('code=a%2Bb&n=1')
  expect((await request(wx, { url: `${base}/text` })).data).toBe('plain')
  const bytes = await request(wx, { url: `${base}/text`, responseType: 'arraybuffer' })
  expect(new TextDecoder().decode(new Uint8Array(bytes.data))).toBe('plain')
  if (typeof document === 'undefined') {
    expect(seen.cookies).toEqual(['a=1', 'b=2'])
    expect(seen.data.headers.referer).toMatch(/^https:\/\/servicewechat\.com\/wx[0-9a-f]{16}\/devtools\/page-frame\.html$/)
  }
})

test('a request fails when nobody answers, in time, or when it is called off', async () => {
  const { wx } = await freshPhone()
  await expect(request(wx, { url: `${base}/silent`, timeout: 20 })).rejects.toEqual({ errMsg: 'request:fail timeout', errno: 5 })
  const said = new Promise((fail) => wx.request({ url: `${base}/silent`, fail }).abort())
  expect(await said).toEqual({ errMsg: 'request:fail abort' })
  expect((await uni.request({ url: `${base}/401` })).statusCode).toBe(401)
  expect((await Taro.request({ url: base })).statusCode).toBe(200)
})

test.runIf(typeof document !== 'undefined')('a click on a phone button becomes its event', async () => {
  const button = document.createElement('button')
  button.setAttribute('open-type', 'getPhoneNumber')
  button.innerHTML = '<i>手机号</i>'
  document.body.append(button)
  await wx.login()
  const detail = new Promise<any>((heard) => document.body.addEventListener('getphonenumber', (event) => heard((event as CustomEvent).detail)))
  button.querySelector('i')?.click()
  expect(Object.keys(await detail).sort()).toEqual(['cloudID', 'code', 'encryptedData', 'errMsg', 'iv'])
})

test('an exception in a callback is reported as uncaught, and complete is still called', async () => {
  const { wx } = await freshPhone()
  const scope = globalThis as any
  const [before, reported] = [scope.reportError, [] as unknown[]]
  scope.reportError = (error: unknown) => reported.push(error)
  const wrong = new Error('of the page')
  const heard = await new Promise<string[]>((done) => {
    const heard: string[] = []
    const success = () => {
      heard.push('success')
      throw wrong
    }
    wx.login({ success, fail: () => heard.push('fail'), complete: () => (heard.push('complete'), done(heard)) })
  })
  scope.reportError = before
  expect([heard, reported]).toEqual([['success', 'complete'], [wrong]])
})
