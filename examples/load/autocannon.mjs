// Logins under load:  node autocannon.mjs http://127.0.0.1:8080 SECONDS CONNECTIONS      WXMOCK_URL is the mock
import autocannon from 'autocannon'

const [backend, seconds = '10', connections = '20'] = process.argv.slice(2)
const mock = process.env.WXMOCK_URL ?? 'http://127.0.0.1:8910'
const ask = async (path, body) => {
  const answer = await fetch(`${mock}/_mock/v1/${path}`, body && { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

const app = (await ask('apps')).apps[0].appid
// A code works once and lives for five minutes: more are fetched while the run uses them up.
const codes = []
let minting
const refill = () => (minting ??= ask('codes', { app, user: 'alice', count: 10_000 }).then((minted) => {
  codes.push(...minted.codes)
  minting = undefined
}))
await refill()

const result = await autocannon({
  url: backend,
  duration: Number(seconds),
  connections: Number(connections),
  requests: [{
    method: 'POST',
    path: '/login',
    headers: { 'content-type': 'application/json' },
    setupRequest(request) {
      if (codes.length < 5_000) void refill()
      return { ...request, body: JSON.stringify({ code: codes.pop() }) }
    },
  }],
})
console.log(autocannon.printResult(result))
// 4xx is a code that was refused; 5xx is a backend that cannot keep up, and the table says how many.
if (result['2xx'] === 0 || result['4xx'] > 0) process.exit(1)
