const { createPhone } = require('../../dist/index.cjs')
const { start } = require('../../dist/server.cjs')

let mock
beforeAll(async () => (mock = await start()))
afterAll(() => mock.stop())

test('a mock of the test file: the phone logs in, its key expires', async () => {
  jest.useFakeTimers()
  const { wx } = createPhone({ server: mock.url, app: mock.appid, user: 'alice' })
  expect((await wx.login()).code).toHaveLength(32)
  await mock.expireKey('alice')
  await expect(wx.checkSession()).rejects.toHaveProperty('errMsg')
  await mock.reset()
  await mock.assertCalls('jscode2session', 0)
  jest.useRealTimers()
})
