/* global wx, uni, Taro */
const { phone } = require('../../dist/index.cjs')

test('the setup file gives wx, uni and Taro, with one phone behind them', async () => {
  const { code } = await wx.login()
  expect(code).toHaveLength(32)
  await uni.checkSession()
  expect((await Taro.login()).errMsg).toBe('login:ok')
  // Known without a wait: the setup file has asked.
  expect(wx.getAccountInfoSync().miniProgram.appId).toMatch(/^wx[0-9a-f]{16}$/)
  expect(phone.calls().map(({ api }) => api)).toEqual(['login', 'checkSession', 'login'])
})

test('a request goes out by what the environment has', async () => {
  const { statusCode, data } = await Taro.request(`${phone.server}/_mock/wx/login?user=alice&app=${process.env.WXMOCK_APPID}`)
  expect([statusCode, data.errMsg]).toEqual([200, 'login:ok'])
  const option = { url: `${phone.server}/_mock/wx/login`, method: 'POST', data: { user: '爱丽丝', app: process.env.WXMOCK_APPID } }
  const refused = await new Promise((success) => wx.request({ ...option, success }))
  expect([refused.statusCode, refused.data.error.message]).toEqual([404, 'no user is called `爱丽丝`'])
})

test('a frozen clock does not freeze the phone', async () => {
  jest.useFakeTimers()
  const heard = await new Promise((complete) => wx.login({ complete }))
  expect(heard.errMsg).toBe('login:ok')
  jest.useRealTimers()
})
