// Logins under load:  k6 run -e WXMOCK_URL=http://127.0.0.1:8910 -e BACKEND=http://127.0.0.1:8080 k6.js
import { check } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'

const json = { headers: { 'Content-Type': 'application/json' } }

export const options = { vus: 20, duration: '1m', thresholds: { checks: ['rate==1'] } }

export function setup() {
  const app = http.get(`${__ENV.WXMOCK_URL}/_mock/v1/apps`).json('apps.0.appid')
  for (let number = 1; number <= options.vus; number += 1) {
    http.post(`${__ENV.WXMOCK_URL}/_mock/v1/apps/${app}/users`, JSON.stringify({ name: `load-${number}` }), json)
  }
}

export default function login() {
  const code = http.get(`${__ENV.WXMOCK_URL}/_mock/wx/login?user=load-${exec.vu.idInTest}`).json('code')
  const answer = http.post(`${__ENV.BACKEND}/login`, JSON.stringify({ code }), json)
  check(answer, { 'logged in': ({ status }) => status === 200 })
}
