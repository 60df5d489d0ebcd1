import assert from 'node:assert'
import { after, before, test } from 'node:test'
import { start } from 'wxmock/server'
import { createShop } from './shop.js'

let wx, backend
before(async () => {
  wx = await start()
  backend = createShop({ base: wx.url, appid: wx.appid, secret: wx.secret }).listen(0)
})
after(async () => {
  backend.close()
  await wx.stop()
})

test('a spent code logs nobody in', async () => {
  const login = async (code) => {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code }) }
    return (await fetch(`http://127.0.0.1:${backend.address().port}/login`, request)).status
  }
  const code = await wx.code('alice')
  assert.equal(await login(code), 200)
  assert.equal(await login(code), 401)
  await wx.assertCalls('jscode2session', 2)
})
